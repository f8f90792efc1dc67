package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/mayfly-faas/mayfly/host/files"
	"github.com/mayfly-faas/mayfly/host/wasi"
	"github.com/mayfly-faas/mayfly/pyenv"
	"github.com/mayfly-faas/mayfly/runtime/call"
	"github.com/mayfly-faas/mayfly/runtime/manifest"
	"github.com/mayfly-faas/mayfly/runtime/python"
)

// interpreter serves a Python function: CPython is booted once into an image, and requests are calls in sandboxes that stand
// at it.
type interpreter struct {
	rt    *Runtime
	ver   *version
	boots singleflight.Group

	mu     sync.Mutex
	loaded *loaded          // guarded by mu; nil until booted
	idle   []*pythonSandbox // guarded by mu; all of loaded's
	closed bool             // guarded by mu
	drops  int              // guarded by mu; how often drop was called: sandboxes from before the last are not kept
}

// loaded is a function's image with what it stands on. It is closed when the interpreter and every sandbox have let go of it.
type loaded struct {
	module *module
	config *python.Config
	image  *python.Image
	roots  []*os.Root
	refs   int // guarded by the interpreter's mu
}

type pythonSandbox struct {
	*python.Sandbox
	from  *loaded
	logs  *streams
	drops int           // the interpreter's drops when it was made
	reset time.Duration // how long the last reset took
}

func (e *interpreter) serve(ctx context.Context, r *call.Request, o *Outcome) (*call.Response, func(), error) {
	s, err := e.acquire(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	s.logs.begin(e.ver, r.ID)
	ctx, cancel := e.ver.timed(ctx)
	defer cancel()
	begin := time.Now()
	response, err := s.Invoke(ctx, s.from.image, r)
	o.Phases.Run = time.Since(begin)
	s.logs.end()
	failed := err != nil
	if errors.Is(err, python.ErrTooLarge) || err == nil && int64(len(response.Body)) > e.ver.limits.response {
		err = responseTooLarge(e.ver.limits.response)
	} else if err != nil {
		err = guestError(ctx, err, s.Refused(), e.ver)
	}
	return response, func() { e.giveBack(s, failed) }, err
}

// acquire returns a sandbox at the function's image: one that is free, or a new one.
func (e *interpreter) acquire(ctx context.Context, o *Outcome) (*pythonSandbox, error) {
	for {
		s, l := e.take()
		if s != nil {
			o.Phases.Reset = s.reset
			return s, nil
		}
		o.Cold = true
		if l != nil {
			begin := time.Now()
			s, err := e.newSandbox(ctx, l)
			o.Phases.Restore = time.Since(begin)
			return s, err
		}
		done := e.boots.DoChan("", func() (any, error) {
			// The request may give up before: the runtime must know that something still runs.
			if !e.rt.hold() {
				return nil, ErrClosed
			}
			defer e.rt.work.Done()
			return e.boot()
		})
		select {
		case result := <-done:
			if result.Err != nil {
				return nil, result.Err
			}
			took := result.Val.(call.Phases)
			o.Phases.Load, o.Phases.Compile, o.Phases.Boot = took.Load, took.Compile, took.Boot
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// take returns a free sandbox, or what to make one of with a reference to it.
func (e *interpreter) take() (*pythonSandbox, *loaded) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if n := len(e.idle); n > 0 {
		s := e.idle[n-1]
		e.idle[n-1] = nil
		e.idle = e.idle[:n-1]
		return s, nil
	}
	if e.loaded != nil {
		e.loaded.refs++
	}
	return nil, e.loaded
}

// newSandbox makes a sandbox. It takes over the caller's reference to l.
func (e *interpreter) newSandbox(ctx context.Context, l *loaded) (*pythonSandbox, error) {
	s := e.blank(l)
	var err error
	if s.Sandbox, err = python.New(ctx, l.config, l.image, python.Streams{Stdout: s.logs.stdout, Stderr: s.logs.stderr}); err != nil {
		e.unref(l)
		return nil, err
	}
	return s, nil
}

// blank returns a sandbox that has no instance yet.
func (e *interpreter) blank(l *loaded) *pythonSandbox {
	e.mu.Lock()
	defer e.mu.Unlock()
	return &pythonSandbox{from: l, logs: e.ver.streams(), drops: e.drops}
}

// giveBack brings a sandbox back after a request and keeps it for the next one.
func (e *interpreter) giveBack(s *pythonSandbox, failed bool) {
	s.reset = 0
	if e.ver.meta.Manifest.Isolation != manifest.Reuse || failed {
		begin := time.Now()
		err := s.Reset(s.from.image)
		s.reset = time.Since(begin)
		if err != nil {
			// Its memory has grown, which cannot be taken back: another is made in its place, while nobody waits for it.
			e.remake(s)
			return
		}
	}
	e.keep(s)
}

func (e *interpreter) keep(s *pythonSandbox) {
	e.mu.Lock()
	wanted := e.loaded == s.from && e.drops == s.drops
	if wanted {
		e.idle = append(e.idle, s)
	}
	e.mu.Unlock()
	if !wanted {
		e.end(s)
	}
}

func (e *interpreter) remake(old *pythonSandbox) {
	e.mu.Lock()
	l := old.from
	wanted := e.loaded == l && e.drops == old.drops
	if wanted {
		l.refs++
	}
	e.mu.Unlock()
	e.end(old)
	if !wanted {
		return
	}
	s, err := e.newSandbox(e.rt.ctx, l)
	if err != nil {
		e.rt.options.Logger.Warn("remake sandbox", "function", e.ver.function, "error", err)
		return
	}
	e.keep(s)
}

func (e *interpreter) end(s *pythonSandbox) {
	s.Close()
	e.unref(s.from)
}

func (e *interpreter) unref(l *loaded) {
	e.mu.Lock()
	l.refs--
	last := l.refs == 0
	e.mu.Unlock()
	if !last {
		return
	}
	if l.image != nil {
		l.image.Close()
	}
	for _, r := range l.roots {
		_ = r.Close()
	}
	if l.module != nil {
		e.rt.modules.release(l.module)
	}
}

// bootTimeout bounds starting CPython and importing the function.
const bootTimeout = time.Minute

// boot makes the image, and the first sandbox with it. The time that each part took is returned.
func (e *interpreter) boot() (call.Phases, error) {
	var took call.Phases
	ctx, cancel := context.WithTimeout(e.rt.ctx, bootTimeout)
	defer cancel()
	l := &loaded{refs: 1}
	s, err := e.load(ctx, l, &took)
	if err != nil {
		e.unref(l)
		return took, err
	}
	l.refs++ // the sandbox's
	e.mu.Lock()
	closed := e.closed
	if !closed {
		e.loaded = l
		e.idle = append(e.idle, s)
	}
	e.mu.Unlock()
	if closed { // the version was replaced, and who waited for it has given up
		e.end(s)
		e.unref(l)
		return took, ErrClosed
	}
	return took, nil
}

func (e *interpreter) load(ctx context.Context, l *loaded, took *call.Phases) (*pythonSandbox, error) {
	base, err := e.rt.bases.Find(e.ver.meta.Python)
	if errors.Is(err, pyenv.ErrNoPython) {
		return nil, fmt.Errorf("%w: %w", ErrNoPython, err)
	}
	if err != nil {
		return nil, err
	}
	if l.module, err = e.rt.modules.acquire(ctx, base.Digest, func() ([]byte, error) { return os.ReadFile(base.Wasm()) }, took); err != nil {
		return nil, fmt.Errorf("CPython %s: %w", base.Version, err)
	}
	begin := time.Now()
	defer func() { took.Boot = time.Since(begin) }()
	l.config = &python.Config{
		Runtime: e.rt.wazero, Compiled: l.module.compiled, Prepared: l.module.prepared,
		Entry: e.ver.meta.Manifest.Entry, Env: e.ver.env(),
		MemoryBytes: e.ver.limits.memory, TempBytes: e.ver.limits.temp, ResponseBytes: e.ver.limits.response,
	}
	if l.config.App, err = l.view(e.rt.openFiles(e.ver.record.Digest)); err != nil {
		return nil, err
	}
	if l.config.Venv, err = e.venv(l, base); err != nil {
		return nil, err
	}
	if lib := base.Lib(); lib != "" {
		if l.config.BaseLib, err = l.view(os.OpenRoot(lib)); err != nil {
			return nil, err
		}
	}
	s := e.blank(l)
	s.Sandbox, l.image, err = python.Boot(ctx, l.config, python.Streams{Stdout: s.logs.stdout, Stderr: s.logs.stderr})
	s.logs.end()
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, &python.LoadError{Kind: "load", Message: fmt.Sprintf("importing the function took more than %s: do at import only what every request needs", bootTimeout)}
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// view returns a read-only view of a folder, for as long as l lives.
func (l *loaded) view(root *os.Root, err error) (wasi.FS, error) {
	if err != nil {
		return nil, err
	}
	l.roots = append(l.roots, root)
	return files.NewReadOnly(root.FS()), nil
}

// venv returns the function's environment, made where there is none yet.
func (e *interpreter) venv(l *loaded, base pyenv.Base) (wasi.FS, error) {
	dir := filepath.Join(e.rt.cacheDir("venvs"), e.ver.record.Digest+"-"+base.Version)
	err := pyenv.Create(dir, pyenv.VenvOptions{
		Home: python.BaseBinDir, Version: base.Version, Executable: python.BaseBinDir + "/python3",
		Command: python.BaseBinDir + "/python3 -m venv --without-pip " + python.VenvDir,
	})
	if err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	return l.view(os.OpenRoot(dir))
}

func (e *interpreter) drop(from From) {
	e.mu.Lock()
	idle, l := e.idle, e.loaded
	e.idle = nil
	e.drops++
	if from >= FromModule {
		e.loaded = nil
	}
	e.mu.Unlock()
	for _, s := range idle {
		e.end(s)
	}
	if l == nil || from < FromModule {
		return
	}
	if from >= FromDisk {
		e.rt.modules.drop(l.module.digest)
	}
	e.unref(l)
}

// entry returns what serves requests, as "module:name"; "" until booted.
func (e *interpreter) entry() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.loaded == nil {
		return ""
	}
	return e.loaded.image.Entry
}

func (e *interpreter) close() {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.drop(FromModule)
}
