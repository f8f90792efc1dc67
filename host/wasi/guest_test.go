package wasi_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/mayfly-faas/mayfly/host/files"
	"github.com/mayfly-faas/mayfly/host/wasi"
)

// guest is a compiled command that tests run.
type guest struct {
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
}

func newGuest(t *testing.T, wasm []byte) *guest {
	t.Helper()
	return newGuestOn(t, wazero.NewRuntimeConfig(), wasm)
}

// newGuestOn compiles a guest for an engine of wazero's.
func newGuestOn(t *testing.T, engine wazero.RuntimeConfig, wasm []byte) *guest {
	t.Helper()
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, engine.WithCloseOnContextDone(true).WithDebugInfoEnabled(false))
	t.Cleanup(func() { rt.Close(ctx) })
	if _, err := wasi.Instantiate(ctx, rt); err != nil {
		t.Fatal(err)
	}
	compiled, err := rt.CompileModule(ctx, wasm)
	if err != nil {
		t.Fatal(err)
	}
	return &guest{rt, compiled}
}

// buildGo compiles Go source to a wasip1 command.
func buildGo(t *testing.T, args ...string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "guest.wasm")
	cmd := exec.Command("go", append(args[:len(args):len(args)], "-o", out)...)
	if args[0] == "build" {
		cmd = exec.Command("go", append([]string{"build", "-o", out}, args[1:]...)...)
	}
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, b)
	}
	wasm, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}

// run is one run of a guest.
type run struct {
	args, env []string
	stdin     string
	root      wasi.FS   // nil: nothing is mounted
	also      io.Writer // what it prints goes there too; nil: nowhere
}

// do runs the guest's _start once and returns what it printed on both streams, and the call's error.
func (g *guest) do(ctx context.Context, t *testing.T, r run) (output string, err error) {
	t.Helper()
	if r.root == nil {
		r.root = files.NewMounts()
	}
	p, err := wasi.NewProcess(r.root)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var out bytes.Buffer
	var w io.Writer = &out
	if r.also != nil {
		w = io.MultiWriter(&out, r.also)
	}
	in := &files.Input{}
	in.Set([]byte(r.stdin))
	p.SetStream(0, in)
	p.SetStream(1, &files.Writer{W: w})
	p.SetStream(2, &files.Writer{W: w})
	p.Args, p.Env = append([]string{"guest"}, r.args...), r.env
	ctx = wasi.NewContext(ctx, p)
	mod, err := g.runtime.InstantiateModule(ctx, g.compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		t.Fatal(err)
	}
	defer mod.Close(ctx)
	p.Begin()
	_, err = mod.ExportedFunction("_start").Call(ctx)
	return out.String(), err
}

// exitCode is the code that a run ended with; -1 where it ended otherwise.
func exitCode(err error) int {
	if err == nil {
		return 0
	}
	if code, ok := wasi.IsExit(err); ok {
		return int(code)
	}
	return -1
}
