package pylock

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/mayfly-faas/mayfly/pyenv/index"
	"github.com/mayfly-faas/mayfly/pyenv/index/indextest"
	"github.com/mayfly-faas/mayfly/pyenv/requirement"
	"github.com/mayfly-faas/mayfly/pyenv/resolve"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal(t testing.TB, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func wantError(t testing.TB, err, is error, text string) {
	t.Helper()
	if !errors.Is(err, is) {
		t.Errorf("%v is not %v", err, is)
	}
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("error is\n\t%v\nwithout\n\t%s", err, text)
	}
}

var (
	target = resolve.WASI("3.12.0")
	zeros  = strings.Repeat("0", 64)
)

// example is much of what PEP 751 has.
var example = `
lock-version = '1.0'
environments = ["sys_platform == 'wasi'", "sys_platform == 'linux'"]
requires-python = '>=3.12'
extras = ['async']
dependency-groups = ['dev']
default-groups = ['main']
created-by = 'some-tool'
future-key = 1
[[packages]]
name = 'attrs'
version = '25.1.0'
requires-python = '>=3.8'
wheels = [
  {name = 'attrs-25.1.0-py3-none-any.whl', upload-time = 2025-01-25T11:30:10.164985+00:00, url = 'https://files/attrs-25.1.0-py3-none-any.whl', size = 63152, hashes = {sha256 = '` + zeros + `', md5 = 'x'}},
  {url = 'https://files/attrs-25.1.0-cp312-cp312-wasi_0_0_0_wasm32.whl', hashes = {sha256 = '` + zeros + `'}},
]
[packages.sdist]
name = 'attrs-25.1.0.tar.gz'
path = 'sdists/attrs-25.1.0.tar.gz'
hashes = {sha512 = '` + zeros + zeros + `'}
[[packages.attestation-identities]]
environment = 'release-pypi'
kind = 'GitHub'
[packages.tool.x]
y = [1, 2]
[[packages]]
name = 'cattrs'
marker = '"async" in extras or "dev" in dependency_groups'
dependencies = [{name = 'attrs', version = '25.1.0'}]
index = 'https://pypi.org/simple'
[packages.archive]
path = 'wheels/cattrs-1-py3-none-any.whl'
hashes = {sha256 = '` + zeros + `'}
[[packages]]
name = 'elsewhere'
marker = "sys_platform == 'win32'"
[packages.vcs]
type = 'git'
url = 'https://host/x.git'
commit-id = 'abc'
[tool.some-tool]
x = {y = 1}
`

func TestLockIsReadBack(t *testing.T) {
	l, err := Parse("pylock.toml", []byte(example))
	check(t, err)
	data, err := l.Marshal()
	check(t, err)
	again, err := Parse("pylock.toml", data)
	check(t, err)
	equal(t, again, l)
	twice, err := again.Marshal()
	check(t, err)
	equal(t, string(twice), string(data))
	equal(t, l.Packages[0].Wheels[0].UploadTime.UTC(), time.Date(2025, 1, 25, 11, 30, 10, 164985000, time.UTC))
}

func TestSelect(t *testing.T) {
	l, err := Parse("pylock.toml", []byte(example))
	check(t, err)
	names := func(chosen requirement.Chosen) (out []string) {
		picked, err := l.Select("/locks", target, chosen)
		check(t, err)
		for _, p := range picked {
			out = append(out, p.Package.Name+" "+p.File.URL+" "+p.File.Name)
		}
		return out
	}
	attrs := "attrs https://files/attrs-25.1.0-py3-none-any.whl attrs-25.1.0-py3-none-any.whl"
	cattrs := "cattrs file:///locks/wheels/cattrs-1-py3-none-any.whl cattrs-1-py3-none-any.whl"
	equal(t, names(requirement.Chosen{}), []string{attrs})
	equal(t, names(requirement.Chosen{Extras: []string{"Async"}}), []string{attrs, cattrs})
	equal(t, names(requirement.Chosen{Groups: []string{"dev"}}), []string{attrs, cattrs})

	_, err = l.Select("", target, requirement.Chosen{Extras: []string{"docs"}})
	wantError(t, err, ErrChosen, `the lock has no extra "docs"`)
	_, err = l.Select("", resolve.WASI("3.11.0"), requirement.Chosen{})
	wantError(t, err, ErrTarget, "the lock is for Python >=3.12, and this is 3.11.0")
	other := target
	other.Environment.SysPlatform = "win32"
	_, err = l.Select("", other, requirement.Chosen{})
	wantError(t, err, ErrTarget, "the lock is for other targets than win32 with Python 3.12.0: sys_platform == 'wasi'; sys_platform == 'linux'")
	l.Packages[0].Wheels = l.Packages[0].Wheels[:0]
	_, err = l.Select("", target, requirement.Chosen{})
	wantError(t, err, ErrTarget, "attrs has no wheel for wasi with Python 3.12: the lock has no wheels")
}

func TestLockErrorsNameTheKey(t *testing.T) {
	const head = "lock-version='1.0'\ncreated-by='x'\n"
	wheel := "wheels=[{url='https://h/a-1-py3-none-any.whl',hashes={sha256='" + zeros + "'}}]\n"
	for text, want := range map[string]string{
		"lock-version='2.0'\ncreated-by='x'\npackages=[]": `p.toml: lock-version: it is "2.0", and only "1.0" can be read`,
		"created-by='x'":                                                             `p.toml: lock-version: it is ""`,
		"lock-version='1.0'":                                                         `p.toml: created-by: it is missing`,
		"lock-version=1.0":                                                           `p.toml:1: lock-version: `,
		head + "environments=['x']":                                                  `p.toml: environments[0]: "x" is not an environment marker`,
		head + "requires-python='3'":                                                 `p.toml: requires-python: "3" is not a version specifier`,
		head + "[[packages]]\nversion='1'":                                           `p.toml: packages[0].name: "" is no name`,
		head + "[[packages]]\nname='A_b'":                                            `p.toml: packages.A_b.name: "A_b" is to be written "a-b"`,
		head + "[[packages]]\nname='a'":                                              `p.toml: packages.a: it has neither wheels nor another source`,
		head + "[[packages]]\nname='a'\nversion='x'\n" + wheel:                       `p.toml: packages.a.version: "x" is not a version`,
		head + "[[packages]]\nname='a'\nmarker='x'\n" + wheel:                        `p.toml: packages.a.marker: "x" is not an environment marker`,
		head + "[[packages]]\nname='a'\ndependencies=[{}]\n" + wheel:                 `p.toml: packages.a.dependencies[0]: it has no name`,
		head + "[[packages]]\nname='a'\nwheels=[{url='x',hashes={md5='0'}}]":         `p.toml: packages.a.wheels[0]: hashes has none of sha256`,
		head + "[[packages]]\nname='a'\nwheels=[{url='x',hashes={sha256='0'}}]":      `p.toml: packages.a.wheels[0]: hashes.sha256 is not 64 digits`,
		head + "[[packages]]\nname='a'\nwheels=[{hashes={sha256='" + zeros + "'}}]":  `p.toml: packages.a.wheels[0]: it has neither url nor path`,
		head + "[[packages]]\nname='a'\n" + wheel + "vcs={type='git',commit-id='x'}": `p.toml: packages.a: it has more than one of vcs`,
	} {
		_, err := Parse("p.toml", []byte(text))
		wantError(t, err, ErrLock, want)
	}
	for text, want := range map[string]string{
		head + "[[packages]]\nname='a'\n" + wheel + "[[packages]]\nname='a'\n" + wheel:                                   "a is there more than once for this target",
		head + "[[packages]]\nname='b'\n" + wheel:                                                                        "b has a wheel of another name or version: a-1-py3-none-any.whl",
		head + "[[packages]]\nname='a'\nwheels=[{url='ftp://h/a-1-py3-none-any.whl',hashes={sha256='" + zeros + "'}}]":   "is neither https, http nor file",
		head + "[[packages]]\nname='a'\nwheels=[{url='file:///h/a-1-py3-none-any.whl',hashes={sha256='" + zeros + "'}}]": "/h/a-1-py3-none-any.whl is a file of this machine: refused",
		head + "[[packages]]\nname='a'\nwheels=[{path='a-1-py3-none-any.whl',hashes={sha256='" + zeros + "'}}]":          "a-1-py3-none-any.whl is a file of this machine: refused",
	} {
		l, err := Parse("p.toml", []byte(text))
		check(t, err)
		_, err = l.Select("", target, requirement.Chosen{})
		wantError(t, err, ErrLock, want)
	}
}

// What is resolved, locked, read and selected is downloaded as it was locked; and its identity does not depend on the index.
func TestLockOfAResolution(t *testing.T) {
	var ids []string
	for _, secret := range []string{"", "me:secret@"} {
		server := indextest.Serve(t, indextest.Wheel{Name: "a", Version: "1", Requires: []string{"b"}}.File(), indextest.Wheel{Name: "b", Version: "2.0"}.File())
		server.JSON = true
		dir := t.TempDir()
		local := indextest.Wheel{Name: "c", Version: "3"}
		check(t, os.WriteFile(filepath.Join(dir, local.Filename()), local.Bytes(), 0o644))
		netrc := filepath.Join(dir, "netrc")
		check(t, os.WriteFile(netrc, nil, 0o600))
		c, err := index.New(index.Options{Indexes: []string{strings.Replace(server.Simple(), "http://", "http://"+secret, 1)}, FindLinks: []string{dir}, Netrc: netrc})
		check(t, err)
		defer c.Close()
		var roots []resolve.Root
		for _, s := range []string{"a", "c"} {
			r, err := requirement.Parse(s)
			check(t, err)
			roots = append(roots, resolve.List("the test", []requirement.Requirement{r})...)
		}
		r, err := resolve.Resolve(t.Context(), c, roots, resolve.Options{Target: target})
		check(t, err)
		_, err = FromResolution(r, target, dir, nil)
		wantError(t, err, ErrLock, "lock c: its index says no hash, so it has to be downloaded first")
		sums := map[string]string{}
		for _, p := range r.Packages {
			d, err := c.Download(t.Context(), p.File, t.TempDir(), index.DownloadOptions{})
			check(t, err)
			sums[p.Name] = d.SHA256
		}
		l, err := FromResolution(r, target, dir, sums)
		check(t, err)
		data, err := l.Marshal()
		check(t, err)
		if strings.Contains(string(data), "secret") || !strings.Contains(string(data), "path = 'c-3-py3-none-any.whl'") || !strings.Contains(string(data), "index = '"+server.Simple()+"'") {
			t.Errorf("the lock is\n%s", data)
		}
		l, err = Parse("pylock.toml", data)
		check(t, err)
		picked, err := l.Select(dir, target, requirement.Chosen{})
		check(t, err)
		for _, p := range picked {
			_, err := c.Download(t.Context(), p.File, t.TempDir(), index.DownloadOptions{})
			check(t, err)
		}
		ids = append(ids, Identity(target, picked))
		if Identity(resolve.WASI("3.12.1"), picked) == ids[0] || Identity(target, picked[1:]) == ids[0] {
			t.Error("another environment has the same identity")
		}
	}
	equal(t, ids[0], ids[1])
}

func FuzzLock(f *testing.F) {
	f.Add([]byte(example))
	f.Add([]byte("lock-version='1.0'\ncreated-by='x'\n[[packages]]\nname='a'\nwheels=[{url='https://h/a-1-py3-none-any.whl',hashes={sha256='" + zeros + "'}}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := Parse("pylock.toml", data)
		if err != nil {
			return
		}
		l.Select(".", target, requirement.Chosen{})
		written, err := l.Marshal()
		check(t, err)
		again, err := Parse("pylock.toml", written)
		if err != nil {
			t.Fatalf("%s\nwas written as\n%s\n%v", data, written, err)
		}
		twice, err := again.Marshal()
		check(t, err)
		equal(t, string(twice), string(written))
	})
}
