package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/mayfly-faas/mayfly/pyenv"
	"github.com/mayfly-faas/mayfly/runtime/call"
	"github.com/mayfly-faas/mayfly/runtime/image"
	"github.com/mayfly-faas/mayfly/runtime/interrupt"
	"github.com/mayfly-faas/mayfly/runtime/manifest"
	"github.com/mayfly-faas/mayfly/runtime/pool"
	"github.com/mayfly-faas/mayfly/runtime/python"
)

// interpreter serves a Python function: it is loaded once into an image, and requests are calls in sandboxes that stand at it.
type interpreter struct {
	rt  *Runtime
	ver *version
	holder[*loaded]
}

func newInterpreter(rt *Runtime, v *version) *interpreter {
	e := &interpreter{rt: rt, ver: v}
	e.holder = holder[*loaded]{rt: rt, end: e.end, dropIdle: e.dropIdle, open: func(ctx context.Context, took *call.Phases) (*loaded, error) {
		l := &loaded{interpreter: e}
		err := e.loadInto(ctx, l, took)
		if err == nil {
			rt.images.add(l, l.image.State().Bytes())
		}
		return l, err
	}}
	return e
}

// loaded is a function's image with what it stands on. It owns its sandboxes in the pool.
type loaded struct {
	interpreter *interpreter
	base        *pythonBase
	function    *python.Function
	image       *python.Image
	key         string // of the image, in the cache
	roots       roots
	hold
}

// evict implements imaged.
func (l *loaded) evict() { l.interpreter.evict(l) }

func (e *interpreter) serve(ctx context.Context, t *Target, r *call.Request) (*call.Response, error) {
	o := &t.outcome
	l, drops, err := e.acquire(ctx, t)
	if err != nil {
		return nil, err
	}
	t.done = func() { e.release(l) }
	e.rt.images.use(l)
	s, err := e.sandbox(ctx, t, l)
	if err != nil {
		return nil, err
	}
	s.drops = drops
	failed := true // until it has answered
	t.done = func() { e.giveBack(s, l, failed) }
	s.logs.begin(e.ver, r.ID)
	guest := e.ver.timed(ctx, &t.turn)
	defer guest.End()
	response, err := s.Invoke(guest, &t.turn, r)
	o.Phases[call.Run], o.CPU, o.Memory = guest.Elapsed(), guest.CPU(), s.Memory()
	s.logs.end()
	failed = err != nil
	if t.Measure {
		o.Pages, o.Hot = s.Written()
	}
	if errors.Is(err, python.ErrTooLarge) || err == nil && int64(len(response.Body)) > e.ver.limits.response {
		err = responseTooLarge(e.ver.limits.response)
	} else if err != nil {
		err = e.ver.guestError(guest, err, s)
	}
	return response, err
}

// sandbox returns a sandbox that stands at the function's image.
func (e *interpreter) sandbox(ctx context.Context, t *Target, l *loaded) (*pythonSandbox, error) {
	o, begin := &t.outcome, time.Now()
	for {
		got, source, err := l.base.group.Acquire(ctx, l, l.image.State().Size(), e.ver.limits.timeout, &t.turn)
		if err != nil {
			return nil, e.ver.noSandbox(err)
		}
		s := got.(*pythonSandbox)
		if source == pool.Warm {
			o.Phases[call.Reset] = s.reset
			return s, nil
		}
		if source != pool.Made && s.Reserved() > l.function.MemoryBytes { // grown by a function that may have more
			l.base.group.Discard(s)
			continue
		}
		o.Cold = true
		s.logs = e.ver.streams()
		if err := s.Enter(l.function, l.image, s.logs.python()); err != nil {
			l.base.group.Discard(s)
			return nil, err
		}
		o.Phases[call.Restore] = time.Since(begin)
		return s, nil
	}
}

func (s *streams) python() python.Streams { return python.Streams{Stdout: s.stdout, Stderr: s.stderr} }

// giveBack brings a sandbox back after a request and keeps it for the next one. It takes over the caller's reference to l.
func (e *interpreter) giveBack(s *pythonSandbox, l *loaded, failed bool) {
	defer e.release(l)
	brought := false
	defer func() {
		if !brought {
			l.base.group.Discard(s)
		}
	}()
	s.reset = 0
	if e.ver.meta.Manifest.Isolation != manifest.Reuse || failed {
		begin := time.Now()
		if err := s.Reset(); err != nil {
			e.rt.options.Logger.Error("reset sandbox", "function", e.ver.function, "error", err)
			return
		}
		s.reset = time.Since(begin)
		e.ver.stats.reset(s.reset, s.Restored())
	}
	brought = true
	if e.keeps(l, s.drops) {
		l.base.group.Release(s, l)
	} else {
		l.free(s)
	}
}

// free makes a sandbox nobody's.
func (l *loaded) free(s *pythonSandbox) {
	s.reset = 0
	if err := s.Leave(); err != nil {
		l.base.group.Discard(s)
		return
	}
	l.base.group.Release(s, nil)
}

// dropIdle makes the sandboxes nobody's that are not in use.
func (e *interpreter) dropIdle(l *loaded) {
	for _, s := range l.base.group.Drop(l) {
		l.free(s.(*pythonSandbox))
	}
}

// end ends what has been loaded.
func (e *interpreter) end(l *loaded) {
	e.rt.images.remove(l)
	if l.base != nil {
		e.dropIdle(l) // a request that ended just when the interpreter let go may have left one
	}
	if l.image != nil {
		l.image.Close()
	}
	l.roots.close()
	if l.base != nil {
		e.rt.pythons.release(l.base)
	}
}

// build returns the CPython that the function was deployed for.
func (e *interpreter) build() (pyenv.Base, error) { return e.rt.build(e.ver.meta.Python) }

// build returns the CPython of a version, the newest for "".
func (rt *Runtime) build(version string) (pyenv.Base, error) {
	build, err := rt.builds.Find(version)
	if errors.Is(err, pyenv.ErrNoPython) {
		err = fmt.Errorf("%w: %w", ErrNoPython, err)
	}
	return build, err
}

func (e *interpreter) loadInto(ctx context.Context, l *loaded, took *call.Phases) error {
	build, err := e.build()
	if err != nil {
		return err
	}
	env := e.ver.env
	if l.base, err = e.rt.pythons.acquire(ctx, build, configures(env), took); err != nil {
		return err
	}
	begin := time.Now()
	l.function = &python.Function{
		Entry: e.ver.meta.Manifest.Entry, Env: env,
		MemoryBytes: e.ver.limits.memory, TempBytes: e.ver.limits.temp, ResponseBytes: e.ver.limits.response,
	}
	if l.function.App, err = l.roots.view(e.rt.openFiles(e.ver.record.Digest)); err != nil {
		return err
	}
	from := []string{l.base.State().Digest()}
	if installed := e.ver.meta.Packages; installed != nil {
		from = append(from, installed.Identity)
		dir, err := e.rt.environment(ctx, installed, build)
		if err != nil {
			return fmt.Errorf("make the environment again: %w", err)
		}
		if l.function.Venv, err = l.roots.view(os.OpenRoot(dir)); err != nil {
			return err
		}
	} else if l.function.Venv, err = e.rt.venv(ctx, &l.roots, e.ver.record.Digest, build); err != nil {
		return err
	}
	l.key = imageKey(e.ver.record.Digest, from...)
	l.image, err = l.base.LoadImage(e.rt.disk, l.key, l.function)
	loaded := time.Now()
	took[call.Load] += loaded.Sub(begin)
	if errors.Is(err, image.ErrNoImage) {
		e.rt.noteDamage(err, "function", e.ver.function)
		err = e.makeImage(ctx, l)
		took[call.Boot] += time.Since(loaded)
	}
	if err != nil {
		return err
	}
	if need := l.image.State().Size(); need > e.ver.limits.memory { // which was more when the image was made
		return startTooLarge(need, e.ver.limits.memory)
	}
	return nil
}

// slowImport is how long importing a function may take until other functions' images are made beside it.
const slowImport = 2 * time.Second

// makeImage imports the function in a sandbox, which then is the function's first one, and keeps the image.
func (e *interpreter) makeImage(ctx context.Context, l *loaded) error {
	if err := e.rt.making.Acquire(ctx, 1); err != nil {
		return err
	}
	made := sync.OnceFunc(func() { e.rt.making.Release(1) })
	defer made()
	got, source, err := l.base.group.Acquire(ctx, nil, 0, e.ver.limits.timeout, nil)
	if err != nil {
		return e.ver.noSandbox(err)
	}
	s := got.(*pythonSandbox)
	loaded := false
	defer func() {
		if !loaded {
			l.base.group.Discard(s)
		}
	}()
	if source == pool.TakenOver {
		if err := s.Leave(); err != nil {
			return err
		}
	}
	s.logs = e.ver.streams()
	guest := e.rt.watchdog.Begin(ctx, interrupt.Limits{Time: e.ver.limits.image, Slow: slowImport, OnSlow: made})
	defer guest.End()
	entry, err := s.Load(guest, l.function, s.logs.python())
	if err == nil {
		err = e.warmUp(guest, s)
	}
	if err == nil {
		l.image, err = s.Take(guest, entry)
	}
	s.logs.end()
	if errors.Is(guest.Cause(), interrupt.ErrTime) {
		err = &LimitError{
			Kind: ErrTimeout, Limit: "importing the function and warming it up", Value: e.ver.limits.image.String(),
			Measured: guest.Elapsed().Round(time.Millisecond).String(), Setting: "timeout under [image] in mayfly.toml",
		}
	}
	if load, ok := errors.AsType[*python.LoadError](err); ok && load.Kind == "memory" {
		err = e.ver.outOfMemory(s)
	}
	if err == nil {
		err = l.image.Save(e.rt.disk, l.key)
	}
	if err != nil {
		return err
	}
	loaded = true
	l.base.group.Release(s, l)
	return nil
}

// warmUp has the function serve the requests that its manifest names.
func (e *interpreter) warmUp(guest *interrupt.Call, s *pythonSandbox) error {
	for i, text := range e.ver.meta.Manifest.Image.Warmup {
		r := &call.Request{ID: fmt.Sprintf("warmup-%d", i+1), ScriptName: "/fn/" + e.ver.function, Proto: "HTTP/1.1", Host: "localhost", RemoteAddr: "127.0.0.1:0", ServerAddr: "127.0.0.1:80"}
		r.Method, r.Path, r.Query = manifest.Warmup(text)
		r.RequestURI = r.ScriptName + strings.TrimPrefix(text, r.Method+" ")
		r.Header = call.Header{{Name: "Host", Value: r.Host}}
		response, err := s.Invoke(guest, nil, r)
		if guest.Cause() != nil {
			return guest.Err()
		}
		failure, failed := errors.AsType[*python.Failure](err)
		switch {
		case failed:
			return &python.LoadError{Kind: "load", Message: fmt.Sprintf("the warm-up request %q of mayfly.toml failed: %v", text, err), Traceback: failure.Traceback}
		case err != nil:
			return &python.LoadError{Kind: "load", Message: fmt.Sprintf("the warm-up request %q of mayfly.toml failed: %v", text, e.ver.guestError(guest, err, s))}
		case response.Status >= 400:
			return &python.LoadError{Kind: "load", Message: fmt.Sprintf("the warm-up request %q of mayfly.toml was answered with status %d", text, response.Status)}
		}
	}
	return nil
}

func (e *interpreter) makeCold(from From) error {
	e.drop(from != FromImage)
	if from == FromModule || from == FromNothing {
		if err := e.rt.disk.Forget(e.ver.record.Digest); err != nil {
			return err
		}
	}
	if from < FromDisk {
		return nil
	}
	build, err := e.build()
	if err != nil {
		return err
	}
	env := configures(e.ver.env)
	if from == FromNothing {
		if err := e.rt.disk.Forget(baseImageKey(build, env)); err != nil {
			return err
		}
	}
	key := baseKey(build, env)
	e.rt.pythons.drop(func(b *pythonBase) bool { return b.key == key }) // other functions go on with it
	e.rt.modules.drop(build.Digest, from == FromNothing)
	return nil
}

// entry returns what serves requests, as "module:name"; "" until loaded.
func (e *interpreter) entry() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.current == nil {
		return ""
	}
	return e.current.image.Entry
}
