package interrupt

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
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
	// The same, with much to do in each turn.
	"a loop of calls with long loops": guest([]byte{0, 0x03, 0x40, 0x41, 0, 0x10, 1, 0x0c, 0, 0x0b},
		slices.Concat([]byte{0, 0x03, 0x40}, roots(40), []byte{0x20, 0, 0x41, 1, 0x6a, 0x22, 0, 0x41, 0xc8, 1, 0x48, 0x0d, 0, 0x0b})),
	"a loop with much in it": guest(slices.Concat([]byte{0, 0x03, 0x40}, roots(20_000), []byte{0x0c, 0, 0x0b}), []byte{0}),
	// f has as much as a function can that does not look up.
	"a loop of many calls with much in them": guest(slices.Concat([]byte{0, 0x03, 0x40}, bytes.Repeat([]byte{0x41, 0, 0x10, 1}, 1000), []byte{0x0c, 0, 0x0b}),
		slices.Concat([]byte{0}, roots(30))),
	// f(n) is: if n, f(n-1), f(n-1). f(100) takes 2^100 calls.
	"a tree of calls without loops": guest([]byte{0, 0x41, 0xe4, 0, 0x10, 1},
		[]byte{0, 0x20, 0, 0x04, 0x40, 0x20, 0, 0x41, 1, 0x6b, 0x10, 1, 0x20, 0, 0x41, 1, 0x6b, 0x10, 1, 0x0b}),
	"calls that only go down": chain(100, func(i byte) []byte { return []byte{0, 0x10, i + 1, 0x10, i + 1} }),
	// Each calls the next one, and the last one the first as its tail: return_call.
	"a circle of tail calls": chain(3, func(i byte) []byte { return []byte{0, 0x12, (i + 1) % 3} }),
}

// roots takes the square root of 2 as often as that, one after the other: f64.const 2, n times f64.sqrt, f64.const 0, f64.lt, if, unreachable, end.
func roots(n int) []byte {
	return slices.Concat([]byte{0x44, 0, 0, 0, 0, 0, 0, 0, 0x40}, bytes.Repeat([]byte{0x9f}, n), []byte{0x44, 0, 0, 0, 0, 0, 0, 0, 0, 0x63, 0x04, 0x40, 0, 0x0b})
}

// chain assembles a module of n functions, whose bodies are told by their number. The first is _start, and the last one does nothing where its body calls
// one that is not there.
func chain(n byte, body func(i byte) []byte) []byte {
	var functions, bodies [][]byte
	for i := range n {
		b := append(body(i), 0x0b)
		if b[2] == n {
			b = []byte{0, 0x0b}
		}
		functions, bodies = append(functions, []byte{0}), append(bodies, append([]byte{byte(len(b))}, b...))
	}
	return new(wasitest.Module).Section(1, []byte{0x60, 0, 0}).Section(3, functions...).
		Section(7, append(wasitest.Name("_start"), 0, 0)).Section(10, bodies...).Bytes()
}

func instantiate(t testing.TB, wasm []byte) api.Module {
	t.Helper()
	ctx := context.Background()
	prepared, err := prepare.Prepare(wasm, prepare.Options{Checks: true})
	if err != nil {
		t.Fatal(err)
	}
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCoreFeatures(api.CoreFeaturesV2|experimental.CoreFeaturesTailCall))
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
			w := newWatchdog(t)
			// As often as it takes to see that an instance can be stopped again, and on as many processors as there are, so that none is left for
			// the timer but what the guests give back.
			for range 2 {
				others := make(chan error)
				for range runtime.GOMAXPROCS(0) {
					other := instantiate(t, wasm)
					go func() {
						_, err := run(w, t.Context(), other, Limits{Time: 50 * time.Millisecond})
						others <- err
					}()
				}
				// The garbage collector stops the world, which waits for each goroutine to look up.
				runtime.GC()
				cause, err := run(w, t.Context(), mod, Limits{Time: 50 * time.Millisecond})
				for range runtime.GOMAXPROCS(0) {
					if err := <-others; err == nil || !strings.Contains(err.Error(), "unreachable") {
						t.Errorf("beside it: %v", err)
					}
				}
				if err == nil || !strings.Contains(err.Error(), "unreachable") || !errors.Is(cause, ErrTime) {
					t.Errorf("%v, because of %v", err, cause)
				}
			}
		})
	}
}

func newWatchdog(t testing.TB) *Watchdog {
	w := NewWatchdog()
	t.Cleanup(w.Close)
	return w
}

// run runs a guest under a watchdog, and returns why it was ended, if it was.
func run(w *Watchdog, ctx context.Context, mod api.Module, l Limits) (cause, err error) {
	c := w.Begin(ctx, l)
	defer c.End()
	c.Arm(Of(mod), nil)
	_, err = mod.ExportedFunction("_start").Call(c)
	c.Disarm()
	return c.Cause(), err
}

// million is a guest that counts to a million.
var million = guest([]byte{1, 1, 0x7f, 0x03, 0x40, 0x20, 0, 0x41, 1, 0x6a, 0x22, 0, 0x41, 0xc0, 0x84, 0x3d, 0x48, 0x0d, 0, 0x0b}, []byte{0})

func TestAnEarlierCallsContextDoesNotStopALaterCall(t *testing.T) {
	mod := instantiate(t, million)
	w := newWatchdog(t)
	for range 200 {
		earlier, cancel := context.WithCancel(t.Context())
		c := w.Begin(earlier, Limits{Time: time.Microsecond})
		c.Arm(Of(mod), nil)
		go cancel()
		c.Disarm()
		c.End()
		if cause, err := run(w, t.Context(), mod, Limits{Time: time.Minute}); cause != nil || err != nil {
			t.Fatal(cause, err)
		}
		<-earlier.Done()
	}
}

func TestParentsCutCallsOff(t *testing.T) {
	loop := runaways["a loop"]
	w := newWatchdog(t)
	for _, follow := range []bool{false, true} {
		parent, cancel := context.WithCancel(t.Context())
		ctx, stop := parent, func() bool { return true }
		if follow {
			ctx, stop = w.Follow(parent)
		}
		causes := make(chan error)
		for range 3 {
			mod := instantiate(t, loop)
			go func() {
				cause, _ := run(w, ctx, mod, Limits{})
				causes <- cause
			}()
		}
		time.AfterFunc(5*time.Millisecond, cancel)
		for range 3 {
			if cause := <-causes; !errors.Is(cause, ErrCut) {
				t.Errorf("followed %t: ended by %v", follow, cause)
			}
		}
		if cause, _ := run(w, ctx, instantiate(t, loop), Limits{}); !errors.Is(cause, ErrCut) {
			t.Errorf("followed %t: begun after its parent's end, ended by %v", follow, cause)
		}
		stop()
	}
}

func TestClosedWatchdogLetsNothingRun(t *testing.T) {
	mod := instantiate(t, runaways["a loop"])
	w := NewWatchdog()
	time.AfterFunc(5*time.Millisecond, w.Close)
	for range 2 {
		if cause, _ := run(w, t.Context(), mod, Limits{}); !errors.Is(cause, ErrCut) {
			t.Errorf("ended by %v", cause)
		}
	}
	w.Close()
}

// waits is a Waiter that tells of half the time since it was made.
type waits struct{ since time.Time }

func (w waits) Waited() time.Duration { return time.Since(w.since) / 2 }

func TestWaitingIsNoCPUTime(t *testing.T) {
	w := newWatchdog(t)
	mod := instantiate(t, runaways["a loop"])
	c := w.Begin(t.Context(), Limits{Time: time.Minute, CPU: 20 * time.Millisecond})
	defer c.End()
	c.Arm(Of(mod), waits{time.Now()})
	_, err := mod.ExportedFunction("_start").Call(c)
	c.Disarm()
	if !errors.Is(c.Cause(), ErrCPU) || err == nil || !errors.Is(c.Err(), context.DeadlineExceeded) {
		t.Errorf("%v, because of %v", err, c.Cause())
	}
	if c.CPU() < 20*time.Millisecond || c.Elapsed() < 40*time.Millisecond {
		t.Errorf("it computed for %s of %s", c.CPU(), c.Elapsed())
	}
	<-c.Done()
}

func TestCallIsAContext(t *testing.T) {
	w := newWatchdog(t)
	type key struct{}
	c := w.Begin(context.WithValue(t.Context(), key{}, "value"), Limits{Time: time.Hour})
	if c.Value(key{}) != "value" || c.Err() != nil {
		t.Errorf("value %v, error %v", c.Value(key{}), c.Err())
	}
	if at, ok := c.Deadline(); !ok || time.Until(at) > time.Hour {
		t.Errorf("deadline %s, %t", at, ok)
	}
	done := c.Done()
	c.End()
	<-done
	if c.Err() == nil {
		t.Error("it has ended, and its context has not")
	}
}

func TestModulesWithoutCodeNeedNoFlag(t *testing.T) {
	w := newWatchdog(t)
	c := w.Begin(t.Context(), Limits{})
	c.Arm(Of(instantiate(t, new(wasitest.Module).Bytes())), nil)
	c.Disarm()
	c.End()
}
