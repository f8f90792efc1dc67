package runtime

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/mayfly-faas/mayfly/host/files"
	"github.com/mayfly-faas/mayfly/host/wasi"
	"github.com/mayfly-faas/mayfly/pyenv"
	"github.com/mayfly-faas/mayfly/runtime/call"
	"github.com/mayfly-faas/mayfly/runtime/image"
	"github.com/mayfly-faas/mayfly/runtime/pool"
	"github.com/mayfly-faas/mayfly/runtime/python"
)

// bases are the CPythons that have been started: one for each build, and for each set of variables that configure CPython.
type bases struct {
	rt    *Runtime
	boots singleflight.Group

	mu     sync.Mutex
	closed bool                   // guarded by mu
	byKey  map[string]*pythonBase // guarded by mu
}

// pythonBase is a started CPython with the sandboxes that are copies of it. Who uses it holds a reference.
type pythonBase struct {
	*python.Base
	key    string
	module *module
	group  *pool.Group
	roots  roots

	refs     int       // guarded by bases.mu; one of them is byKey's
	lastUsed time.Time // guarded by bases.mu
}

// pythonSandbox is what the pool keeps of Python.
type pythonSandbox struct {
	*python.Sandbox
	logs  *streams      // of the function that it was last entered for
	reset time.Duration // how long the last reset took
	drops int           // that function's drops when it was acquired
}

// spareSandboxes is how many sandboxes that are nobody's are made ahead, so that a cold start has not to make one.
const spareSandboxes = 1

// configures returns those of a function's variables that CPython reads when it starts.
func configures(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(variable string) bool { return !strings.HasPrefix(variable, "PYTHON") })
}

// baseKey returns what tells a base from others.
func baseKey(build pyenv.Base, env []string) string {
	return strings.Join(append([]string{build.Digest}, env...), "\x00")
}

// baseImageKey returns under which key the image of a base is kept.
func baseImageKey(build pyenv.Base, env []string) string {
	return imageKey("base", baseKey(build, env), build.Version, python.SDKDigest())
}

// acquire returns the base of a build, started, once however many ask for it at a time; what that took is put into phases. The caller
// must release it.
func (b *bases) acquire(ctx context.Context, build pyenv.Base, env []string, phases *call.Phases) (*pythonBase, error) {
	key := baseKey(build, env)
	for {
		if base := b.find(key); base != nil {
			return base, nil
		}
		took, err := b.rt.once(ctx, &b.boots, key, func() bool { return b.has(key) }, func() (took call.Phases, err error) {
			err = b.add(key, build, env, &took)
			return took, err
		})
		if err != nil {
			return nil, err
		}
		if took != nil {
			phases[call.Load], phases[call.Compile], phases[call.Boot] = took[call.Load], took[call.Compile], took[call.Boot]
		}
	}
}

// find returns a base that has been started, with a reference for the caller.
func (b *bases) find(key string) *pythonBase {
	b.mu.Lock()
	defer b.mu.Unlock()
	base := b.byKey[key]
	if base != nil {
		base.refs++
	}
	return base
}

func (b *bases) has(key string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.byKey[key] != nil
}

// bootTimeout bounds starting CPython.
const bootTimeout = time.Minute

// add starts a base.
func (b *bases) add(key string, build pyenv.Base, env []string, took *call.Phases) error {
	base := &pythonBase{key: key, refs: 1, lastUsed: time.Now()}
	err := b.start(b.rt.ctx, base, build, env, took)
	b.mu.Lock()
	if err == nil && b.closed {
		err = ErrClosed
	}
	if err == nil {
		b.byKey[key] = base
	}
	b.mu.Unlock()
	if err != nil {
		base.end(b.rt)
	}
	return err
}

func (b *bases) start(ctx context.Context, base *pythonBase, build pyenv.Base, env []string, took *call.Phases) error {
	var err error
	if base.module, err = b.rt.modules.acquire(ctx, build.Digest, func() ([]byte, error) { return os.ReadFile(build.Wasm()) }, took); err != nil {
		return fmt.Errorf("CPython %s: %w", build.Version, err)
	}
	begin := time.Now()
	config := &python.Config{
		Runtime: base.module.runtime, Compiled: base.module.compiled, Prepared: base.module.prepared, Env: env, Watchdog: b.rt.watchdog, Tracker: b.rt.tracker, Budget: b.rt.pool,
	}
	if config.Venv, err = b.rt.venv(ctx, &base.roots, "base", build); err != nil {
		return err
	}
	if lib := build.Lib(); lib != "" {
		if config.Lib, err = base.roots.view(os.OpenRoot(lib)); err != nil {
			return err
		}
	}
	key := baseImageKey(build, env)
	var s *python.Sandbox
	base.Base, err = python.LoadBase(b.rt.disk, key, config)
	loaded := time.Now()
	took[call.Load] += loaded.Sub(begin)
	if errors.Is(err, image.ErrNoImage) {
		b.rt.noteDamage(err, "python", build.Version)
		base.Base, s, err = b.boot(ctx, config, key)
		took[call.Boot] = time.Since(loaded)
	}
	if err != nil {
		return fmt.Errorf("CPython %s: %w", build.Version, err)
	}
	base.group = b.rt.pool.NewGroup(base.State().Size(), spareSandboxes, func(ctx context.Context, need int64) (pool.Sandbox, error) {
		s, err := base.New(ctx, need)
		if err != nil {
			return nil, err
		}
		return &pythonSandbox{Sandbox: s}, nil
	})
	if s != nil {
		base.group.Add(&pythonSandbox{Sandbox: s}, nil)
	}
	return nil
}

// noteDamage logs that an image on the disk was damaged, and is made again.
func (rt *Runtime) noteDamage(err error, of ...any) {
	if errors.Is(err, image.ErrDamaged) {
		rt.options.Logger.Warn("an image on the disk is damaged, and made again", append(of, "reason", err)...)
	}
}

// boot starts CPython, and keeps the image.
func (b *bases) boot(ctx context.Context, config *python.Config, key string) (*python.Base, *python.Sandbox, error) {
	if err := b.rt.making.Acquire(ctx, 1); err != nil {
		return nil, nil, err
	}
	defer b.rt.making.Release(1)
	ctx, cancel := context.WithTimeoutCause(ctx, bootTimeout, fmt.Errorf("it took more than %s to start", bootTimeout))
	defer cancel()
	base, s, err := python.Boot(ctx, config)
	if err == nil {
		if err = base.Save(b.rt.disk, key); err != nil {
			s.Close()
			base.Close()
		}
	}
	return base, s, err
}

// imageKey returns the name under which an image is kept: a prefix that says what it is of, and the digest of all else that it was made from.
func imageKey(of string, from ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(from, "\x00")))
	return of + "-" + hex.EncodeToString(sum[:])
}

// venv returns the environment called name over a build, made where there is none yet. It has no interpreter and no scripts: only sandboxes see it.
func (rt *Runtime) venv(ctx context.Context, in *roots, name string, build pyenv.Base) (wasi.FS, error) {
	dir := filepath.Join(rt.cacheDir("venvs"), name+"-"+build.Version)
	if _, err := os.Stat(filepath.Join(dir, "pyvenv.cfg")); err != nil {
		if err := makeVenv(ctx, dir, build); err != nil && !errors.Is(err, os.ErrExist) { // which another goroutine has made
			return nil, err
		}
	}
	return in.view(os.OpenRoot(dir))
}

// makeVenv makes an empty environment.
func makeVenv(ctx context.Context, dir string, build pyenv.Base) error {
	none := func(context.Context, *pyenv.Context) error { return nil }
	b := pyenv.Builder{
		Python:  build.Interpreter(""),
		Replace: map[pyenv.Step]func(context.Context, *pyenv.Context) error{pyenv.SetupScripts: none},
	}
	return b.Create(ctx, dir)
}

// release gives up a reference that acquire gave.
func (b *bases) release(base *pythonBase) {
	b.mu.Lock()
	base.refs--
	base.lastUsed = time.Now()
	last := base.refs == 0
	b.mu.Unlock()
	if last {
		base.end(b.rt)
	}
}

// dropIdle lets go of the bases that no function has used since before.
func (b *bases) dropIdle(before time.Time) {
	b.drop(func(base *pythonBase) bool { return base.refs == 1 && base.lastUsed.Before(before) })
}

// drop lets go of the bases that which picks: they end when their functions have let go of them.
func (b *bases) drop(which func(*pythonBase) bool) {
	b.mu.Lock()
	var last []*pythonBase
	for key, base := range b.byKey {
		if !which(base) {
			continue
		}
		delete(b.byKey, key)
		if base.refs--; base.refs == 0 {
			last = append(last, base)
		}
	}
	b.mu.Unlock()
	for _, base := range last {
		base.end(b.rt)
	}
}

func (b *bases) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.byKey)
}

func (b *bases) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.drop(func(*pythonBase) bool { return true })
}

func (base *pythonBase) end(rt *Runtime) {
	if base.group != nil {
		base.group.Close()
	}
	if base.Base != nil {
		base.Close()
	}
	base.roots.close()
	if base.module != nil {
		rt.modules.release(base.module)
	}
}

// roots are folders that sandboxes see.
type roots []*os.Root

// view returns a read-only view of a folder, until the roots are closed.
func (r *roots) view(root *os.Root, err error) (wasi.FS, error) {
	if err != nil {
		return nil, err
	}
	*r = append(*r, root)
	return files.NewReadOnly(root.FS()), nil
}

func (r *roots) close() {
	for _, root := range *r {
		_ = root.Close() // it was only read
	}
}
