package main

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/mayfly-faas/mayfly/host/files"
	"github.com/mayfly-faas/mayfly/host/wasi"
	"github.com/mayfly-faas/mayfly/pyenv"
	"github.com/mayfly-faas/mayfly/pyenv/wheelstore"
	"github.com/mayfly-faas/mayfly/runtime"
	"github.com/mayfly-faas/mayfly/runtime/python"
)

// compileScript compiles the files that its standard input names, one a line, below the folder of its argument.
//
//go:embed pip_compile.py
var compileScript string

// compiler makes byte code by the environment's own Python. interpreter is what byte code depends on.
func (p *pipFolders) compiler(ctx context.Context, t *pipTarget) (c wheelstore.Compiler, interpreter string, err error) {
	if t.base != nil {
		return sandboxCompiler{*t.base, t.venv}, "wasi-" + t.base.Version + "-" + shortDigest(t.base.Digest), nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, t.python, "-I", "-S", "-c",
		"import sys, importlib.util as u; print(sys.implementation.cache_tag + '-' + u.MAGIC_NUMBER.hex())")
	out, err := cmd.Output()
	if err != nil {
		return nil, "", fmt.Errorf("ask %s for its byte code: %w", t.python, err)
	}
	return hostCompiler{t.python}, strings.TrimSpace(string(out)), nil
}

// hostCompiler is a Python of the host's.
type hostCompiler struct{ python string }

func (h hostCompiler) Compile(ctx context.Context, dir string, names []string) error {
	cmd := exec.CommandContext(ctx, h.python, "-I", "-S", "-B", "-W", "ignore", "-c", compileScript, dir)
	cmd.Stdin = strings.NewReader(strings.Join(names, "\n"))
	var errs bytes.Buffer
	cmd.Stderr, cmd.WaitDelay = &errs, time.Second
	return compiled(cmd.Run(), errs.String())
}

// sandboxCompiler is a CPython for WASI. It sees its environment, and writes to nothing but the folder.
type sandboxCompiler struct {
	base pyenv.Base
	venv string
}

func (s sandboxCompiler) Compile(ctx context.Context, dir string, names []string) error {
	const at = "/compile"
	cache, err := compiledCache(s.base.Dir)
	if err != nil {
		return err
	}
	work, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer work.Close()
	venv, err := os.OpenRoot(s.venv)
	if err != nil {
		return err
	}
	defer venv.Close()
	var errs bytes.Buffer
	code, err := runtime.RunPython(ctx, s.base, cache, &python.Command{
		Args: []string{"-I", "-S", "-B", "-W", "ignore", "-c", compileScript, at},
		Venv: venv.FS(), SitePackages: "lib/python" + s.base.Minor() + "/site-packages",
		Folders: map[string]wasi.FS{at: files.NewFolder(work)}, WorkDir: at, MemoryBytes: launchMemory, TempBytes: launchTemp,
		Streams: [3]wasi.File{&files.Reader{R: strings.NewReader(strings.Join(names, "\n"))}, &files.Writer{W: &errs}, &files.Writer{W: &errs}},
	})
	if err == nil && code != 0 {
		err = fmt.Errorf("exit code %d", code)
	}
	return compiled(err, errs.String())
}

// compiled adds to an error what Python said.
func compiled(err error, said string) error {
	if said = strings.TrimSpace(said); err == nil || said == "" {
		return err
	}
	const most = 2000
	return fmt.Errorf("%w: %s", err, said[max(0, len(said)-most):])
}
