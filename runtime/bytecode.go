package runtime

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mayfly-faas/mayfly/host/files"
	"github.com/mayfly-faas/mayfly/host/wasi"
	"github.com/mayfly-faas/mayfly/pyenv"
	"github.com/mayfly-faas/mayfly/runtime/call"
	"github.com/mayfly-faas/mayfly/runtime/python"
)

// compiler compiles packages by the CPython that will import them, in a sandbox of its own. It implements wheelstore.Compiler.
type compiler struct {
	rt    *Runtime
	build pyenv.Base
}

// errByteCode occurs when byte code cannot be made, without which packages work, too.
var errByteCode = errors.New("no byte code")

const (
	compileTimeout = 10 * time.Minute
	compileMemory  = 256 << 20
	sourcesDir     = "/sources"
)

// compileScript reads names that end in a NUL. Files that are not valid are left out.
const compileScript = `
import py_compile, sys
for name in sys.stdin.buffer.read().decode().split("\0")[:-1]:
    try:
        py_compile.compile("` + sourcesDir + `/" + name, dfile=name.partition("/")[2], doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    except py_compile.PyCompileError:
        pass
`

// Compile implements wheelstore.Compiler. Compiling runs nothing of what is compiled.
func (c compiler) Compile(ctx context.Context, dir string, names []string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, compileTimeout, fmt.Errorf("it took more than %s", compileTimeout))
	defer cancel()
	if err := c.rt.making.Acquire(ctx, 1); err != nil {
		return err
	}
	defer c.rt.making.Release(1)
	var said bytes.Buffer
	code, err := c.run(ctx, dir, strings.Join(names, "\x00")+"\x00", &said)
	if err != nil {
		return fmt.Errorf("%w: %w", errByteCode, err)
	}
	if code != 0 {
		return fmt.Errorf("%w: CPython ended with exit code %d: %.1000s", errByteCode, code, strings.TrimSpace(said.String()))
	}
	return nil
}

func (c compiler) run(ctx context.Context, dir, names string, said io.Writer) (int, error) {
	var took call.Phases
	m, err := c.rt.modules.acquire(ctx, c.build.Digest, func() ([]byte, error) { return os.ReadFile(c.build.Wasm()) }, &took)
	if err != nil {
		return 0, err
	}
	defer c.rt.modules.release(m)
	var folders roots
	defer folders.close()
	config := &python.Config{Runtime: m.runtime, Compiled: m.compiled, Prepared: m.prepared, Watchdog: c.rt.watchdog}
	if lib := c.build.Lib(); lib != "" {
		if config.Lib, err = folders.view(os.OpenRoot(lib)); err != nil {
			return 0, err
		}
	}
	sources, err := os.OpenRoot(dir)
	if err != nil {
		return 0, err
	}
	defer sources.Close()
	// It needs an environment to start in, which has nothing installed.
	if _, err := c.rt.venv(ctx, &folders, "base", c.build); err != nil {
		return 0, err
	}
	command := &python.Command{
		Args: []string{"-I", "-c", compileScript}, Venv: folders[len(folders)-1].FS(), SitePackages: filepath.ToSlash(filepath.Join("lib", "python"+c.build.Minor(), "site-packages")),
		Folders: map[string]wasi.FS{sourcesDir: files.NewFolder(sources)}, WorkDir: sourcesDir, MemoryBytes: compileMemory,
		Streams: [3]wasi.File{&files.Reader{R: strings.NewReader(names)}, &files.Writer{W: io.Discard}, &files.Writer{W: said}},
	}
	return command.Run(ctx, config)
}
