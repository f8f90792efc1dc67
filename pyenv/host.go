package pyenv

import (
	"bytes"
	"context"
	_ "embed" // describe.py
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

//go:embed host/describe.py
var describeHost string

// hostTimeout bounds how long an interpreter of the host's may take to say what it is.
const hostTimeout = 20 * time.Second

// FindHost returns the CPython of the host's that want means: a version ("3.12", "3.12.1"), for which PATH is searched; the path of an
// interpreter; or the name of one on PATH ("python3.12"). The error is [ErrNoPython] if there is none, [ErrVersion] if it cannot be used.
func FindHost(ctx context.Context, want string) (Interpreter, error) {
	version, err := parseWanted(want)
	if err != nil || version.any {
		return findNamed(ctx, want)
	}
	var found []string
	names := []string{fmt.Sprintf("python3.%d", version.minor), "python3", "python"}
	for _, name := range names {
		for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
			path, err := exec.LookPath(filepath.Join(dir, name))
			if err != nil || !filepath.IsAbs(path) { // as with exec.LookPath, not what lies in the working directory
				continue
			}
			p, err := ProbeHost(ctx, path)
			if ctx.Err() != nil {
				return Interpreter{}, context.Cause(ctx)
			}
			if err != nil {
				continue // such as pyenv's shims of versions that are not chosen here
			}
			if v, _ := parseVersion(p.Version); version.matches(v) {
				return p, nil
			}
			found = append(found, fmt.Sprintf("%s is %s", path, p.Version))
		}
	}
	there := ""
	if len(found) > 0 {
		there = " (" + strings.Join(found, ", ") + ")"
	}
	return Interpreter{}, detailf(ErrNoPython, "no CPython %s on PATH, by the names %s%s: give the path of one", want, strings.Join(names, ", "), there)
}

func findNamed(ctx context.Context, name string) (Interpreter, error) {
	if name == "" {
		name = "python3"
	}
	path, err := exec.LookPath(name)
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		return Interpreter{}, detailf(ErrNoPython, "no Python at %q: give a version (3.12), the path of an interpreter, or the name of one on PATH (python3.12)", name)
	}
	if err != nil {
		return Interpreter{}, detailf(ErrVersion, "%s is no CPython: %v", name, errors.Unwrap(err))
	}
	return ProbeHost(ctx, path)
}

// ProbeHost asks an interpreter of the host's what it is. The error is [ErrVersion] if it is no CPython from 3.8 on.
func ProbeHost(ctx context.Context, path string) (Interpreter, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, hostTimeout, fmt.Errorf("%s has not said within %s which Python it is", path, hostTimeout))
	defer cancel()
	// Isolated: neither the working directory nor PYTHON* variables decide what it imports.
	cmd := exec.CommandContext(ctx, path, "-I", "-c", describeHost)
	cmd.WaitDelay = time.Second // for what it may have started
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return Interpreter{}, context.Cause(ctx)
		}
		return Interpreter{}, detailf(ErrVersion, "%s is no CPython 3.%d or newer that works: %v%s", path, oldestHost, err, lastLine(stderr.String()))
	}
	var said struct {
		Implementation, Version, Executable, Invoked, Resolved string
		Windows, Lib64                                         bool
		Scripts, Include, Purelib, Launchers                   string
	}
	if err := json.Unmarshal(stdout.Bytes(), &said); err != nil {
		return Interpreter{}, detailf(ErrVersion, "%s is no CPython: it does not say what it is%s", path, lastLine(stdout.String()))
	}
	if said.Implementation != "CPython" {
		return Interpreter{}, detailf(ErrVersion, "%s is %.40s: environments are made over CPython", path, said.Implementation)
	}
	p, err := Interpreter{
		Version: said.Version, Executable: said.Executable, Invoked: said.Invoked, Resolved: said.Resolved, Program: said.Executable,
		Windows: said.Windows, Lib64: said.Lib64, Scripts: said.Scripts, Include: said.Include, Purelib: said.Purelib, Launchers: said.Launchers,
	}.withDefaults()
	if err != nil {
		return Interpreter{}, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// lastLine is the last line of what a program printed, after a colon; "" if there is none.
func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if last := lines[len(lines)-1]; last != "" {
		return fmt.Sprintf(": %.200s", last)
	}
	return ""
}
