package runtime_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mayfly-faas/mayfly/pyenv/index"
	"github.com/mayfly-faas/mayfly/pyenv/index/indextest"
	"github.com/mayfly-faas/mayfly/pyenv/wheel/wheeltest"
	"github.com/mayfly-faas/mayfly/runtime"
	"github.com/mayfly-faas/mayfly/runtime/call"
	"github.com/mayfly-faas/mayfly/runtime/runtimetest"
)

// shop is a server whose packages come from a folder of wheels.
type shop struct {
	t          *testing.T
	data, link string
	rt         *runtime.Runtime
	log        bytes.Buffer
}

// newShop has greet 1.0 and 2.0, of which the second needs words.
func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{t: t, data: runtimetest.DataDir(t), link: t.TempDir()}
	for _, w := range []wheeltest.Wheel{
		{Project: "words", Version: "1.5", Files: map[string]string{"words/__init__.py": "hello = 'hello'\n", "words/broken.py": "this is not Python\n"}},
		{Project: "words", Version: "0.5", Files: map[string]string{"words.py": ""}},
		{Project: "greet", Version: "1.0", Files: map[string]string{"greet.py": "def greet(): return 'old'\n"}},
		{Project: "greet", Version: "2.0", Metadata: "Requires-Dist: words>=1\n", Files: map[string]string{
			"greet.py": "import words\ndef greet(): return words.hello + ' ' + ('compiled' if __cached__ and 'pycache' in __cached__ and __import__('os').path.exists(__cached__) else 'source')\n",
		}},
	} {
		path := w.Build(t)
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(s.link, filepath.Base(path)), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.open()
	t.Cleanup(s.close)
	return s
}

func (s *shop) open() {
	s.t.Helper()
	o := runtime.Options{DataDir: s.data, Index: index.Options{FindLinks: []string{s.link}, NoIndex: true}, Logger: slog.New(slog.NewTextHandler(&s.log, nil))}
	var err error
	if s.rt, err = runtime.Open(o); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) close() {
	s.t.Helper()
	if err := s.rt.Close(); err != nil {
		s.t.Error(err)
	}
}

const greeter = "import greet\ndef handler(request): return greet.greet()\n"

// deploy deploys files, and returns what became live.
func (s *shop) deploy(name string, files map[string]string) runtime.Version {
	s.t.Helper()
	d, err := s.try(name, files)
	if err != nil {
		s.t.Fatalf("deploy %s: %v", name, err)
	}
	return d.Version
}

func (s *shop) try(name string, files map[string]string) (runtime.Deployed, error) {
	s.t.Helper()
	if source, ok := files[""]; ok {
		return s.rt.Deploy(name, strings.NewReader(source), runtime.DeployOptions{})
	}
	return s.rt.Deploy(name, bytes.NewReader(runtimetest.Zip(s.t, files)), runtime.DeployOptions{})
}

// call calls a function, which must answer.
func (s *shop) call(name string) string { return s.get(name, "") }

func (s *shop) get(name, path string) string {
	s.t.Helper()
	target, err := s.rt.Find(name)
	if err != nil {
		s.t.Fatal(err)
	}
	defer target.Close()
	r := &call.Request{ID: "1", Method: "GET", ScriptName: "/fn/" + name, Proto: "HTTP/1.1", Host: "localhost", RemoteAddr: "127.0.0.1:1", ServerAddr: "127.0.0.1:2", RequestURI: "/fn/" + name + path}
	r.Path, r.Query, _ = strings.Cut(path, "?")
	response, _, err := target.Invoke(s.t.Context(), r)
	if err != nil {
		s.t.Fatalf("call %s: %v", name, err)
	}
	return string(response.Body)
}

// there lists a folder of the data folder, sorted, without what has a fixed name.
func (s *shop) there(dir string) (names []string) {
	s.t.Helper()
	entries, err := os.ReadDir(filepath.Join(s.data, dir))
	if err != nil && !os.IsNotExist(err) {
		s.t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "lock" && !strings.HasPrefix(e.Name(), "base-") {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestRequirementsAreInstalledAtDeploy(t *testing.T) {
	s := newShop(t)
	both := []string{"greet 2.0", "words 1.5"}
	for _, tc := range []struct {
		name  string
		files map[string]string
		want  []string
		says  string
	}{
		{"requirements", map[string]string{"main.py": greeter, "requirements.txt": "-r more/a.txt\n", "more/a.txt": "greet\n"}, both, "hello compiled"},
		{"constrained", map[string]string{"main.py": greeter, "requirements.txt": "-c c.txt\ngreet\n", "c.txt": "greet<2\n"}, []string{"greet 1.0"}, "old"},
		{"project", map[string]string{"main.py": greeter, "pyproject.toml": "[project]\nname = 'x'\nversion = '1'\nrequires-python = '>=3.8'\ndependencies = ['greet>1']\n"}, both, "hello compiled"},
		{"first", map[string]string{"main.py": greeter, "requirements.txt": "greet==1.0\n", "pyproject.toml": "[project]\nname = 'x'\nversion = '1'\ndependencies = ['nosuch']\n"}, []string{"greet 1.0"}, "old"},
		{"script", map[string]string{"": "# /// script\n# dependencies = ['greet']\n# ///\n" + greeter}, both, "hello compiled"},
		{"vendored", map[string]string{"main.py": greeter, "requirements.txt": "greet\nwords\n", "greet.py": "import words\ndef greet(): return 'mine ' + words.hello\n", "greet-3.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: Greet\nVersion: 3.0\n"}, []string{"words 1.5"}, "mine hello"},
		{"none", map[string]string{"main.py": "def handler(request): return 'alone'\n", "requirements.txt": "# nothing\nnosuch; sys_platform == 'win32'\n"}, nil, "alone"},
	} {
		v := s.deploy(tc.name, tc.files)
		if diff := cmp.Diff(tc.want, v.Packages); diff != "" {
			t.Errorf("%s: packages (-want +got):\n%s", tc.name, diff)
		}
		if got := s.call(tc.name); got != tc.says {
			t.Errorf("%s: says %q, want %q", tc.name, got, tc.says)
		}
	}
	// Three environments for six functions, and one that is empty.
	if got := s.there("cache/venvs"); len(got) != 4 {
		t.Errorf("environments: %q, want 4", got)
	}
	if strings.Contains(s.log.String(), "without byte code") {
		t.Error(s.log.String())
	}
}

func TestLockIsInstalledAsItIs(t *testing.T) {
	s := newShop(t)
	_, err := s.try("f", map[string]string{"main.py": greeter, "requirements.txt": "greet", "pylock.toml": `lock-version = "1.0"
created-by = "test"
[[packages]]
name = "greet"
version = "1.0"
wheels = [{path = "` + filepath.ToSlash(s.link) + `/greet-1.0-py3-none-any.whl", hashes = {sha256 = "` + strings.Repeat("0", 64) + `"}}]
`})
	if !errors.Is(err, runtime.ErrArtifact) || !strings.Contains(err.Error(), "is a file of this machine: refused") {
		t.Errorf("got %v, want that the server's files are refused", err)
	}

	content, err := os.ReadFile(filepath.Join(s.link, "greet-1.0-py3-none-any.whl"))
	if err != nil {
		t.Fatal(err)
	}
	web := indextest.Serve(t, indextest.File{Name: "greet-1.0-py3-none-any.whl", Data: content})
	lock := func(sum string) map[string]string {
		return map[string]string{"main.py": greeter, "requirements.txt": "greet==2.0", "pylock.toml": fmt.Sprintf(`lock-version = "1.0"
created-by = "test"
[[packages]]
name = "greet"
version = "1.0"
wheels = [{url = "%s/files/greet-1.0-py3-none-any.whl", hashes = {sha256 = "%s"}}]
`, web.URL, sum)}
	}
	if _, err := s.try("f", lock(strings.Repeat("0", 64))); !errors.Is(err, runtime.ErrArtifact) || !strings.Contains(err.Error(), "sha256") {
		t.Errorf("got %v, want that the hash differs", err)
	}
	v := s.deploy("f", lock(fmt.Sprintf("%x", sha256.Sum256(content))))
	if diff := cmp.Diff([]string{"greet 1.0"}, v.Packages); diff != "" || s.call("f") != "old" {
		t.Errorf("it says %q, packages (-want +got):\n%s", s.call("f"), diff)
	}
}

func TestRequirementsThatCannotBeMetRefuseTheDeploy(t *testing.T) {
	s := newShop(t)
	secret := filepath.Join(s.link, "greet-1.0-py3-none-any.whl")
	t.Setenv("SERVER_SECRET", "greet")
	s.deploy("f", map[string]string{"main.py": "def handler(request): return 'before'\n"})
	venvs := s.there("cache/venvs")
	for _, tc := range []struct{ name, file, content, want string }{
		{"unknown", "requirements.txt", "greet\nnosuch>=1\n", "nosuch"},
		{"conflict", "requirements.txt", "greet==2.0\nwords<1\n", "words>=1 is asked for by greet 2.0, which is asked for by requirements.txt:1"},
		{"file", "requirements.txt", "greet @ file://" + secret + "\n", "a function can use no file of the server"},
		{"folder", "requirements.txt", "--find-links /etc\ngreet\n", "whose files cannot be used by a function"},
		{"outside", "requirements.txt", "-r ../../../etc/passwd\n", "it is not in what was deployed"},
		{"environment", "requirements.txt", "${SERVER_SECRET}\n", "requirements.txt:1"},
		{"syntax", "pyproject.toml", "[project\n", "pyproject.toml"},
		{"python", "pyproject.toml", "[project]\nname='x'\nversion='1'\nrequires-python='<3.9'\n", "asks for Python <3.9, and the server has 3.12.0"},
	} {
		_, err := s.try("f", map[string]string{"main.py": greeter, tc.file: tc.content})
		if !errors.Is(err, runtime.ErrArtifact) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %q", tc.name, err, tc.want)
		}
		t.Logf("%s: %v", tc.name, err)
	}
	if got := s.call("f"); got != "before" {
		t.Errorf("the live version says %q", got)
	}
	if diff := cmp.Diff(venvs, s.there("cache/venvs")); diff != "" {
		t.Errorf("environments (-before +after):\n%s", diff)
	}
}

func TestEnvironmentsAreSharedMadeAgainAndSwept(t *testing.T) {
	s := newShop(t)
	files := map[string]string{"main.py": greeter, "requirements.txt": "greet\n"}
	s.deploy("f", files)
	venvs, wheels := s.there("cache/venvs"), s.there("wheels")
	if len(venvs) != 1 || len(wheels) != 2 {
		t.Fatalf("environments %q, wheels %q", venvs, wheels)
	}
	made, err := os.Stat(filepath.Join(s.data, "cache/venvs", venvs[0]))
	if err != nil {
		t.Fatal(err)
	}
	files["other.py"] = ""
	s.deploy("g", files)
	again, err := os.Stat(filepath.Join(s.data, "cache/venvs", venvs[0]))
	if err != nil || !os.SameFile(made, again) || len(s.there("cache/venvs")) != 1 {
		t.Errorf("the second deploy did not reuse the environment: %v, %q", err, s.there("cache/venvs"))
	}
	restart := func() {
		t.Helper()
		s.close()
		s.open()
	}
	check := func(when string, wantVenvs, wantWheels int) {
		t.Helper()
		if v, w := s.there("cache/venvs"), s.there("wheels"); len(v) != wantVenvs || len(w) != wantWheels {
			t.Errorf("%s: environments %q and wheels %q, want %d and %d", when, v, w, wantVenvs, wantWheels)
		}
	}
	restart()
	if got := s.call("f"); got != "hello compiled" {
		t.Errorf("after a restart it says %q", got)
	}
	check("after a restart", 1, 2)

	// What lacks a file is made again.
	lib := filepath.Join(s.data, "cache/venvs", venvs[0], "lib/python3.12/site-packages")
	if err := os.Remove(filepath.Join(lib, "words/__init__.py")); err != nil {
		t.Fatal(err)
	}
	restart()
	if got := s.call("f"); got != "hello compiled" || !strings.Contains(s.log.String(), "words/__init__.py: it is not as it was made") {
		t.Errorf("with a file lost it says %q; the log:\n%s", got, s.log.String())
	}
	if _, err := os.Stat(filepath.Join(lib, "words/__init__.py")); err != nil {
		t.Error(err)
	}

	// The cache can be deleted: the wheels are in the store, though the folder that they came from is gone.
	for _, dir := range []string{"cache/venvs", "cache/images", "cache/index"} {
		if err := os.RemoveAll(filepath.Join(s.data, dir)); err != nil {
			t.Fatal(err)
		}
	}
	// The modules that CPython was compiled to stay, for the test's sake.
	for _, name := range []string{"greet-2.0-py3-none-any.whl", "words-1.5-py3-none-any.whl"} {
		if err := os.Rename(filepath.Join(s.link, name), filepath.Join(s.data, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(s.data, "cache/venvs/left-over"), 0o700); err != nil { // so that wheels are pruned
		t.Fatal(err)
	}
	restart()
	check("without a cache", 0, 2)
	if got := s.call("f"); got != "hello compiled" {
		t.Errorf("without a cache it says %q", got)
	}

	// Another version needs another one; the first can be rolled back to.
	s.deploy("f", map[string]string{"main.py": greeter, "requirements.txt": "greet<2\n"})
	if err := s.rt.Delete("g"); err != nil {
		t.Fatal(err)
	}
	restart()
	check("with two versions", 2, 3)
	if got := s.call("f"); got != "old" {
		t.Errorf("the new version says %q", got)
	}
	if _, err := s.rt.Rollback("f", 0); err != nil {
		t.Fatal(err)
	}
	if got := s.call("f"); got != "hello compiled" {
		t.Errorf("rolled back it says %q", got)
	}
	// A store that was emptied is filled again from where the wheels came from.
	for _, dir := range []string{"cache/venvs", "cache/images", "wheels"} {
		if err := os.RemoveAll(filepath.Join(s.data, dir)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"greet-2.0-py3-none-any.whl", "words-1.5-py3-none-any.whl"} {
		if err := os.Rename(filepath.Join(s.data, name), filepath.Join(s.link, name)); err != nil {
			t.Fatal(err)
		}
	}
	restart()
	if got := s.call("f"); got != "hello compiled" {
		t.Errorf("without a store it says %q", got)
	}
	if err := s.rt.Delete("f"); err != nil {
		t.Fatal(err)
	}
	restart()
	check("when all is deleted", 0, 0)
}

// TestFlaskIsDeployedByItsRequirements deploys the example as it lies there, without packages.
func TestFlaskIsDeployedByItsRequirements(t *testing.T) {
	s := newShop(t)
	for _, path := range wheeltest.Debian(t, wheeltest.Flask...) {
		if err := os.Rename(path, filepath.Join(s.link, filepath.Base(path))); err != nil {
			t.Fatal(err)
		}
	}
	v := s.deploy("flask", runtimetest.Folder(t, filepath.Join("..", "examples", "python", "flask")))
	var names []string
	for _, p := range v.Packages {
		name, _, _ := strings.Cut(p, " ")
		names = append(names, name)
	}
	if diff := cmp.Diff([]string{"click", "flask", "itsdangerous", "jinja2", "markupsafe", "werkzeug"}, names); diff != "" {
		t.Errorf("packages (-want +got):\n%s", diff)
	}
	if got := s.get("flask", "/?name=Ada"); !strings.Contains(got, "Ada") {
		t.Errorf("it says %q", got)
	}
	s.deploy("again", runtimetest.Folder(t, filepath.Join("..", "examples", "python", "flask")))
	if got := s.there("cache/venvs"); len(got) != 1 {
		t.Errorf("environments: %q, want one", got)
	}
	t.Log(s.log.String())
}
