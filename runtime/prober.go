package runtime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/mayfly-faas/mayfly/host/files"
	"github.com/mayfly-faas/mayfly/runtime/call"
	"github.com/mayfly-faas/mayfly/runtime/interrupt"
	"github.com/mayfly-faas/mayfly/runtime/prepare"
	"github.com/mayfly-faas/mayfly/runtime/python"
)

// Prober finds out what a build of CPython is by running a function in it. It implements pyenv.Prober.
type Prober struct {
	// CacheDir is where compiled modules are kept: the data folder's cache/compiled, so that the server need not compile again.
	CacheDir string
}

// Probe boots the build with a function of one line, calls it, and returns the version that CPython says it has. lib is the folder of
// its standard library, "" where that is inside the binary.
func (p Prober) Probe(ctx context.Context, wasm, lib string) (version string, err error) {
	content, err := os.ReadFile(wasm)
	if err != nil {
		return "", err
	}
	prepared, err := prepare.Prepare(content, prepareOptions)
	if err != nil {
		return "", err
	}
	cache, w, err := openWazero(ctx, p.CacheDir)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, w.Close(ctx), cache.Close(ctx)) }()
	compiled, err := w.CompileModule(ctx, prepared.Bytes)
	if err != nil {
		return "", fmt.Errorf("compile: %w", err)
	}
	watchdog := interrupt.NewWatchdog()
	defer watchdog.Close()
	config := &python.Config{Runtime: w, Compiled: compiled, Prepared: prepared, Watchdog: watchdog}
	if lib != "" {
		root, err := os.OpenRoot(lib)
		if err != nil {
			return "", err
		}
		defer root.Close()
		config.Lib = files.NewReadOnly(root.FS())
	}
	base, s, err := python.Boot(ctx, config)
	if load, ok := errors.AsType[*python.LoadError](err); ok {
		return "", fmt.Errorf("this does not work as a CPython for WASI: %w\n%s", err, load.Traceback)
	}
	if err != nil {
		return "", err
	}
	defer s.Close()
	limits := Options{}.WithDefaults().Defaults
	function := &python.Function{
		App: files.NewReadOnly(python.ProbeApp()), MemoryBytes: limits.PythonMemory, TempBytes: limits.TempBytes, ResponseBytes: limits.ResponseBytes,
	}
	guest := watchdog.Begin(ctx, interrupt.Limits{})
	defer guest.End()
	if _, err := s.Load(guest, function, python.Streams{Stdout: io.Discard, Stderr: io.Discard}); err != nil {
		return "", fmt.Errorf("this CPython cannot load a function: %w", err)
	}
	if _, err := s.Invoke(guest, nil, &call.Request{Method: "GET"}); err != nil {
		return "", fmt.Errorf("this CPython cannot be called: %w", err)
	}
	return base.Version, nil
}
