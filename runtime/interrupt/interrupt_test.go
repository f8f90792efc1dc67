package interrupt

import (
	"context"
	"encoding/binary"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"go.uber.org/goleak"

	"github.com/mayfly-faas/mayfly/host/wasi/wasitest"
	"github.com/mayfly-faas/mayfly/runtime/prepare"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// guest assembles a module with _start of type () -> () and f of type (i32) -> (), and without a memory.
func guest(start, f []byte) []byte {
	code := func(body []byte) []byte {
		body = append(body, 0x0b)
		return append(binary.AppendUvarint(nil, uint64(len(body))), body...)
	}
	return new(wasitest.Module).Section(1, []byte{0x60, 0, 0}, []byte{0x60, 1, 0x7f, 0}).Section(3, []byte{0}, []byte{1}).
		Section(7, append(wasitest.Name("_start"), 0, 0)).Section(10, code(start), code(f)).Bytes()
}

// runaways are guests that do not end by themselves.
var runaways = map[string][]byte{
	// loop, br 0
	"a loop": guest([]byte{0, 0x03, 0x40, 0x0c, 0, 0x0b}, []byte{0}),
	// loop, i32.const 0, call f, br 0
	"a loop of calls": guest([]byte{0, 0x03, 0x40, 0x41, 0, 0x10, 1, 0x0c, 0, 0x0b}, []byte{0}),
	// The same, where f counts to 200 in a loop: less than it takes for the loop's own check.
	"a loop of calls with loops": guest([]byte{0, 0x03, 0x40, 0x41, 0, 0x10, 1, 0x0c, 0, 0x0b},
		[]byte{0, 0x03, 0x40, 0x20, 0, 0x41, 1, 0x6a, 0x22, 0, 0x41, 0xc8, 1, 0x48, 0x0d, 0, 0x0b}),
	// f(n) is: if n, f(n-1), f(n-1). f(100) takes 2^100 calls.
	"a tree of calls without loops": guest([]byte{0, 0x41, 0xe4, 0, 0x10, 1},
		[]byte{0, 0x20, 0, 0x04, 0x40, 0x20, 0, 0x41, 1, 0x6b, 0x10, 1, 0x20, 0, 0x41, 1, 0x6b, 0x10, 1, 0x0b}),
}

func instantiate(t testing.TB, wasm []byte) api.Module {
	t.Helper()
	ctx := context.Background()
	prepared, err := prepare.Prepare(wasm, prepare.Options{Checks: true})
	if err != nil {
		t.Fatal(err)
	}
	r := wazero.NewRuntime(ctx)
	t.Cleanup(func() { _ = r.Close(ctx) })
	mod, err := r.InstantiateWithConfig(ctx, prepared.Bytes, wazero.NewModuleConfig().WithStartFunctions())
	if err != nil {
		t.Fatal(err)
	}
	return mod
}

func TestRunawaysEndAndHoldUpNobody(t *testing.T) {
	for name, wasm := range runaways {
		t.Run(name, func(t *testing.T) {
			mod := instantiate(t, wasm)
			flag := Of(mod)
			// As often as it takes to see that an instance can be stopped again, and on as many processors as there are, so that none is left for
			// the timer but what the guests give back.
			for range 2 {
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				others := make(chan error)
				for range runtime.GOMAXPROCS(0) {
					other := instantiate(t, wasm)
					go func() {
						defer Of(other).Arm(ctx)()
						_, err := other.ExportedFunction("_start").Call(ctx)
						others <- err
					}()
				}
				// The garbage collector stops the world, which waits for each goroutine to look up.
				runtime.GC()
				disarm := flag.Arm(ctx)
				_, err := mod.ExportedFunction("_start").Call(ctx)
				disarm()
				for range runtime.GOMAXPROCS(0) {
					if err := <-others; err == nil || !strings.Contains(err.Error(), "unreachable") {
						t.Errorf("beside it: %v", err)
					}
				}
				if err == nil || !strings.Contains(err.Error(), "unreachable") || ctx.Err() == nil {
					t.Errorf("%v, and the context has %v", err, ctx.Err())
				}
				cancel()
			}
		})
	}
}

func TestAnEarlierCallsContextDoesNotStopALaterCall(t *testing.T) {
	// _start counts to a million.
	mod := instantiate(t, guest([]byte{1, 1, 0x7f, 0x03, 0x40, 0x20, 0, 0x41, 1, 0x6a, 0x22, 0, 0x41, 0xc0, 0x84, 0x3d, 0x48, 0x0d, 0, 0x0b}, []byte{0}))
	flag := Of(mod)
	for range 200 {
		earlier, cancel := context.WithCancel(t.Context())
		disarm := flag.Arm(earlier)
		go cancel()
		disarm()
		disarm = flag.Arm(t.Context())
		if _, err := mod.ExportedFunction("_start").Call(t.Context()); err != nil {
			t.Fatal(err)
		}
		disarm()
		<-earlier.Done()
	}
}

func TestModulesWithoutCodeNeedNoFlag(t *testing.T) {
	defer Of(instantiate(t, new(wasitest.Module).Bytes())).Arm(t.Context())()
}
