package image_test

import (
	"context"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"go.uber.org/goleak"

	"github.com/mayfly-faas/mayfly/host/wasi"
	"github.com/mayfly-faas/mayfly/host/wasi/wasitest"
	"github.com/mayfly-faas/mayfly/runtime/image"
	"github.com/mayfly-faas/mayfly/runtime/interrupt"
	"github.com/mayfly-faas/mayfly/runtime/prepare"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	guestPages    = 8 // of 64 KiB
	guestMaxPages = 64
)

// guestModule exports what a guest can do to its own state: fill(address, value, bytes), grow(pages), size, set(value) of a global, trap, spin and exit.
func guestModule() []byte {
	const i32, i64 = 0x7f, 0x7e
	body := func(code ...byte) []byte {
		code = append(append([]byte{0}, code...), 0x0b)
		return append([]byte{byte(len(code))}, code...)
	}
	m := &wasitest.Module{}
	m.Section(1, // types
		[]byte{0x60, 3, i32, i32, i32, 0}, []byte{0x60, 1, i32, 1, i32}, []byte{0x60, 0, 1, i32}, []byte{0x60, 1, i64, 0}, []byte{0x60, 0, 0}, []byte{0x60, 1, i32, 0})
	m.Section(2, append(append(wasitest.Name(wasi.ModuleName), wasitest.Name("proc_exit")...), 0, 5)) // function 0
	m.Section(3, []byte{0}, []byte{1}, []byte{2}, []byte{3}, []byte{4}, []byte{4}, []byte{4})         // functions from 1 on
	m.Section(5, []byte{1, guestPages, guestMaxPages})                                                // a memory
	m.Section(6, []byte{i64, 1, 0x42, 7, 0x0b})                                                       // a mutable global, 7
	var exports [][]byte
	for i, name := range []string{"fill", "grow", "size", "set", "trap", "spin", "exit"} {
		exports = append(exports, append(wasitest.Name(name), 0, byte(i+1)))
	}
	m.Section(7, append(exports, append(wasitest.Name("memory"), 2, 0))...)
	m.Section(10,
		body(0x20, 0, 0x20, 1, 0x20, 2, 0xfc, 11, 0), // memory.fill
		body(0x20, 0, 0x40, 0),                       // memory.grow
		body(0x3f, 0),                                // memory.size
		body(0x20, 0, 0x24, 0),                       // global.set
		body(0x00),                                   // unreachable
		body(0x03, 0x40, 0x0c, 0, 0x0b),              // loop br 0 end
		body(0x41, 3, 0x10, 0),                       // proc_exit(3)
	)
	m.Section(11, append([]byte{0, 0x41, 16, 0x0b, 5}, "hello"...)) // data at 16
	return m.Bytes()
}

// guest makes instances of guestModule.
type guest struct {
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
	prepared *prepare.Module
	tracker  *image.Tracker
	budget   image.Budget
	watchdog *interrupt.Watchdog
}

// newGuest returns a guest whose memory is brought back in that mode. A test is skipped where the kernel does not allow it.
func newGuest(t testing.TB, mode image.Mode) *guest {
	t.Helper()
	g := &guest{runtime: wazero.NewRuntime(t.Context()), watchdog: interrupt.NewWatchdog()}
	t.Cleanup(g.watchdog.Close)
	t.Cleanup(func() { _ = g.runtime.Close(context.Background()) })
	if mode == image.Tracked {
		g.tracker = openTracker(t)
	}
	if _, err := wasi.Instantiate(t.Context(), g.runtime); err != nil {
		t.Fatal(err)
	}
	var err error
	if g.prepared, err = prepare.Prepare(guestModule(), prepare.Options{Checks: true, Growth: true, Data: true}); err != nil {
		t.Fatal(err)
	}
	if g.compiled, err = g.runtime.CompileModule(t.Context(), g.prepared.Bytes); err != nil {
		t.Fatal(err)
	}
	return g
}

func openTracker(t testing.TB) *image.Tracker {
	t.Helper()
	tracker, err := image.OpenTracker()
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(tracker.Close)
	return tracker
}

// instance is a guest's instance with its functions.
type instance struct {
	*image.Instance
	guest *guest
	flag  *interrupt.Flag
}

func (g *guest) instance(t testing.TB) *instance {
	t.Helper()
	i, err := image.NewInstance(t.Context(), g.runtime, g.compiled, g.prepared, image.Options{Limit: guestMaxPages << 16, Tracker: g.tracker, Budget: g.budget})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Close)
	return &instance{i, g, interrupt.Of(i.Module)}
}

func (i *instance) call(t testing.TB, function string, args ...uint64) uint64 {
	t.Helper()
	i.Memory.Begin()
	result, err := i.Module.ExportedFunction(function).Call(t.Context(), args...)
	if err != nil {
		t.Fatalf("%s(%v): %v", function, args, err)
	}
	if len(result) == 0 {
		return 0
	}
	return result[0]
}

// end ends the guest as a request can end: by a trap, when its time is up, or by proc_exit.
func (i *instance) end(t testing.TB, how string) {
	t.Helper()
	c := i.guest.watchdog.Begin(t.Context(), interrupt.Limits{Time: time.Millisecond})
	defer c.End()
	c.Arm(i.flag, nil)
	defer c.Disarm()
	i.Memory.Begin()
	_, err := i.Module.ExportedFunction(how).Call(c)
	if _, exited := wasi.IsExit(err); err == nil || exited != (how == "exit") {
		t.Fatalf("%s ended in %v", how, err)
	}
}

// memory returns all memory that the instance has, beyond what the guest takes for its end too.
func (i *instance) memory(t testing.TB) []byte {
	t.Helper()
	b, ok := i.Module.Memory().Read(0, i.Module.Memory().Size())
	if !ok {
		t.Fatal("memory cannot be read")
	}
	return b
}

func (i *instance) global() uint64 { return i.Module.ExportedGlobal(prepare.GlobalPrefix + "0").Get() }
