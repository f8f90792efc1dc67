package runtime_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"github.com/tetratelabs/wazero/sys"

	"github.com/mayfly-faas/mayfly/runtime"
	"github.com/mayfly-faas/mayfly/runtime/cgi"
	"github.com/mayfly-faas/mayfly/runtime/runtimetest"
)

// BenchmarkGoCommand measures calls of a Go program, one after the other in process: as a function that is brought back to its image after each
// (fresh), which is part of the call here, and by wazero alone with its own WASI, where each call instantiates the compiled module (anew). times-anew
// is how many times as long anew takes as fresh, in this run.
func BenchmarkGoCommand(b *testing.B) {
	program := runtimetest.GoCommand(b, goEcho)
	var anew time.Duration // a call
	b.Run("anew", func(b *testing.B) {
		call := instantiating(b, program)
		for b.Loop() {
			call(b)
		}
		anew = b.Elapsed() / time.Duration(b.N)
	})
	b.Run("fresh", func(b *testing.B) {
		rt := openRuntime(b, runtime.Options{})
		deploy(b, rt, "f", program)
		for b.Loop() {
			t, err := rt.Find("f")
			if err != nil {
				b.Fatal(err)
			}
			response, _, err := t.Invoke(b.Context(), greeting)
			if err != nil || !bytes.Equal(response.Body, greeting.Body) {
				b.Fatalf("%v %v", response, err)
			}
			t.Close() // brings it back
		}
		b.ReportMetric(float64(anew)/float64(b.Elapsed()/time.Duration(b.N)), "times-anew")
	})
}

// instantiating returns a function that calls a command with the greeting by wazero alone.
func instantiating(b *testing.B, program []byte) func(*testing.B) {
	ctx := b.Context()
	w := wazero.NewRuntime(ctx)
	b.Cleanup(func() {
		if err := w.Close(ctx); err != nil {
			b.Error(err)
		}
	})
	wasi_snapshot_preview1.MustInstantiate(ctx, w)
	compiled, err := w.CompileModule(ctx, program)
	if err != nil {
		b.Fatal(err)
	}
	return func(b *testing.B) {
		var out bytes.Buffer
		config := wazero.NewModuleConfig().WithName("").WithStdin(bytes.NewReader(greeting.Body)).WithStdout(&out).WithStderr(io.Discard).
			WithArgs(cgi.Args(greeting)...).WithSysWalltime().WithSysNanotime()
		for _, variable := range cgi.Env(greeting) {
			name, value, _ := strings.Cut(variable, "=")
			config = config.WithEnv(name, value)
		}
		m, err := w.InstantiateModule(ctx, compiled, config)
		if exit, ok := errors.AsType[*sys.ExitError](err); ok && exit.ExitCode() == 0 {
			err = nil
		}
		if err != nil {
			b.Fatal(err)
		}
		if m != nil {
			if err := m.Close(ctx); err != nil {
				b.Fatal(err)
			}
		}
		response, err := cgi.ParseResponse(out.Bytes())
		if err != nil || !bytes.Equal(response.Body, greeting.Body) {
			b.Fatalf("%v %v", response, err)
		}
	}
}
