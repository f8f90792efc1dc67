package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mayfly-faas/mayfly/host/files"
	"github.com/mayfly-faas/mayfly/pyenv"
	"github.com/mayfly-faas/mayfly/runtime/interrupt"
	"github.com/mayfly-faas/mayfly/runtime/prepare"
	"github.com/mayfly-faas/mayfly/runtime/python"
)

// RunPython runs a build of CPython as a command, and returns its exit code. Compiled modules are kept in cacheDir, which may be that of a server.
func RunPython(ctx context.Context, build pyenv.Base, cacheDir string, c *python.Command) (code int, err error) {
	content, err := os.ReadFile(build.Wasm())
	if err != nil {
		return 0, err
	}
	prepared, err := prepare.Prepare(content, prepareOptions)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", build.Wasm(), err)
	}
	cache, w, err := openWazero(ctx, cacheDir)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, w.Close(ctx), cache.Close(ctx)) }()
	compiled, err := w.CompileModule(ctx, prepared.Bytes)
	if err != nil {
		return 0, fmt.Errorf("compile %s: %w\nif a file in %s is damaged: delete what is in that folder", build.Wasm(), err, filepath.Clean(cacheDir))
	}
	watchdog := interrupt.NewWatchdog()
	defer watchdog.Close()
	config := &python.Config{Runtime: w, Compiled: compiled, Prepared: prepared, Watchdog: watchdog}
	if lib := build.Lib(); lib != "" {
		root, err := os.OpenRoot(lib)
		if err != nil {
			return 0, err
		}
		defer root.Close()
		config.Lib = files.NewReadOnly(root.FS())
	}
	return c.Run(ctx, config)
}
