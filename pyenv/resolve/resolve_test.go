package resolve

import (
	"context"
	"errors"
	"fmt"
	"net/http"
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

// pkg is a wheel: "flask 3.0", and what it needs.
func pkg(what string, requires ...string) indextest.Wheel {
	name, version, _ := strings.Cut(what, " ")
	return indextest.Wheel{Name: name, Version: version, Requires: requires}
}

func wheels(ws ...indextest.Wheel) (files []indextest.File) {
	for _, w := range ws {
		files = append(files, w.File())
	}
	return files
}

// client is one for an index of these files.
func client(t testing.TB, files ...indextest.File) (*index.Client, *indextest.Index) {
	t.Helper()
	server := indextest.Serve(t, files...)
	server.JSON = true
	netrc := filepath.Join(t.TempDir(), "netrc")
	check(t, os.WriteFile(netrc, nil, 0o600))
	c, err := index.New(index.Options{Indexes: []string{server.Simple()}, Netrc: netrc, Attempts: 1})
	check(t, err)
	t.Cleanup(func() { c.Close() })
	return c, server
}

// ask are roots from lines, each from the line of its number: "flask>=3 --hash=sha256:00".
func ask(t testing.TB, lines ...string) (roots []Root) {
	t.Helper()
	for i, line := range lines {
		line, hash, _ := strings.Cut(line, " --hash=")
		r, err := requirement.Parse(line)
		check(t, err)
		root := Root{Requirement: r, From: fmt.Sprintf("r.txt:%d", i+1)}
		if hash != "" {
			root.Hashes = []string{hash}
		}
		roots = append(roots, root)
	}
	return roots
}

func resolved(r *Resolution) string {
	var names []string
	for _, p := range r.Packages {
		name := p.Name
		if len(p.Extras) > 0 {
			name += "[" + strings.Join(p.Extras, ",") + "]"
		}
		names = append(names, name+" "+p.Version.String())
	}
	return strings.Join(names, ", ")
}

var sandbox = Options{Target: WASI("3.12.0")}

func TestNewestThatFit(t *testing.T) {
	universe := wheels(
		pkg("flask 3.0", "werkzeug>=3", "click; sys_platform != 'x'", "colorama; sys_platform == 'win32'", "asgiref; extra == 'async'", "importlib; python_version < '3.10'"),
		indextest.Wheel{Name: "flask", Version: "2.0", Requires: []string{"werkzeug<3"}},
		pkg("werkzeug 3.1", "markupsafe"), pkg("werkzeug 2.3"), pkg("click 8.1"), pkg("click 9.0rc1"), pkg("markupsafe 2"), pkg("asgiref 3"),
		pkg("a 2", "c>=2"), pkg("a 1", "c"), pkg("b 1", "c<2"), pkg("c 2"), pkg("c 1"),
		pkg("loop-a 1", "loop-b"), pkg("loop-b 1", "loop-a"),
		indextest.Wheel{Name: "fresh", Version: "2", RequiresPython: ">=3.13"}, indextest.Wheel{Name: "fresh", Version: "1", RequiresPython: ">=3.8"},
		pkg("gone 1", "nowhere"), pkg("gone 0.9"),
		indextest.Wheel{Name: "self", Version: "1", Requires: []string{"self[a]; extra == 'all'", "click; extra == 'a'"}, Extras: []string{"all", "a"}},
	)
	for _, c := range []struct {
		name  string
		roots []string
		o     func(*Options)
		want  string
	}{
		{"markers are the sandbox's", []string{"Flask"}, nil, "click 8.1, flask 3.0, markupsafe 2, werkzeug 3.1"},
		{"extras", []string{"flask[async]"}, nil, "asgiref 3, click 8.1, flask[async] 3.0, markupsafe 2, werkzeug 3.1"},
		{"an older one where others ask", []string{"flask", "werkzeug<3"}, nil, "flask 2.0, werkzeug 2.3"},
		{"back to an older one", []string{"a", "b"}, nil, "a 1, b 1, c 1"},
		{"circles", []string{"loop-a"}, nil, "loop-a 1, loop-b 1"},
		{"no pre-releases", []string{"click"}, nil, "click 8.1"},
		{"pre-releases if asked for", []string{"click"}, func(o *Options) { o.Pre = true }, "click 9.0rc1"},
		{"pre-releases if named", []string{"click>=9.0a0"}, nil, "click 9.0rc1"},
		{"pre-releases if nothing else fits", []string{"click>8.1"}, nil, "click 9.0rc1"},
		{"no dependencies", []string{"flask"}, func(o *Options) { o.NoDeps = true }, "flask 3.0"},
		{"constraints", []string{"flask"}, func(o *Options) { o.Constraints = ask(t, "werkzeug<3", "asgiref<1") }, "flask 2.0, werkzeug 2.3"},
		{"Python's version", []string{"fresh"}, nil, "fresh 1"},
		{"a dependency that is nowhere", []string{"gone"}, nil, "gone 0.9"},
		{"extras of itself", []string{"self[all]"}, nil, "click 8.1, self[a,all] 1"},
		{"markers of roots", []string{"flask; sys_platform == 'win32'", "c"}, nil, "c 2"},
		{"installed ones stay", []string{"c"}, func(o *Options) { o.Installed = map[string]requirement.Version{"c": requirement.MustVersion("1.0")} }, "c 1"},
		{"unless upgraded", []string{"c"}, func(o *Options) {
			o.Installed, o.Upgrade = map[string]requirement.Version{"c": requirement.MustVersion("1.0")}, true
		}, "c 2"},
		{"or that one is", []string{"c"}, func(o *Options) {
			o.Installed, o.UpgradePackages = map[string]requirement.Version{"c": requirement.MustVersion("1.0")}, []string{"C"}
		}, "c 2"},
		{"or they do not fit", []string{"c>1"}, func(o *Options) { o.Installed = map[string]requirement.Version{"c": requirement.MustVersion("1.0")} }, "c 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			src, _ := client(t, universe...)
			o := sandbox
			if c.o != nil {
				c.o(&o)
			}
			r, err := Resolve(t.Context(), src, ask(t, c.roots...), o)
			check(t, err)
			equal(t, resolved(r), c.want)
		})
	}
}

func TestWhoNeedsWhatIsTold(t *testing.T) {
	src, _ := client(t, wheels(pkg("a 1", "c"), pkg("b 1", "c"), pkg("c 1"))...)
	r, err := Resolve(t.Context(), src, ask(t, "a", "b"), sandbox)
	check(t, err)
	var got []string
	for _, p := range r.Packages {
		got = append(got, fmt.Sprintf("%s %t %v %v", p.Name, p.Requested, p.Needs, p.RequiredBy))
	}
	equal(t, got, []string{"a true [c] [r.txt:1]", "b true [c] [r.txt:2]", "c false [] [a b]"})
}

func TestConflictsAreAChainOfWhoAskedForWhat(t *testing.T) {
	native := func(name, version string) indextest.File {
		f := indextest.Wheel{Name: name, Version: version, Tag: "cp312-cp312-manylinux_2_17_x86_64"}.File()
		return f
	}
	old := pkg("pydantic-core 0.1").File()
	old.Uploaded = time.Date(2022, 3, 4, 0, 0, 0, 0, time.UTC)
	yanked := pkg("bad 1").File()
	yanked.Yanked, yanked.YankedReason = true, "it deletes files"
	universe := append(wheels(
		pkg("flask 3.0", "werkzeug>=3"), pkg("werkzeug 3.1"), pkg("werkzeug 2.3"), pkg("app 1", "flask==3.0"),
		pkg("pandas 2", "numpy>=2"), pkg("typo 1", "flaks"),
		indextest.Wheel{Name: "fresh", Version: "2", RequiresPython: ">=3.13"},
		pkg("broken 1", "a b"),
	), native("numpy", "2.0"), native("numpy", "2.1"), native("pydantic-core", "2"), old, yanked,
		indextest.File{Name: "source-1.0.tar.gz", Data: []byte("x")},
		indextest.Wheel{Name: "py2", Version: "1", Tag: "py2-none-any"}.File(),
		pkg("pydantic 2.0", "pydantic-core==1").File(), pkg("pydantic 2.1", "pydantic-core==2").File(), pkg("pydantic 2.2", "pydantic-core>=2").File(), native("pydantic-core", "1"))
	for _, c := range []struct {
		name  string
		roots []string
		limit []string
		want  string
	}{
		{"two who ask", []string{"app", "werkzeug<3"}, nil, `no version of werkzeug is what all want who ask for it:
  werkzeug<3 is asked for by r.txt:2
  werkzeug>=3 is asked for by flask 3.0, which is asked for by app 1, which is asked for by r.txt:1
  there are 3.1, 2.3`},
		{"a constraint", []string{"flask"}, []string{"werkzeug<3"}, `no version of werkzeug is what all want who ask for it:
  werkzeug>=3 is asked for by flask 3.0, which is asked for by r.txt:1
  werkzeug<3 is asked for by the constraint at r.txt:1
  there are 3.1, 2.3`},
		{"none of this version", []string{"werkzeug>4"}, nil, `no version of werkzeug can be taken:
  werkzeug>4 is asked for by r.txt:1
  there are 3.1, 2.3`},
		{"native code only", []string{"pandas"}, nil, `no version of numpy can be taken:
  numpy>=2 is asked for by pandas 2, which is asked for by r.txt:1
  numpy 2.1 cannot be used: it has native code, and no wheel for wasi (it has numpy-2.1-cp312-cp312-manylinux_2_17_x86_64.whl)
  no version has ever had a wheel for this target`},
		{"native code since", []string{"pydantic-core>=1"}, nil, `no version of pydantic-core can be taken:
  pydantic-core>=1 is asked for by r.txt:1
  pydantic-core 2 cannot be used: it has native code, and no wheel for wasi (it has pydantic_core-2-cp312-cp312-manylinux_2_17_x86_64.whl); pydantic<2 has no native part (docs.pydantic.dev, 1.10, Install)
  the last version that has a wheel for this target is 0.1 (2022-03-04)`},
		{"versions that are alternatives", []string{"pydantic"}, nil, `no version of pydantic-core can be taken:
  pydantic-core>=2 is asked for by pydantic 2.2, which is asked for by r.txt:1
  pydantic-core 2 cannot be used: it has native code, and no wheel for wasi (it has pydantic_core-2-cp312-cp312-manylinux_2_17_x86_64.whl); pydantic<2 has no native part (docs.pydantic.dev, 1.10, Install)
  the last version that has a wheel for this target is 0.1 (2022-03-04)
  nor does it go with pydantic 2.1, 2.0`},
		{"sources only", []string{"source"}, nil, `no version of source can be taken:
  source is asked for by r.txt:1
  source 1.0 cannot be used: it has no wheel, only source-1.0.tar.gz, which would have to be built
  no version has ever had a wheel for this target`},
		{"another Python", []string{"fresh"}, nil, `no version of fresh can be taken:
  fresh is asked for by r.txt:1
  fresh 2 cannot be used: it needs Python >=3.13, and this is 3.12.0
  no version has ever had a wheel for this target`},
		{"Python 2", []string{"py2"}, nil, `no version of py2 can be taken:
  py2 is asked for by r.txt:1
  py2 1 cannot be used: its wheels are for another Python than 3.12 (it has py2-1-py2-none-any.whl)
  no version has ever had a wheel for this target`},
		{"withdrawn", []string{"bad"}, nil, `no version of bad can be taken:
  bad is asked for by r.txt:1
  bad 1 was withdrawn by its authors ("it deletes files"): ask for it by ==1 if you want it nevertheless`},
		{"not there", []string{"typo"}, nil, `no version of flaks can be taken:
  flaks is asked for by typo 1, which is asked for by r.txt:1
  no package "flaks" in INDEX: see how it is spelled`},
		{"broken metadata", []string{"broken"}, nil, `no version of broken can be taken:
  broken is asked for by r.txt:1
  broken 1: broken-1-py3-none-any.whl: METADATA: Requires-Dist: "b" is not a version specifier: it begins with one of == != <= >= < > ~= ===`},
	} {
		t.Run(c.name, func(t *testing.T) {
			src, server := client(t, universe...)
			o := sandbox
			o.Constraints = ask(t, c.limit...)
			_, err := Resolve(t.Context(), src, ask(t, c.roots...), o)
			if !errors.Is(err, ErrConflict) {
				t.Fatalf("got %v", err)
			}
			equal(t, strings.ReplaceAll(err.Error(), server.Simple(), "INDEX"), c.want)
		})
	}
}

func TestPureVersionsComeFirstAndItIsToldWhy(t *testing.T) {
	universe := append(wheels(pkg("pydantic 2", "pydantic-core==2"), pkg("pydantic 1.10"), pkg("yaml 5")),
		indextest.Wheel{Name: "pydantic-core", Version: "2", Tag: "cp312-cp312-macosx_11_0_arm64"}.File(),
		indextest.Wheel{Name: "yaml", Version: "6", Tag: "cp312-cp312-win_amd64"}.File(),
		indextest.Wheel{Name: "both", Version: "1", Tag: "cp312-cp312-wasi_0_0_0_wasm32"}.File(), pkg("both 1").File())
	src, _ := client(t, universe...)
	r, err := Resolve(t.Context(), src, ask(t, "pydantic", "yaml", "both"), sandbox)
	check(t, err)
	equal(t, resolved(r), "both 1, pydantic 1.10, yaml 5")
	equal(t, r.Packages[0].File.Name, "both-1-py3-none-any.whl")
	equal(t, r.Notes, []string{
		"pydantic 1.10 and not 2: it needs pydantic-core==2; pydantic-core 2 cannot be used: it has native code, and no wheel for wasi " +
			"(it has pydantic_core-2-cp312-cp312-macosx_11_0_arm64.whl); pydantic<2 has no native part (docs.pydantic.dev, 1.10, Install)",
		"yaml 5 and not 6: it has native code, and no wheel for wasi (it has yaml-6-cp312-cp312-win_amd64.whl)",
	})
}

func TestYankedVersionsAreTakenOnlyByTheirVersion(t *testing.T) {
	yanked := pkg("a 2").File()
	yanked.Yanked = true
	src, _ := client(t, yanked, pkg("a 1").File())
	for root, want := range map[string]string{"a": "a 1", "a>=1": "a 1", "a==2": "a 2", "a===2": "a 2"} {
		r, err := Resolve(t.Context(), src, ask(t, root), sandbox)
		check(t, err)
		equal(t, resolved(r), want)
	}
}

func TestHashMode(t *testing.T) {
	a, b := pkg("a 1", "b"), pkg("b 1")
	src, _ := client(t, a.File(), b.File())
	p, err := src.Project(t.Context(), "a")
	check(t, err)
	hash := "sha256:" + p.Files[0].Hashes["sha256"]
	zero := "sha256:" + strings.Repeat("0", 64)

	r, err := Resolve(t.Context(), src, ask(t, "a==1 --hash="+hash, "a==1 --hash="+zero, "b==1 --hash="+hashOf(t, src, "b")), sandbox)
	check(t, err)
	equal(t, resolved(r), "a 1, b 1")
	equal(t, r.Packages[0].Hashes, []string{hash, zero})

	for _, c := range []struct {
		roots []string
		is    error
		text  string
	}{
		{[]string{"a==1 --hash=" + hash}, ErrHashes, "b is needed by a, and has no hash, which all have to have if one has: if you trust the index, add the line: b==1 --hash=" + hashOf(t, src, "b")},
		{[]string{"a==1 --hash=" + hash, "b"}, ErrHashes, "r.txt:2: b is to have ==VERSION and --hash"},
		{[]string{"a>=1 --hash=" + hash}, ErrHashes, "r.txt:1: a>=1 is to have ==VERSION and --hash"},
		{[]string{"b==1 --hash=" + zero}, ErrConflict, "b 1 cannot be used: none of its files has a hash that is asked for"},
	} {
		_, err := Resolve(t.Context(), src, ask(t, c.roots...), sandbox)
		if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: error is\n\t%v\nwithout\n\t%s", c.roots, err, c.text)
		}
	}
}

func hashOf(t *testing.T, src *index.Client, name string) string {
	t.Helper()
	p, err := src.Project(t.Context(), name)
	check(t, err)
	return "sha256:" + p.Files[0].Hashes["sha256"]
}

func TestURLs(t *testing.T) {
	src, server := client(t, wheels(pkg("a 1", "b"), pkg("a 2"), pkg("b 1"), pkg("c 1", "a<2"), pkg("d 1", "a>1"))...)
	url := server.URL + "/files/a-1-py3-none-any.whl"
	r, err := Resolve(t.Context(), src, ask(t, "a[x] @ "+url, "c"), sandbox)
	check(t, err)
	equal(t, resolved(r), "a[x] 1, b 1, c 1")
	equal(t, r.Packages[0].URL, url)
	for _, path := range server.Requests() {
		if path == "/simple/a/" {
			t.Error("the index is asked for a package that is asked for by URL")
		}
	}
	equal(t, r.Notes, []string{`a 1 has no extra "x"`})

	_, err = Resolve(t.Context(), src, ask(t, "a @ "+url, "d"), sandbox)
	if !errors.Is(err, ErrConflict) || !strings.Contains(err.Error(), "a>1 is asked for by d 1, which is asked for by r.txt:2") {
		t.Errorf("got %v", err)
	}
	for url, text := range map[string]string{
		"git+https://u:secret@host/x":        "r.txt:1: git+https://host/x cannot be fetched: give an https://",
		"https://host/a-1.tar.gz":            "is no name of a wheel",
		server.URL + "/b-1-py3-none-any.whl": "b-1-py3-none-any.whl is asked for as a",
	} {
		_, err := Resolve(t.Context(), src, ask(t, "a @ "+url), sandbox)
		if err == nil || !strings.Contains(err.Error(), text) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v", url, err)
		}
	}
}

func TestPackagesHaveNoSayOverFilesOfThisMachine(t *testing.T) {
	src, _ := client(t, pkg("a 1", "b @ file:///tmp/b-1-py3-none-any.whl").File())
	_, err := Resolve(t.Context(), src, ask(t, "a"), sandbox)
	if !errors.Is(err, ErrConflict) || !strings.Contains(err.Error(), "a 1: it asks for a file of this machine (b @ file:///tmp/b-1-py3-none-any.whl): refused") {
		t.Errorf("got %v", err)
	}
}

// Each link of the chain has five versions, the newest of which leads nowhere.
func TestLongBacktrackingEnds(t *testing.T) {
	var universe []indextest.File
	for i := range 60 {
		for v := range 5 {
			need := fmt.Sprintf("p%d", i+1)
			if v == 4 {
				need = fmt.Sprintf("p%d>100", i+1)
			}
			universe = append(universe, pkg(fmt.Sprintf("p%d %d", i, v), need).File())
		}
	}
	universe = append(universe, pkg("p60 1").File())
	src, _ := client(t, universe...)
	start := time.Now()
	r, err := Resolve(t.Context(), src, ask(t, "p0"), sandbox)
	check(t, err)
	if len(r.Packages) != 61 || r.Packages[0].Version.String() != "3" {
		t.Errorf("got %s", resolved(r))
	}
	t.Logf("%v", time.Since(start))
}

func TestTooHardIsAnErrorAndCancelEnds(t *testing.T) {
	src, _ := client(t, wheels(pkg("a 2", "c>=2"), pkg("a 1", "c>=2"), pkg("b 1", "c<2"), pkg("c 2"), pkg("c 1"))...)
	o := sandbox
	o.MaxRounds = 1
	_, err := Resolve(t.Context(), src, ask(t, "a", "b"), o)
	if !errors.Is(err, ErrTooHard) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Resolve(ctx, src, ask(t, "a"), sandbox)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// Twenty packages at an index that takes 50 ms for each answer: one after the other that would be two seconds.
func TestWhatIsNeededIsFetchedAtOnce(t *testing.T) {
	var needs []string
	var universe []indextest.File
	for i := range 20 {
		needs = append(needs, fmt.Sprintf("p%d", i))
		universe = append(universe, pkg(fmt.Sprintf("p%d 1", i)).File())
	}
	src, server := client(t, append(universe, pkg("a 1", needs...).File())...)
	server.Use(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(50 * time.Millisecond) // the latency is what is tested
		server.Answer(w, r)
	})
	start := time.Now()
	r, err := Resolve(t.Context(), src, ask(t, "a"), sandbox)
	check(t, err)
	if d := time.Since(start); len(r.Packages) != 21 || d > time.Second {
		t.Errorf("it took %v for %s", d, resolved(r))
	}
}

func TestBrokenIndexEndsAll(t *testing.T) {
	src, server := client(t, pkg("a 1", "b").File(), pkg("b 1").File())
	server.Close()
	_, err := Resolve(t.Context(), src, ask(t, "a"), sandbox)
	if !errors.Is(err, index.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}
