package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mayfly-faas/mayfly/host/wasi/wasitest"
	"github.com/mayfly-faas/mayfly/pyenv/wheel/wheeltest"
	"github.com/mayfly-faas/mayfly/runtime/runtimetest"
)

// echo is the wasm command that most scripts call.
const echo = `package main

import (
	"fmt"
	"io"
	"os"
)

func main() {
	body, _ := io.ReadAll(os.Stdin)
	switch os.Getenv("PATH_INFO") {
	case "/teapot":
		fmt.Print("Status: 418 I'm a teapot\n\nshort and stout\n")
	case "/crash":
		fmt.Fprintln(os.Stderr, "it goes wrong here")
		os.Exit(3)
	default:
		fmt.Print("Content-Type: text/plain\nX-From: echo\n\n")
		fmt.Println(os.Getenv("REQUEST_METHOD"), os.Getenv("PATH_INFO"), os.Getenv("QUERY_STRING"))
		for _, name := range []string{"CONTENT_TYPE", "HTTP_X_TEST", "HTTP_AUTHORIZATION"} {
			fmt.Printf("%s=%s\n", name, os.Getenv(name))
		}
		fmt.Print(string(body))
	}
}
`

// TestScripts runs testdata/script: what the command does, one behaviour a file. Scripts find in $DATA a data folder with CPython, in
// $NOPYTHON one without, in $ECHO a wasm command, in $ECHOZIP
// a zip of a folder with it, and in $LACKING one whose imports nobody provides.
func TestScripts(t *testing.T) {
	fixtures, binary := t.TempDir(), buildBinary(t)
	wasm := runtimetest.GoCommand(t, echo)
	for name, content := range map[string][]byte{
		"echo.wasm":    wasm,
		"echo.zip":     runtimetest.Zip(t, map[string]string{"top/echo.wasm": string(wasm), "top/mayfly.toml": `name = "zipped"`}),
		"lacking.wasm": wasitest.Command(nil, [2]string{"env", "launch_rocket"}),
	} {
		if err := os.WriteFile(filepath.Join(fixtures, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			tb := env.T().(testing.TB) // testscript.Run promises it
			env.Values["tb"] = tb
			env.Setenv("PATH", filepath.Dir(binary)+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("DATA", runtimetest.DataDir(tb))
			env.Setenv("NOPYTHON", runtimetest.EmptyDataDir(tb))
			env.Setenv("ECHO", filepath.Join(fixtures, "echo.wasm"))
			env.Setenv("ECHOZIP", filepath.Join(fixtures, "echo.zip"))
			env.Setenv("LACKING", filepath.Join(fixtures, "lacking.wasm"))
			// For mayfly python install, which keeps what it has fetched, and for npm.
			env.Setenv("XDG_CACHE_HOME", cache)
			env.Setenv("USER_HOME", os.Getenv("HOME"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"server": func(ts *testscript.TestScript, _ bool, args []string) { startTestServer(ts, binary, args) },
			"stop":   stopTestServer,
			"exits":  exitsWith,
			"until":  until,
			"mode":   mode,
			"wheel":  makeWheel,
			"debian": debianWheels,
		},
	})
}

// exitsWith runs a command that must end with an exit code: exits 3 mayfly describe nobody.
func exitsWith(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("the exit code is %d, want %d", got, want)
	}
}

// until repeats a command until its standard output matches: until 'begun' mayfly logs slow.
func until(ts *testscript.TestScript, _ bool, args []string) {
	pattern := regexp.MustCompile(args[0])
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		ts.Check(ts.Exec(args[1], args[2:]...))
		if pattern.MatchString(ts.ReadFile("stdout")) {
			return
		}
	}
	ts.Fatalf("%q does not appear", args[0])
}

// mode checks a file's permissions: mode 0600 file.
func mode(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := strconv.FormatUint(uint64(info.Mode().Perm()), 8); got != strings.TrimPrefix(args[0], "0") {
		ts.Fatalf("the mode of %s is %s, want %s", args[1], got, args[0])
	}
}

// makeWheel makes a wheel with a module and a script, of the project's name, in a folder: wheel DIR PROJECT VERSION [REQUIREMENT]....
func makeWheel(ts *testscript.TestScript, _ bool, args []string) {
	dir, project, version, requires := ts.MkAbs(args[0]), args[1], args[2], ""
	for _, r := range args[3:] {
		requires += "Requires-Dist: " + r + "\n"
	}
	placeWheel(ts, dir, wheeltest.Wheel{
		Project: project, Version: version, Metadata: "Summary: A wheel for tests\n" + requires,
		Files: map[string]string{
			project + "/__init__.py": fmt.Sprintf("version = %q\n\n\ndef main():\n    print(__name__, version)\n", version),
			project + "/other.py":    "this is no Python\n",
		},
		EntryPoints: fmt.Sprintf("[console_scripts]\n%s = %[1]s:main\n", project),
	}.Build(ts.Value("tb").(testing.TB)))
}

// debianWheels wraps Debian's packages into wheels in a folder: debian DIR PACKAGE....
func debianWheels(ts *testscript.TestScript, _ bool, args []string) {
	placeWheel(ts, ts.MkAbs(args[0]), wheeltest.Debian(ts.Value("tb").(testing.TB), args[1:]...)...)
}

func placeWheel(ts *testscript.TestScript, dir string, wheels ...string) {
	ts.Check(os.MkdirAll(dir, 0o755))
	for _, w := range wheels {
		data, err := os.ReadFile(w)
		ts.Check(err)
		ts.Check(os.WriteFile(filepath.Join(dir, filepath.Base(w)), data, 0o644))
	}
}

func scriptEnv(ts *testscript.TestScript) []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "XDG_CACHE_HOME", "MAYFLY_URL", "MAYFLY_TOKEN", "MAYFLY_ADMIN_TOKEN"} {
		if v := ts.Getenv(name); v != "" {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// running has each script's server, by its *testscript.TestScript.
var running sync.Map

// startTestServer starts mayfly serve with the arguments, on a free port and the folder $DATA unless they say otherwise, and sets MAYFLY_URL
// when it is ready. Its standard error goes to the file server.log.
func startTestServer(ts *testscript.TestScript, binary string, args []string) {
	cmd := exec.Command(binary, append([]string{"serve", "--listen", "127.0.0.1:0", "--data-dir", ts.Getenv("DATA")}, args...)...)
	cmd.Dir, cmd.Env = ts.MkAbs("."), scriptEnv(ts)
	log, err := os.Create(ts.MkAbs("server.log"))
	ts.Check(err)
	defer log.Close()
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	running.Store(ts, cmd)
	ts.Defer(func() {
		if _, ok := running.LoadAndDelete(ts); ok {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "mayfly: listening on ")
	if err != nil || !ok {
		ts.Fatalf("the server's first line is %q (%v); its log:\n%s", line, err, ts.ReadFile("server.log"))
	}
	ts.Setenv("MAYFLY_URL", url)
}

// stopTestServer asks the server to stop, which it must do well.
func stopTestServer(ts *testscript.TestScript, _ bool, _ []string) {
	cmd, ok := running.LoadAndDelete(ts)
	if !ok {
		ts.Fatalf("no server runs")
	}
	ts.Check(cmd.(*exec.Cmd).Process.Signal(syscall.SIGTERM))
	if err := cmd.(*exec.Cmd).Wait(); err != nil {
		ts.Fatalf("the server ended with %v; its log:\n%s", err, ts.ReadFile("server.log"))
	}
}
