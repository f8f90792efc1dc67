// Package runtime runs functions: it deploys artifacts, compiles modules, boots interpreters into images, and serves each request in
// a sandbox of its own.
//
// A Runtime is opened over a data folder. Deploy makes a version of a function live, Invoke calls it; the rest lists, describes and
// measures. It knows nothing of HTTP servers: gateway brings it requests.
package runtime

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"

	"github.com/mayfly-faas/mayfly/host/logs"
	"github.com/mayfly-faas/mayfly/host/wasi"
	"github.com/mayfly-faas/mayfly/pyenv"
	"github.com/mayfly-faas/mayfly/runtime/image"
	"github.com/mayfly-faas/mayfly/runtime/interrupt"
	"github.com/mayfly-faas/mayfly/runtime/pool"
	"github.com/mayfly-faas/mayfly/store"
)

// Where things are in a sandbox's file system.
const (
	appDir  = "/app"
	tempDir = "/tmp"
)

// logLines is how many lines of each function's log are kept.
const logLines = 1000

// Runtime runs the functions of one data folder.
type Runtime struct {
	options  Options
	store    *store.Store
	builds   pyenv.Bases
	cache    wazero.CompilationCache
	wazero   wazero.Runtime
	modules  *modules
	pool     *pool.Pool
	tracker  *image.Tracker // nil: images are copied whole
	pythons  *bases
	watchdog *interrupt.Watchdog
	turns    *turns
	disk     image.Cache         // images, on the disk
	images   *images             // in memory
	making   *semaphore.Weighted // images that are being made
	stats    *stats

	ctx  context.Context // ends when the runtime closes: what no request waits for
	stop context.CancelFunc
	work sync.WaitGroup // goroutines, and requests with what comes after their answer

	installs singleflight.Group // of environments, by their folder

	unpacked sync.Map // digests of the artifacts whose unpacked files have been compared with them, and folders of environments whose files have been looked at

	deploying sync.Mutex // held while a version is made live, so that memory and store agree; taken before mu
	mu        sync.RWMutex
	closed    bool                 // guarded by mu
	live      map[string]*version  // guarded by mu; the live versions that have been called
	logs      map[string]*logs.Log // guarded by mu
}

// Open opens the runtime over o.DataDir, which it makes where there is none.
func Open(o Options) (rt *Runtime, err error) {
	o = o.WithDefaults()
	rt = &Runtime{options: o, builds: pyenv.Bases{Dir: filepath.Join(o.DataDir, "python")}, live: map[string]*version{}, logs: map[string]*logs.Log{}}
	rt.watchdog = interrupt.NewWatchdog()
	rt.images = newImages(o.MemoryBytes / imagesShare)
	rt.disk = image.Cache{Dir: rt.cacheDir("images")}
	rt.making = semaphore.NewWeighted(int64(max(1, runtime.NumCPU()/2)))
	rt.turns = newTurns(runtime.NumCPU() + spareTurns)
	rt.pool = pool.New(o.MemoryBytes - o.MemoryBytes/imagesShare)
	rt.pythons = &bases{rt: rt, byKey: map[string]*pythonBase{}}
	rt.ctx, rt.stop = context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			err = errors.Join(err, rt.Close())
			rt = nil
		}
	}()
	if err = rt.checkIndex(); err != nil {
		return rt, err
	}
	if rt.store, err = store.Open(o.DataDir, store.Options{}); err != nil {
		return rt, err
	}
	if err = rt.sweepCache(); err != nil {
		return rt, err
	}
	if rt.cache, rt.wazero, err = openWazero(rt.ctx, rt.cacheDir("compiled")); err != nil {
		return rt, err
	}
	if rt.modules, err = newModules(rt.wazero, o.Modules, o.ModuleBytes, rt.emptyCompiled); err != nil {
		return rt, err
	}
	rt.openTracker()
	rt.stats = openStats(rt.store)
	rt.work.Go(rt.keepHouse)
	return rt, nil
}

// openWazero makes the wazero runtime that sandboxes share. What it compiles is kept in a folder.
func openWazero(ctx context.Context, cacheDir string) (wazero.CompilationCache, wazero.Runtime, error) {
	cache, err := wazero.NewCompilationCacheWithDir(cacheDir)
	if err != nil {
		return nil, nil, fmt.Errorf("compilation cache: %w", err)
	}
	w, err := newWazero(ctx, cache)
	if err != nil {
		return nil, nil, errors.Join(err, cache.Close(ctx))
	}
	return cache, w, nil
}

// emptyCompiled empties the compilation cache, in which wazero found a damaged file: it does not say which.
func (rt *Runtime) emptyCompiled(damage error) error {
	rt.options.Logger.Warn("the cache of compiled modules is damaged, and begun anew", "reason", damage)
	return filepath.WalkDir(rt.cacheDir("compiled"), func(path string, d fs.DirEntry, err error) error {
		// What is being written has another suffix.
		if err == nil && !d.IsDir() && filepath.Ext(path) != ".tmp" {
			err = os.Remove(path)
		}
		if errors.Is(err, fs.ErrNotExist) { // others repair it as well
			return nil
		}
		return err
	})
}

// spareTurns is how many turns there are beyond one for each processor: while a request waits to be run that has been given its turn, another one
// is at it. With none, a request took a tenth more CPU time at 64 connections; with as many as there are processors, the slowest of a hundred took half as
// long again.
const spareTurns = 1

// newWazero makes a wazero runtime with WASI in it. Without a cache, which is nil, what it compiles is its own.
func newWazero(ctx context.Context, cache wazero.CompilationCache) (wazero.Runtime, error) {
	features := api.CoreFeaturesV2 | experimental.CoreFeaturesTailCall | experimental.CoreFeaturesExtendedConst | experimental.CoreFeaturesExceptionHandling |
		experimental.CoreFeaturesThreads // for atomic instructions; checkCommand refuses shared memories
	config := wazero.NewRuntimeConfig().WithCoreFeatures(features).WithCompilationCache(cache).
		WithDebugInfoEnabled(false) // guests are ended by package interrupt
	w := wazero.NewRuntimeWithConfig(ctx, config)
	if _, err := wasi.Instantiate(ctx, w); err != nil {
		return nil, errors.Join(err, w.Close(ctx))
	}
	return w, nil
}

// openTracker decides how sandboxes are brought back to their images.
func (rt *Runtime) openTracker() {
	if rt.options.CopyImages {
		rt.options.Logger.Info("sandboxes are reset by copying whole images, as asked for")
		return
	}
	tracker, err := image.OpenTracker()
	if err != nil {
		rt.options.Logger.Warn("sandboxes are reset by copying whole images, which is slower", "reason", err)
		return
	}
	rt.tracker = tracker
	rt.options.Logger.Info("sandboxes are reset by copying back the pages that were written")
}

// ResetMode returns how sandboxes are brought back to their images.
func (rt *Runtime) ResetMode() image.Mode {
	if rt.tracker != nil {
		return image.Tracked
	}
	return image.Copied
}

// Close ends the runtime: requests that still run are cut off, and everything is let go of. It can be called again.
func (rt *Runtime) Close() error {
	rt.mu.Lock()
	if rt.closed {
		rt.mu.Unlock()
		return nil
	}
	rt.closed = true
	live := rt.live
	rt.live = map[string]*version{}
	rt.mu.Unlock()

	rt.stop()
	rt.watchdog.Close()
	rt.work.Wait()
	for _, v := range live {
		v.retire()
	}
	rt.pythons.close()
	rt.pool.Close()
	if rt.tracker != nil {
		rt.tracker.Close()
	}
	ctx := context.Background()
	var errs []error
	if rt.modules != nil {
		rt.modules.close()
	}
	if rt.wazero != nil {
		errs = append(errs, rt.wazero.Close(ctx), rt.cache.Close(ctx))
	}
	if rt.stats != nil {
		errs = append(errs, rt.stats.flush())
	}
	if rt.store != nil {
		errs = append(errs, rt.store.Close())
	}
	return errors.Join(errs...)
}

// hold counts something in that the runtime must wait for when it closes, by rt.work.Done; false says that it has closed.
func (rt *Runtime) hold() bool {
	rt.mu.RLock()
	defer rt.mu.RUnlock()
	if !rt.closed {
		rt.work.Add(1)
	}
	return !rt.closed
}

func (rt *Runtime) cacheDir(what string) string {
	return filepath.Join(rt.options.DataDir, "cache", what)
}

// log returns a function's log.
func (rt *Runtime) log(function string) *logs.Log {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	l := rt.logs[function]
	if l == nil {
		l = logs.New(logLines)
		rt.logs[function] = l
	}
	return l
}

// keepHouse lets go of what has been idle, and writes counters to the store.
func (rt *Runtime) keepHouse() {
	unload := time.NewTicker(max(rt.options.Idle/4, 10*time.Millisecond))
	defer unload.Stop()
	flush := time.NewTicker(time.Second)
	defer flush.Stop()
	for {
		select {
		case <-rt.ctx.Done():
			return
		case <-flush.C:
			if err := rt.stats.flush(); err != nil {
				rt.options.Logger.Error("write counters", "error", err)
			}
		case now := <-unload.C:
			rt.unloadIdle(now.Add(-rt.options.Idle))
		}
	}
}

func (rt *Runtime) unloadIdle(before time.Time) {
	rt.mu.RLock()
	var idle []*version
	for _, v := range rt.live {
		if v.idleSince(before) {
			idle = append(idle, v)
		}
	}
	rt.mu.RUnlock()
	for _, v := range idle {
		v.engine.drop(true)
	}
	rt.pool.DropIdle(before)
	rt.pythons.dropIdle(before)
	rt.modules.dropIdle(before)
}
