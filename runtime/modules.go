package runtime

import (
	"context"
	"fmt"
	"hash/maphash"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/tetratelabs/wazero"
	"golang.org/x/sync/singleflight"

	"github.com/mayfly-faas/mayfly/runtime/call"
	"github.com/mayfly-faas/mayfly/runtime/prepare"
)

// modules are the compiled modules in memory, bounded by their number and by the bytes of Wasm they come from; the least recently
// used goes first. A module that leaves is closed when its last user lets go of it.
type modules struct {
	runtime  wazero.Runtime
	maxBytes int64
	repair   func(damage error) error // empties the compilation cache
	compiles singleflight.Group

	mu        sync.Mutex
	closed    bool                        // guarded by mu
	anew      map[string]bool             // guarded by mu; digests of what is compiled next without the compilation cache
	work      sync.WaitGroup              // compilations
	lru       *lru.Cache[string, *module] // guarded by mu
	bytes     int64                       // guarded by mu; of what is in lru
	compiling map[uint64]chan struct{}    // guarded by mu; by the hash of what is compiled, closed when it is
}

// module is a compiled module. Who uses it holds a reference.
type module struct {
	owner    *modules
	digest   string
	size     int64
	runtime  wazero.Runtime // in which it is instantiated
	own      bool           // the runtime is the module's own, and is closed with it
	compiled wazero.CompiledModule
	prepared *prepare.Module // without its bytes

	refs     int       // guarded by owner.mu; one of them is the cache's
	lastUsed time.Time // guarded by owner.mu
}

// What tables can have, which are no part of a sandbox's memory: an element takes 8 bytes.
const (
	maxTables   = 16
	maxElements = 1 << 18 // of each table
)

// prepareOptions are what images and interrupts need.
var prepareOptions = prepare.Options{Checks: true, Growth: true, Data: true, Elements: maxElements}

// damagedCache is in what wazero says of a file in its compilation cache that it cannot read.
const damagedCache = "compilationcache: "

// compileError is a module that wazero does not compile.
type compileError struct{ err error }

func (e *compileError) Error() string { return "compile: " + e.err.Error() }
func (e *compileError) Unwrap() error { return e.err }

func newModules(rt wazero.Runtime, count int, maxBytes int64, repair func(error) error) (*modules, error) {
	m := &modules{runtime: rt, maxBytes: maxBytes, repair: repair, anew: map[string]bool{}, compiling: map[uint64]chan struct{}{}}
	var err error
	// Eviction runs under mu, as all use of the cache does.
	m.lru, err = lru.NewWithEvict(count, func(_ string, mod *module) {
		m.bytes -= mod.size
		m.unref(mod)
	})
	return m, err
}

// acquire returns the module with that digest. Where it is not in memory, load reads its bytes and it is compiled, once however
// many ask for it at a time; what that took is put into phases. The caller must release it.
func (m *modules) acquire(ctx context.Context, digest string, load func() ([]byte, error), phases *call.Phases) (*module, error) {
	for {
		if mod := m.find(digest); mod != nil {
			return mod, nil
		}
		// The compilation goes on when the caller that began it gives up: others may be waiting for it.
		done := m.compiles.DoChan(digest, func() (any, error) { return m.build(context.WithoutCancel(ctx), digest, load) })
		select {
		case result := <-done:
			if result.Err != nil {
				return nil, result.Err
			}
			took := result.Val.(call.Phases)
			phases[call.Load], phases[call.Compile] = took[call.Load], took[call.Compile]
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// build compiles a module and puts it into the cache.
func (m *modules) build(ctx context.Context, digest string, load func() ([]byte, error)) (call.Phases, error) {
	m.mu.Lock()
	if m.closed || m.lru.Contains(digest) { // another caller's compilation may have ended just now
		defer m.mu.Unlock()
		if m.closed {
			return call.Phases{}, ErrClosed
		}
		return call.Phases{}, nil
	}
	m.work.Add(1)
	m.mu.Unlock()
	defer m.work.Done()
	mod, took, err := m.compile(ctx, digest, load)
	if err != nil {
		return took, err
	}
	m.add(mod)
	return took, nil
}

// find returns the module if it is in memory, with a reference for the caller.
func (m *modules) find(digest string) *module {
	m.mu.Lock()
	defer m.mu.Unlock()
	mod, ok := m.lru.Get(digest)
	if !ok {
		return nil
	}
	mod.refs++
	mod.lastUsed = time.Now()
	return mod
}

func (m *modules) compile(ctx context.Context, digest string, load func() ([]byte, error)) (mod *module, took call.Phases, err error) {
	defer func() {
		// It runs on a goroutine of its own, where a mistake in the compiler would end the server.
		if r := recover(); r != nil {
			mod, err = nil, &compileError{fmt.Errorf("%v", r)}
		}
	}()
	begin := time.Now()
	wasm, err := load()
	if err != nil {
		return nil, took, err
	}
	prepared, err := prepare.Prepare(wasm, prepareOptions)
	if err != nil {
		return nil, took, err
	}
	took[call.Load] = time.Since(begin)
	mod = &module{owner: m, digest: digest, size: int64(len(wasm)), runtime: m.runtime, own: m.takeAnew(digest), prepared: prepared, lastUsed: time.Now()}
	if mod.own {
		if mod.runtime, err = newWazero(ctx, nil); err != nil {
			return nil, took, err
		}
	}
	begin = time.Now()
	defer m.alone(prepared.Bytes)()
	mod.compiled, err = mod.runtime.CompileModule(ctx, prepared.Bytes)
	if err != nil && strings.Contains(err.Error(), damagedCache) {
		if err = m.repair(err); err == nil {
			mod.compiled, err = mod.runtime.CompileModule(ctx, prepared.Bytes)
		}
	}
	if err != nil {
		mod.close()
		return nil, took, &compileError{err}
	}
	took[call.Compile] = time.Since(begin)
	prepared.Bytes = nil
	return mod, took, nil
}

// takeAnew reports whether a module is to be compiled without the compilation cache, this once.
func (m *modules) takeAnew(digest string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	anew := m.anew[digest]
	delete(m.anew, digest)
	return anew
}

// close lets go of the module, of which there are no instances any more.
func (mod *module) close() {
	ctx := context.Background()
	if mod.own {
		_ = mod.runtime.Close(ctx) // only unmapping the module's code could fail
	} else if mod.compiled != nil {
		_ = mod.compiled.Close(ctx) // by its documentation it never fails
	}
}

var compilingSeed = maphash.MakeSeed()

// alone waits until nobody else compiles the same bytes, and keeps others from it until done is called. Modules that differ only in what Prepare
// leaves out are the same to wazero, and when it finds one compiled on the disk, it lets a second caller have it before it is ready to be called.
func (m *modules) alone(wasm []byte) (done func()) {
	key := maphash.Bytes(compilingSeed, wasm)
	for {
		m.mu.Lock()
		other := m.compiling[key]
		if other == nil {
			break
		}
		m.mu.Unlock()
		<-other
	}
	defer m.mu.Unlock()
	mine := make(chan struct{})
	m.compiling[key] = mine
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.compiling, key)
		close(mine)
	}
}

func (m *modules) add(mod *module) {
	m.mu.Lock()
	defer m.mu.Unlock()
	mod.refs = 1
	m.bytes += mod.size
	m.lru.Add(mod.digest, mod)
	// One module larger than the bound stays as long as it is alone.
	for m.bytes > m.maxBytes && m.lru.Len() > 1 {
		m.lru.RemoveOldest()
	}
}

// release gives up a reference that acquire gave.
func (m *modules) release(mod *module) {
	m.mu.Lock()
	defer m.mu.Unlock()
	mod.lastUsed = time.Now()
	m.unref(mod)
}

// unref is called with mu held.
func (m *modules) unref(mod *module) {
	if mod.refs--; mod.refs == 0 {
		mod.close()
	}
}

// drop takes a module out of the cache. With anew it is really compiled when it is acquired next, even where it lies compiled on the disk.
func (m *modules) drop(digest string, anew bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lru.Remove(digest)
	if anew {
		m.anew[digest] = true
	}
}

// dropIdle takes out the modules that nobody holds and nobody has used since before.
func (m *modules) dropIdle(before time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, digest := range m.lru.Keys() {
		if mod, ok := m.lru.Peek(digest); ok && mod.refs == 1 && mod.lastUsed.Before(before) {
			m.lru.Remove(digest)
		}
	}
}

// count returns how many modules are in memory.
func (m *modules) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lru.Len()
}

// close empties the cache, after the compilations that run have ended.
func (m *modules) close() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.work.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lru.Purge()
}
