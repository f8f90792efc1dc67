package pyenv

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"
)

// wasi is a build for WASI that need not be there.
func wasi(version string) Interpreter {
	p := Base{Version: version, Dir: "/data/python/" + version}.Interpreter("/opt/mayfly")
	p.Windows = false
	return p
}

func create(t testing.TB, b Builder, dir string) {
	t.Helper()
	check(t, b.Create(t.Context(), dir))
}

func contentOf(t testing.TB, elem ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(elem...))
	check(t, err)
	return string(text)
}

func TestEnvironmentOverWASI(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "project", ".venv")
	create(t, Builder{Python: wasi("3.13.0rc2"), SCMIgnoreFiles: []string{"git"}, Command: "mayfly venv .venv", Write: true, Prompt: "it's"}, dir)
	want := []string{
		".gitignore", "bin", "bin/Activate.ps1", "bin/activate", "bin/activate.csh", "bin/activate.fish", "bin/python -> python3", "bin/python3 -> /opt/mayfly",
		"bin/python3.13 -> python3", "include", "include/python3.13", "lib", "lib/python3.13", "lib/python3.13/site-packages",
	}
	if hasLib64 {
		want = append(want, "lib64 -> lib")
	}
	equal(t, tree(t, dir), append(want, "pyvenv.cfg"))
	equal(t, contentOf(t, dir, "pyvenv.cfg"), "home = /usr/local/bin\ninclude-system-site-packages = false\nversion = 3.13.0\nprompt = \"it's\"\n"+
		"executable = /usr/local/bin/python3\ncommand = mayfly venv .venv\nmayfly-build = /data/python/3.13.0rc2\nmayfly-write = true\n")
	entries, err := os.ReadDir(filepath.Dir(dir))
	check(t, err)
	equal(t, len(entries), 1)
}

func TestEnvironmentForSandboxesHasNoInterpreter(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "venv")
	create(t, Builder{Python: Base{Version: "3.12.0", Dir: "/d/python/3.12.0"}.Interpreter("")}, dir)
	for _, name := range tree(t, dir) {
		if strings.HasPrefix(name, "bin/python") {
			t.Errorf("there is %s", name)
		}
	}
}

func TestCreateRefusesWhatPythonCannotUse(t *testing.T) {
	good := Interpreter{Version: "3.12.0", Executable: "/b/python3"}
	for text, b := range map[string]Builder{
		`"3.12" is not a CPython version: write it as 3.12.0`:                           {Python: Interpreter{Version: "3.12", Executable: "/b/python3"}},
		"CPython 3.7.1 is too old: environments are made over CPython 3.8 or newer":     {Python: Interpreter{Version: "3.7.1", Executable: "/b/python3"}},
		`the interpreter of an environment has to be an absolute path, not ""`:          {Python: Interpreter{Version: "3.12.0"}},
		`the interpreter of an environment has to be an absolute path, not "bin/py"`:    {Python: Interpreter{Version: "3.12.0", Executable: "bin/py"}},
		`pyvenv.cfg cannot hold home = "/b\nhome = /c"`:                                 {Python: Interpreter{Version: "3.12.0", Executable: "/b\nhome = /c/python3"}},
		`pyvenv.cfg cannot hold command = "a\nhome = /c": it may be no more`:            {Python: good, Command: "a\nhome = /c"},
		`"../lib" leads out of the environment`:                                         {Python: Interpreter{Version: "3.12.0", Executable: "/b/p", Purelib: "../lib"}},
		"an environment can be upgraded or cleared, not both":                           {Python: good, Clear: true, Upgrade: true},
		"the interpreter can be linked or copied, not both":                             {Python: good, Copies: true, Symlinks: true},
		`the prompt "a\nb" has control characters`:                                      {Python: good, Prompt: "a\nb"},
		`there are ignore files for git only, not for "hg"`:                             {Python: good, SCMIgnoreFiles: []string{"hg"}},
		"a CPython for WASI has no ensurepip: leave pip out":                            {Python: wasi("3.12.0"), WithPip: true},
		"an environment over a CPython for WASI has no pip that could be upgraded":      {Python: wasi("3.12.0"), UpgradeDeps: true},
		"a CPython of the host's can write wherever you can":                            {Python: good, Write: true},
		"set up pip: python3 -m ensurepip --upgrade --default-pip: fork/exec":           {Python: good, WithPip: true},
		"there is no environment to be upgraded: make one without --upgrade":            {Python: good, Upgrade: true},
		"set up python: open /no/such/python: no such file or directory":                {Python: Interpreter{Version: "3.12.0", Executable: "/b/p", Program: "/no/such/python"}, Copies: true},
		"set up python: open /no/such/python.exe: no such file or directory":            {Python: Interpreter{Version: "3.12.0", Executable: `C:\b\python.exe`, Program: "/no/python.exe", Launchers: "/no/such", Windows: true}},
		`the interpreter of an environment has to be an absolute path, not "b\\py.exe"`: {Python: Interpreter{Version: "3.12.0", Executable: `b\py.exe`, Windows: true}},
	} {
		parent := t.TempDir()
		dir := filepath.Join(parent, "deep", "venv")
		err := b.Create(t.Context(), dir)
		wantError(t, err, nil, "create environment "+dir+": ")
		if !strings.Contains(text, ".exe: no such") { // pythonw.exe or python.exe
			wantError(t, err, nil, text)
		}
		wantEmpty(t, parent)
	}
	err := (&Builder{Python: good}).Create(t.Context(), t.TempDir()+"/a:b")
	wantError(t, err, nil, "the path has ':' in it, which separates the folders of PATH: choose another")
}

func TestClearDeletesOnlyEnvironments(t *testing.T) {
	b := Builder{Python: wasi("3.12.0"), Clear: true}
	precious := t.TempDir()
	check(t, os.WriteFile(filepath.Join(precious, "thesis.tex"), []byte("x"), 0o600))
	check(t, os.WriteFile(filepath.Join(precious, "pyvenv.cfg"), []byte("no h0me"), 0o600))
	err := b.Create(t.Context(), precious)
	wantError(t, err, ErrNotVenv, "create environment "+precious+": it is not cleared: it is no environment (it has no pyvenv.cfg) and not empty; "+
		"choose another folder, or delete its content all the same with --force")
	equal(t, tree(t, precious), []string{"pyvenv.cfg", "thesis.tex"})
	file := filepath.Join(precious, "thesis.tex")
	wantError(t, b.Create(t.Context(), file), nil, "there is something that is no folder: choose another name, or remove it first")

	b.Force = true
	wantError(t, b.Create(t.Context(), ""), nil, "the folder has no name")
	t.Setenv("HOME", filepath.Dir(file))
	if !onWindows {
		wantError(t, b.Create(t.Context(), precious), ErrNotVenv, "it is not cleared, --force or not: it is the root of the file system, or your home")
		wantError(t, b.Create(t.Context(), "/"), ErrNotVenv, "it is not cleared, --force or not")
		equal(t, tree(t, precious), []string{"pyvenv.cfg", "thesis.tex"})
	}
	t.Setenv("HOME", t.TempDir())
	create(t, b, precious)
	create(t, Builder{Python: wasi("3.12.0"), Clear: true}, precious)
	create(t, b, t.TempDir())
	want := filepath.Join(t.TempDir(), "want")
	create(t, Builder{Python: wasi("3.12.0")}, want)
	equal(t, tree(t, precious), tree(t, want))
}

func TestWhatFailsLeavesAFolderAsItWas(t *testing.T) {
	boom := errors.New("boom")
	fail := map[Step]func(context.Context, *Context) error{PostSetup: func(context.Context, *Context) error { return boom }}
	venv := filepath.Join(t.TempDir(), "venv")
	create(t, Builder{Python: wasi("3.12.0")}, venv)
	check(t, os.WriteFile(filepath.Join(venv, "mine"), nil, 0o600))
	before := tree(t, venv)
	b := Builder{Python: wasi("3.13.0"), Clear: true, After: fail}
	err := b.Create(t.Context(), venv)
	wantError(t, err, boom, "post setup: boom")
	equal(t, tree(t, venv), before)

	empty := t.TempDir()
	b.Clear = false
	wantError(t, b.Create(t.Context(), empty), boom, "")
	wantEmpty(t, empty)

	used := t.TempDir()
	check(t, os.WriteFile(filepath.Join(used, "app.py"), nil, 0o600))
	wantError(t, b.Create(t.Context(), used), boom, "")
	if _, err := os.Stat(filepath.Join(used, "pyvenv.cfg")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what is left passes for an environment: %v", err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	b.After = map[Step]func(context.Context, *Context) error{SetupPython: func(context.Context, *Context) error { cancel(); return nil }}
	wantError(t, b.Create(ctx, filepath.Join(empty, "x")), context.Canceled, "")
	wantEmpty(t, empty)
}

// TestAKilledBuilderLeavesNoHalfEnvironment kills a process after each step: a new folder is not there, one that was to be cleared is as it was, and the
// next one comes to its end.
func TestAKilledBuilderLeavesNoHalfEnvironment(t *testing.T) {
	self, err := os.Executable()
	check(t, err)
	for _, step := range []Step{EnsureDirectories, CreateIgnoreFiles, CreateConfiguration, SetupPython, SetupScripts, PostSetup} {
		parent := t.TempDir()
		fresh, old := filepath.Join(parent, "new"), filepath.Join(parent, "old")
		create(t, Builder{Python: wasi("3.12.0")}, old)
		before := tree(t, old)
		for _, dir := range []string{fresh, old} {
			cmd := exec.Command(self)
			cmd.Env = append(os.Environ(), "PYENV_TEST_VENV="+dir, "PYENV_TEST_STEP="+string(step))
			stdin, err := cmd.StdinPipe()
			check(t, err)
			out, err := cmd.StdoutPipe()
			check(t, err)
			check(t, cmd.Start())
			line, err := bufio.NewReader(out).ReadString('\n')
			check(t, err)
			equal(t, line, "probing\n")
			check(t, cmd.Process.Kill())
			_ = cmd.Wait() // it was killed
			stdin.Close()
		}
		if _, err := os.Lstat(fresh); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("after %s: there is something: %v", step, err)
		}
		after := slices.DeleteFunc(tree(t, old), func(name string) bool { return strings.HasPrefix(name, stagePrefix) })
		equal(t, after, before)
		want := filepath.Join(t.TempDir(), "want")
		create(t, Builder{Python: wasi("3.13.0")}, want)
		for _, dir := range []string{fresh, old} {
			create(t, Builder{Python: wasi("3.13.0"), Clear: true}, dir)
			equal(t, tree(t, dir), tree(t, want))
		}
	}
}

func TestAFolderWithContentIsUsed(t *testing.T) {
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, "app.py"), nil, 0o600))
	create(t, Builder{Python: wasi("3.12.0")}, dir)
	create(t, Builder{Python: wasi("3.12.0")}, dir)
	names := tree(t, dir)
	if !slices.Contains(names, "app.py") || !slices.Contains(names, "pyvenv.cfg") {
		t.Errorf("there is %v", names)
	}
	check(t, os.Remove(filepath.Join(dir, "include", "python3.12")))
	check(t, os.Symlink(t.TempDir(), filepath.Join(dir, "include", "python3.12")))
	wantError(t, (&Builder{Python: wasi("3.12.0")}).Create(t.Context(), dir), nil, "include/python3.12 is in the way: a folder is needed there")
	dangling := filepath.Join(dir, "link")
	check(t, os.Symlink("nowhere", dangling))
	wantError(t, (&Builder{Python: wasi("3.12.0")}).Create(t.Context(), dangling), nil, "there is a link that leads nowhere: remove it first")
}

func TestUpgradeKeepsPackages(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "venv")
	create(t, Builder{Python: wasi("3.12.0")}, dir)
	check(t, os.WriteFile(filepath.Join(dir, "lib", "python3.12", "site-packages", "six.py"), nil, 0o600))
	check(t, os.WriteFile(filepath.Join(dir, "bin", "activate"), []byte("edited"), 0o600))
	p := wasi("3.12.7")
	p.Program = "/opt/newer/mayfly"
	create(t, Builder{Python: p, Upgrade: true}, dir)
	c, err := ReadConfigFile(filepath.Join(dir, "pyvenv.cfg"))
	check(t, err)
	equal(t, []string{c.Version, c.Build}, []string{"3.12.7", "/data/python/3.12.7"})
	to, err := os.Readlink(filepath.Join(dir, "bin", "python3"))
	check(t, err)
	equal(t, to, "/opt/newer/mayfly")
	equal(t, contentOf(t, dir, "bin", "activate"), "edited")
	if !slices.Contains(tree(t, dir), "lib/python3.12/site-packages/six.py") {
		t.Error("a package is gone")
	}
}

func TestStepsAreReplacedAndFollowed(t *testing.T) {
	var log []string
	note := func(text string) func(context.Context, *Context) error {
		return func(_ context.Context, c *Context) error {
			log = append(log, text)
			if strings.HasPrefix(text, "post") {
				check(t, os.WriteFile(filepath.Join(c.BinPath, "hello"), []byte("#!"+c.EnvExe+"\n"), 0o755)) //nolint:gosec // a program
				equal(t, c.Placed(c.EnvExe), filepath.Join(c.Target, "bin", "python3"))
				equal(t, *c, Context{
					EnvDir: c.EnvDir, EnvName: "venv", Prompt: "venv", Executable: "/usr/local/bin/python3", PythonDir: "/usr/local/bin", PythonExe: "python3",
					IncPath: filepath.Join(c.EnvDir, "include/python3.12"), LibPath: filepath.Join(c.EnvDir, "lib/python3.12/site-packages"),
					BinPath: filepath.Join(c.EnvDir, "bin"), BinName: "bin", EnvExe: filepath.Join(c.EnvDir, "bin/python3"), EnvExecCmd: c.EnvExe,
					CfgPath: filepath.Join(c.EnvDir, "pyvenv.cfg"), Target: c.Target,
				})
			}
			return nil
		}
	}
	dir := filepath.Join(t.TempDir(), "venv")
	b := Builder{Python: wasi("3.12.0"), SystemSitePackages: true}
	b.Replace = map[Step]func(context.Context, *Context) error{SetupScripts: note("no scripts"), PostSetup: note("post setup")}
	b.After = map[Step]func(context.Context, *Context) error{
		EnsureDirectories: note("directories"), CreateConfiguration: note("configuration"), SetupPython: note("python"), PostSetup: note("after"),
	}
	create(t, b, dir)
	equal(t, log, []string{"directories", "configuration", "python", "no scripts", "post setup", "after", "configuration"})
	if !strings.Contains(contentOf(t, dir, "pyvenv.cfg"), "include-system-site-packages = true") {
		t.Error("the system's packages are not seen")
	}
	equal(t, contentOf(t, dir, "bin", "hello"), "#!"+dir+"/bin/python3\n")
}

func TestOneOfManyNewEnvironmentsWins(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "venv")
	var made atomic.Int32
	var g errgroup.Group
	for range 8 {
		g.Go(func() error {
			err := (&Builder{Python: wasi("3.12.0")}).Create(t.Context(), dir)
			if err == nil {
				made.Add(1)
			} else if !errors.Is(err, fs.ErrExist) {
				return err
			}
			return nil
		})
	}
	check(t, g.Wait())
	if made.Load() == 0 {
		t.Error("none was made")
	}
	entries, err := os.ReadDir(parent)
	check(t, err)
	equal(t, len(entries), 1)
	for _, name := range tree(t, dir) {
		if strings.Contains(name, stagePrefix) {
			t.Errorf("%s was left", name)
		}
	}
}

func TestManyClearAFolderAndOneEnvironmentIsLeft(t *testing.T) {
	for _, clear := range []bool{false, true} {
		dir := t.TempDir()
		var g errgroup.Group
		for range 8 {
			g.Go(func() error {
				err := (&Builder{Python: wasi("3.12.0"), Clear: clear}).Create(t.Context(), dir)
				if err != nil && strings.Contains(err.Error(), "another process is making an environment there") {
					return nil
				}
				return err
			})
		}
		check(t, g.Wait())
		want := filepath.Join(t.TempDir(), "want")
		create(t, Builder{Python: wasi("3.12.0")}, want)
		equal(t, tree(t, dir), tree(t, want))
	}
}

// TestWindowsLayout makes environments for Windows on whatever system this is.
func TestWindowsLayout(t *testing.T) {
	base := t.TempDir()
	for _, name := range []string{"python.exe", "pythonw.exe", "python313.dll", "vcruntime140.dll", "other.dll", "nt/venvlauncher.exe", "nt/venvwlauncher.exe", "old/python.exe", "old/pythonw.exe"} {
		check(t, os.MkdirAll(filepath.Dir(filepath.Join(base, name)), 0o755))
		check(t, os.WriteFile(filepath.Join(base, name), []byte(name), 0o600))
	}
	p := Interpreter{
		Version: "3.13.1", Executable: `C:\Python313\python.exe`, Program: filepath.Join(base, "python.exe"), Launchers: filepath.Join(base, "nt"), Windows: true, Lib64: true,
	}
	dir := filepath.Join(t.TempDir(), "it's 100% mine")
	create(t, Builder{Python: p}, dir)
	layout := []string{
		"Include", "Lib", "Lib/site-packages", "Scripts", "Scripts/Activate.ps1", "Scripts/activate", "Scripts/activate.bat", "Scripts/activate.fish",
		"Scripts/deactivate.bat", "Scripts/python.exe", "Scripts/pythonw.exe", "pyvenv.cfg",
	}
	equal(t, tree(t, dir), layout)
	equal(t, contentOf(t, dir, "Scripts", "python.exe"), "nt/venvlauncher.exe")
	equal(t, contentOf(t, dir, "Scripts", "pythonw.exe"), "nt/venvwlauncher.exe")
	equal(t, contentOf(t, dir, "pyvenv.cfg"), "home = C:\\Python313\ninclude-system-site-packages = false\nversion = 3.13.1\nexecutable = C:\\Python313\\python.exe\n"+
		"command = C:\\Python313\\python.exe -m venv --without-pip --without-scm-ignore-files "+dir+"\n")
	bat := contentOf(t, dir, "Scripts", "activate.bat")
	for _, want := range []string{`set "VIRTUAL_ENV=` + strings.ReplaceAll(dir, "%", "%%") + "\"\r\n", `set "VIRTUAL_ENV_PROMPT=it's 100%% mine"`, `%VIRTUAL_ENV%\Scripts;%PATH%`} {
		if !strings.Contains(bat, want) {
			t.Errorf("activate.bat has no %s:\n%s", want, bat)
		}
	}
	if ps := contentOf(t, dir, "Scripts", "Activate.ps1"); !strings.Contains(ps, "{ 'it''s 100% mine' }") {
		t.Errorf("Activate.ps1 does not quote the prompt:\n%s", ps)
	}
	if sh := contentOf(t, dir, "Scripts", "activate"); !strings.Contains(sh, "cygpath") || !strings.Contains(sh, `$VIRTUAL_ENV/Scripts:`) {
		t.Errorf("activate is for POSIX:\n%s", sh)
	}

	p.Launchers = filepath.Join(base, "old")
	create(t, Builder{Python: p}, dir)
	equal(t, contentOf(t, dir, "Scripts", "python.exe"), "old/python.exe")

	create(t, Builder{Python: p, Symlinks: true, Clear: true}, dir)
	var links []string
	for _, name := range tree(t, dir) {
		if link, to, ok := strings.Cut(name, " -> "); ok {
			equal(t, filepath.Dir(to), base)
			links = append(links, link)
		}
	}
	equal(t, links, []string{"Scripts/python.exe", "Scripts/python313.dll", "Scripts/pythonw.exe", "Scripts/vcruntime140.dll"})

	// Over a build for WASI: what people type is as on Windows, what the sandbox sees is POSIX.
	q := wasi("3.12.0")
	q.Windows, q.Program = true, filepath.Join(base, "python.exe")
	dir = filepath.Join(t.TempDir(), "venv")
	create(t, Builder{Python: q}, dir)
	names := tree(t, dir)
	for _, want := range []string{"Scripts/python.exe", "Scripts/activate.bat", "lib/python3.12/site-packages"} {
		if !slices.Contains(names, want) {
			t.Errorf("there is no %s in %v", want, names)
		}
	}
	equal(t, contentOf(t, dir, "Scripts", "python.exe"), "python.exe")
}
