package runtime

import (
	"context"
	"errors"
	"fmt"
	"github.com/tetratelabs/wazero"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mayfly-faas/mayfly/host/wasi/wasitest"
	"github.com/mayfly-faas/mayfly/runtime/call"
)

func testModules(t *testing.T, count int, bytes int64) *modules {
	t.Helper()
	cache, w, err := openWazero(context.Background(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	m, err := newModules(w, count, bytes, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.close()
		if err := errors.Join(w.Close(context.Background()), cache.Close(context.Background())); err != nil {
			t.Error(err)
		}
	})
	return m
}

// load gives a module whose bytes differ by n.
func load(n byte) func() ([]byte, error) {
	return func() ([]byte, error) { return wasitest.Command([]byte{0x41, n, 0x1a}), nil }
}

func acquire(t *testing.T, m *modules, n byte) *module {
	t.Helper()
	mod, err := m.acquire(context.Background(), fmt.Sprint(n), load(n), &call.Phases{})
	if err != nil {
		t.Fatal(err)
	}
	return mod
}

func TestManyCallersCauseOneCompile(t *testing.T) {
	m := testModules(t, 4, 1<<20)
	var loads atomic.Int32
	release := make(chan struct{})
	var callers sync.WaitGroup
	for range 50 {
		callers.Go(func() {
			mod, err := m.acquire(context.Background(), "x", func() ([]byte, error) {
				loads.Add(1)
				<-release
				return load(1)()
			}, &call.Phases{})
			if err != nil {
				t.Error(err)
				return
			}
			m.release(mod)
		})
	}
	close(release)
	callers.Wait()
	if n := loads.Load(); n != 1 {
		t.Errorf("the module was loaded %d times", n)
	}
}

func TestEvictedModuleIsClosedWithItsLastUser(t *testing.T) {
	m := testModules(t, 1, 1<<20)
	first := acquire(t, m, 1)
	again := acquire(t, m, 1)
	if first != again {
		t.Fatal("a module in memory was compiled again")
	}
	m.release(acquire(t, m, 2)) // evicts the first
	for _, user := range []*module{first, again} {
		if user.refs == 0 {
			t.Fatal("the module was closed under its user")
		}
		instance, err := m.runtime.InstantiateModule(context.Background(), user.compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions())
		if err != nil {
			t.Fatalf("the evicted module cannot be used: %v", err)
		}
		if err := instance.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		m.release(user)
	}
	if first.refs != 0 {
		t.Errorf("%d references are left", first.refs)
	}
}

func TestModuleThatIsCompiledAnewHasARuntimeOfItsOwn(t *testing.T) {
	m := testModules(t, 4, 1<<20)
	instantiate := func(mod *module) error {
		instance, err := mod.runtime.InstantiateModule(context.Background(), mod.compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions())
		if err != nil {
			return err
		}
		return instance.Close(context.Background())
	}
	first := acquire(t, m, 1)
	m.drop("1", true)
	anew := acquire(t, m, 1)
	if !anew.own || anew.runtime == first.runtime {
		t.Error("the module was taken from the compilation cache")
	}
	if err := errors.Join(instantiate(first), instantiate(anew)); err != nil {
		t.Error(err)
	}
	m.release(first)
	m.drop("1", false)
	again := acquire(t, m, 1)
	if again.own {
		t.Error("the module was compiled anew twice")
	}
	if err := instantiate(anew); err != nil {
		t.Errorf("a module that is in use was closed: %v", err)
	}
	m.release(anew)
	if err := instantiate(anew); err == nil {
		t.Error("the module's runtime is open after its last user")
	}
	m.release(again)
}

func TestModulesAreBoundedByBytes(t *testing.T) {
	wasm, err := load(0)()
	if err != nil {
		t.Fatal(err)
	}
	m := testModules(t, 100, 3*int64(len(wasm)))
	for n := range byte(10) {
		m.release(acquire(t, m, n))
	}
	if got := m.count(); got != 3 {
		t.Errorf("%d modules of %d bytes are in memory, want 3", got, len(wasm))
	}
}

func TestOnlyIdleModulesAreDropped(t *testing.T) {
	m := testModules(t, 4, 1<<20)
	used := acquire(t, m, 1)
	m.release(acquire(t, m, 2))
	m.dropIdle(time.Now().Add(time.Hour))
	if got := m.count(); got != 1 {
		t.Errorf("%d modules are left, want the one that is used", got)
	}
	m.release(used)
}

func TestFailedCompileIsTriedAgain(t *testing.T) {
	m := testModules(t, 4, 1<<20)
	failure := errors.New("disk")
	if _, err := m.acquire(context.Background(), "1", func() ([]byte, error) { return nil, failure }, &call.Phases{}); !errors.Is(err, failure) {
		t.Fatalf("got %v", err)
	}
	m.release(acquire(t, m, 1))
}

// TestCompileInstantiateCloseAtOnce is for the race detector: wazero had a race between these (wazero#2453).
func TestCompileInstantiateCloseAtOnce(t *testing.T) {
	m := testModules(t, 1, 1<<20)
	var workers sync.WaitGroup
	for n := range byte(4) {
		workers.Go(func() {
			for range 50 {
				mod, err := m.acquire(context.Background(), fmt.Sprint(n), load(n), &call.Phases{})
				if err != nil {
					t.Error(err)
					return
				}
				instance, err := m.runtime.InstantiateModule(context.Background(), mod.compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions())
				if err == nil {
					_, err = instance.ExportedFunction("_start").Call(context.Background())
					err = errors.Join(err, instance.Close(context.Background()))
				}
				if err != nil {
					t.Error(err)
				}
				m.release(mod)
			}
		})
	}
	workers.Wait()
}

// TestTheSameCodeUnderTwoNamesIsCompiledAtOnce has modules that differ in nothing that is compiled, and lie compiled on the disk.
func TestTheSameCodeUnderTwoNamesIsCompiledAtOnce(t *testing.T) {
	m := testModules(t, 4, 1<<20)
	for range 300 {
		var users sync.WaitGroup
		for _, digest := range []string{"a", "b", "c", "d"} {
			users.Go(func() {
				mod, err := m.acquire(context.Background(), digest, load(1), &call.Phases{})
				if err != nil {
					t.Error(err)
					return
				}
				defer m.release(mod)
				instance, err := m.runtime.InstantiateModule(context.Background(), mod.compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions())
				if err == nil {
					_, err = instance.ExportedFunction("_start").Call(context.Background())
					err = errors.Join(err, instance.Close(context.Background()))
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		users.Wait()
		for _, digest := range []string{"a", "b", "c", "d"} {
			m.drop(digest, false)
		}
	}
}

func TestModulesAreCompiledOnceHoweverTheCallersMeet(t *testing.T) {
	for range 100 {
		m := testModules(t, 4, 1<<20)
		var compiled atomic.Int32
		var callers sync.WaitGroup
		for range 32 {
			callers.Go(func() {
				mod, err := m.acquire(context.Background(), "x", func() ([]byte, error) {
					compiled.Add(1)
					return load(1)()
				}, &call.Phases{})
				if err != nil {
					t.Error(err)
					return
				}
				m.release(mod)
			})
		}
		callers.Wait()
		m.close()
		if n := compiled.Load(); n != 1 || m.bytes != 0 {
			t.Fatalf("%d compilations, %d bytes left after close", n, m.bytes)
		}
	}
}

func TestClosingWaitsForACompilationThatItsCallerHasLeft(t *testing.T) {
	m := testModules(t, 4, 1<<20)
	begun, goOn := make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	left := make(chan error)
	go func() {
		_, err := m.acquire(ctx, "x", func() ([]byte, error) {
			close(begun)
			<-goOn
			return load(1)()
		}, &call.Phases{})
		left <- err
	}()
	<-begun
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("the caller got %v", err)
	}
	closed := make(chan struct{})
	go func() {
		m.close()
		close(closed)
	}()
	close(goOn)
	<-closed
	if m.count() != 0 || m.bytes != 0 {
		t.Errorf("%d modules and %d bytes after close", m.count(), m.bytes)
	}
	if _, err := m.acquire(context.Background(), "y", load(2), &call.Phases{}); !errors.Is(err, ErrClosed) {
		t.Errorf("after close: %v", err)
	}
}
