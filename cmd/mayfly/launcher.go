package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"

	"github.com/mayfly-faas/mayfly/host/files"
	"github.com/mayfly-faas/mayfly/host/wasi"
	"github.com/mayfly-faas/mayfly/pyenv"
	"github.com/mayfly-faas/mayfly/runtime"
	"github.com/mayfly-faas/mayfly/runtime/python"
)

// pythonName are the names by which the program is the python of an environment, as busybox is what it is called.
var pythonName = regexp.MustCompile(`^python(3(\.\d+)?)?(\.exe)?$`)

func isPython(argv0 string) bool { return pythonName.MatchString(filepath.Base(argv0)) }

// What a sandboxed python may take beside its folder, in bytes.
const (
	launchMemory = 4<<30 - 64<<10
	launchTemp   = 256 << 20
)

// launchPython runs the sandboxed CPython of the environment that the program was called from, and returns its exit code. The first signal
// ends it, as nobody has asked to be told.
func launchPython(argv []string) int {
	code, err := runLauncher(argv)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mayfly:", printable(err.Error()))
		return exitFailed
	}
	return code
}

func runLauncher(argv []string) (code int, err error) {
	venv, config, err := environmentOf(argv[0])
	if err != nil {
		return 0, err
	}
	if config.Build == "" {
		return 0, fmt.Errorf("%s is not over a CPython for WASI: bring it to one with mayfly venv --upgrade --python VERSION %s", venv, venv)
	}
	build, err := pyenv.OpenBase(config.Build)
	if err != nil {
		return 0, err
	}
	write := config.Write
	if text := os.Getenv("MAYFLY_PYTHON_WRITE"); text != "" {
		if write, err = strconv.ParseBool(text); err != nil {
			return 0, fmt.Errorf("MAYFLY_PYTHON_WRITE is %q: it can be 1 or 0", text)
		}
	}
	cache, err := compiledCache(config.Build)
	if err != nil {
		return 0, err
	}
	b := &sandbox{}
	defer b.close()
	c := &python.Command{
		Args: argv[1:], Env: sandboxEnv(os.Environ()), SitePackages: "lib/python" + build.Minor() + "/site-packages",
		Folders: map[string]wasi.FS{}, MemoryBytes: launchMemory, TempBytes: launchTemp,
		Streams: [3]wasi.File{stream(os.Stdin, &files.Reader{R: os.Stdin}), stream(os.Stdout, &files.Writer{W: os.Stdout}), stream(os.Stderr, &files.Writer{W: os.Stderr})},
	}
	if err := b.mount(c, venv, write); err != nil {
		return 0, err
	}
	if i := python.Script(c.Args); i >= 0 {
		if hint := unseen(c, c.Args[i]); hint != "" {
			fmt.Fprintln(os.Stderr, "mayfly:", printable(hint))
		}
	}
	return runtime.RunPython(context.Background(), build, cache, c)
}

// environmentOf finds the environment that a program was called from by its name: pyvenv.cfg is one folder above it, or above what it links to.
func environmentOf(argv0 string) (venv string, c pyenv.Config, err error) {
	program := argv0
	if filepath.Base(program) == program {
		if program, err = exec.LookPath(argv0); err != nil && !errors.Is(err, exec.ErrDot) {
			return "", c, err
		}
	}
	if program, err = filepath.Abs(program); err != nil {
		return "", c, err
	}
	const most = 40 // links, as in Linux
	for at, i := program, 0; i < most; i++ {
		venv = filepath.Dir(filepath.Dir(at))
		c, err = pyenv.ReadConfigFile(filepath.Join(venv, "pyvenv.cfg"))
		if !errors.Is(err, fs.ErrNotExist) {
			if err != nil {
				err = fmt.Errorf("%s: %w", venv, err)
			}
			return venv, c, err
		}
		to, linkErr := os.Readlink(at)
		if linkErr != nil {
			break
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(at), to)
		}
		at = to
	}
	return "", c, fmt.Errorf("%s is mayfly by the name of Python, and in no environment: there is no pyvenv.cfg in the folder above it; make one with mayfly venv", program)
}

// compiledCache is where the compiled CPython is: with its data folder, or where that belongs to somebody else, in the user's cache folder.
func compiledCache(build string) (string, error) {
	dir := filepath.Join(filepath.Dir(filepath.Dir(build)), "cache", "compiled")
	if os.MkdirAll(dir, 0o700) == nil {
		if f, err := os.CreateTemp(dir, ".writable-"); err == nil {
			return dir, errors.Join(f.Close(), os.Remove(f.Name()))
		}
	}
	user, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir = filepath.Join(user, "mayfly", "compiled")
	return dir, os.MkdirAll(dir, 0o700)
}
