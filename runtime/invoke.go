package runtime

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/mayfly-faas/mayfly/host/logs"
	"github.com/mayfly-faas/mayfly/host/wasi"
	"github.com/mayfly-faas/mayfly/runtime/call"
	"github.com/mayfly-faas/mayfly/runtime/image"
	"github.com/mayfly-faas/mayfly/runtime/interrupt"
	"github.com/mayfly-faas/mayfly/runtime/manifest"
	"github.com/mayfly-faas/mayfly/runtime/pool"
	"github.com/mayfly-faas/mayfly/runtime/python"
	"github.com/mayfly-faas/mayfly/store"
)

// Outcome is how an invocation went, beside its response.
type Outcome struct {
	// Version is the version that served the request; 0 when none was found.
	Version uint64
	// Cold says that no sandbox was ready for the function; where each request has one that is made for it, that no compiled module was.
	Cold bool
	// Phases is how long each part took.
	Phases call.Phases
	// CPU is how long the guest computed: its run without what it waited in calls of the host's.
	CPU time.Duration
	// Memory is how many bytes of linear memory the guest had at its end, which is the most that it had.
	Memory int64
	// Pages is how many pages of 4 KiB the request has written, hot ones in any case, and Hot how many are hot. Zero unless they
	// were asked for: see Target.Measure.
	Pages, Hot int
}

// Target is the live version of a function, found for one request: Find, Invoke, Close. It is used by one goroutine at a time.
type Target struct {
	// Measure has Invoke count the pages that the request writes, which takes a look at all of the sandbox's memory.
	Measure bool

	rt      *Runtime
	ver     *version
	turn    turn
	placed  bool // it has one of the function's places
	outcome Outcome
	done    func() // brings the sandbox back, or ends it; nil: there is none
}

// Find finds the live version of a function, which serves the request even if another takes its place meanwhile. The target must be closed.
// Errors: ErrNotFound, ErrClosed.
func (rt *Runtime) Find(function string) (*Target, error) {
	v, err := rt.enter(function)
	if err != nil {
		return nil, err
	}
	return &Target{rt: rt, ver: v, turn: turn{turns: rt.turns}, outcome: Outcome{Version: v.record.Number}}, nil
}

// RequestLimit returns how many bytes the body of a request may have.
func (t *Target) RequestLimit() int64 { return t.ver.limits.request }

// Invoke serves the request. The outcome is filled in as far as the request got, in case of an error too. The request can be used again when
// Invoke has returned. Errors: ErrTooLarge, ErrBusy, ErrTimeout, ErrMemory, ErrFailed, ErrNoPython, ErrCanceled, ErrClosed.
func (t *Target) Invoke(ctx context.Context, r *call.Request) (*call.Response, Outcome, error) {
	response, err := t.invoke(ctx, r)
	t.ver.stats.ended(&t.outcome, err)
	if err != nil {
		t.ver.report(r.ID, err)
	}
	return response, t.outcome, err
}

func (t *Target) invoke(ctx context.Context, r *call.Request) (*call.Response, error) {
	if err := t.ver.CheckBody(int64(len(r.Body))); err != nil {
		return nil, err
	}
	begin := time.Now()
	if err := t.ver.wait(ctx, &t.turn); err != nil {
		return nil, err
	}
	t.placed = true
	t.outcome.Phases[call.Queue] = time.Since(begin)
	response, err := t.ver.engine.serve(ctx, t, r)
	if err != nil {
		err = t.ver.explain(ctx, t.rt.overtaken(err))
	}
	return response, err
}

// loaded notes what loading the function took, for which the request has waited.
func (t *Target) loaded(took *call.Phases) {
	t.outcome.Cold = true
	for phase, d := range took {
		t.outcome.Phases[phase] += d
	}
}

// takeTurn goes on after what the turn may have been paused for.
func (t *Target) takeTurn(ctx context.Context) error {
	if t.turn.held.Load() {
		return nil
	}
	begin := time.Now()
	defer func() { t.outcome.Phases[call.Queue] += time.Since(begin) }()
	if t.turn.Resume(ctx) != nil {
		return ErrCanceled
	}
	return nil
}

// Close gives the target up: it brings the sandbox back to its image, for the next request. It is to be called when the answer has been
// sent, which then does not wait for that, and after a panic too.
//
// It has its turn until then: the next request is better off in the sandbox that is in the caches than beside it in another one.
func (t *Target) Close() {
	defer t.rt.work.Done()
	defer t.ver.end()
	defer func() {
		if r := recover(); r != nil { // a mistake in Mayfly, which the server outlives
			t.rt.options.Logger.Error("panic after an answer", "function", t.ver.function, "panic", r, "stack", string(debug.Stack()))
		}
		t.turn.Pause()
		if t.placed {
			t.rt.turns.leave(&t.ver.places)
		}
	}()
	if t.done != nil {
		t.done()
	}
}

// Invoke calls the live version of a function: see Target.Invoke. It can be ErrNotFound too. What comes after the answer goes on when it has returned.
func (rt *Runtime) Invoke(ctx context.Context, function string, r *call.Request) (*call.Response, Outcome, error) {
	t, err := rt.Find(function)
	if err != nil {
		return nil, Outcome{}, err
	}
	defer func() { go t.Close() }()
	return t.Invoke(ctx, r)
}

// enter finds the live version and counts the request into it, and into the runtime's work.
func (rt *Runtime) enter(function string) (*version, error) {
	for {
		rt.mu.RLock()
		v, closed := rt.live[function], rt.closed
		entered := v != nil && !closed && v.begin()
		if entered {
			rt.work.Add(1)
		}
		rt.mu.RUnlock()
		switch {
		case closed:
			return nil, ErrClosed
		case entered:
			return v, nil
		}
		if err := rt.load(function); err != nil {
			return nil, err
		}
	}
}

// overtaken says what a request or a deploy was too late for, where that is why it failed.
func (rt *Runtime) overtaken(err error) error {
	switch {
	case errors.Is(err, context.Canceled) && rt.ctx.Err() != nil:
		return ErrClosed
	case errors.Is(err, store.ErrNotFound):
		return &notFoundError{"the function was deleted before the request was served"}
	}
	return err
}

// explain says of an engine's error what a caller needs to know.
func (v *version) explain(ctx context.Context, err error) error {
	load, ok := errors.AsType[*python.LoadError](err)
	switch {
	case ok && load.Kind == "memory":
		return &LimitError{Kind: ErrMemory, Limit: "memory", Value: manifest.Size(v.limits.memory).String(), Setting: "memory in mayfly.toml"}
	case ok:
		return &FailedError{Msg: load.Error(), Trace: load.Traceback}
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return ErrCanceled
	}
	return err
}

// timed begins the function's own time.
func (v *version) timed(ctx context.Context, t *turn) *interrupt.Call {
	l := interrupt.Limits{Time: v.limits.timeout, CPU: v.limits.cpu}
	if t != nil {
		l.Slow, l.OnSlow = slow, t.Pause
	}
	return v.watchdog.Begin(ctx, l)
}

// Follow returns a context like parent for many calls of Invoke, which are cut off when parent ends: that costs less than for each call to watch it.
// stop stops it from being watched.
func (rt *Runtime) Follow(parent context.Context) (ctx context.Context, stop func() bool) {
	return rt.watchdog.Follow(parent)
}

// CheckBody returns an ErrTooLarge for a request body that is larger than the function allows.
func (v *version) CheckBody(bytes int64) error {
	if bytes <= v.limits.request {
		return nil
	}
	return &LimitError{
		Kind: ErrTooLarge, Limit: "a request's body", Value: manifest.Size(v.limits.request).String(),
		Measured: manifest.Size(bytes).String(), Setting: "max_request in mayfly.toml",
	}
}

func responseTooLarge(limit int64) error {
	return &FailedError{Msg: fmt.Sprintf("the function's response is larger than its limit of %s; change it by max_response in mayfly.toml", manifest.Size(limit))}
}

// noSandbox says why there is no sandbox for a request.
func (v *version) noSandbox(err error) error {
	switch {
	case errors.Is(err, pool.ErrPatience), errors.Is(err, image.ErrBudget):
		return &LimitError{
			Kind: ErrBusy, Limit: "the memory of all sandboxes", Value: manifest.Size(v.budget).String(),
			Measured: "a wait of " + v.limits.timeout.String() + " for some of it", Setting: "--memory of mayfly serve",
		}
	case errors.Is(err, context.Canceled):
		return ErrCanceled
	case errors.Is(err, pool.ErrClosed):
		return ErrClosed
	}
	return err
}

// refuser tells what memory a guest asked for in vain.
type refuser interface {
	Refused() (bytes int64, byBudget bool)
}

// outOfMemory says which limit on memory was met.
func (v *version) outOfMemory(r refuser) error {
	refused, byBudget := r.Refused()
	e := &LimitError{Kind: ErrMemory, Limit: "memory", Value: manifest.Size(v.limits.memory).String(), Setting: "memory in mayfly.toml"}
	if byBudget {
		e.Limit, e.Value, e.Setting = "the memory of all sandboxes", manifest.Size(v.budget).String(), "--memory of mayfly serve"
	}
	if refused > 0 {
		e.Measured = fmt.Sprintf("%.1fMiB", float64(refused)/(1<<20))
	}
	return e
}

// guestError says what ended a guest.
func (v *version) guestError(guest *interrupt.Call, err error, r refuser) error {
	failure, failed := errors.AsType[*python.Failure](err)
	code, exited := wasi.IsExit(err)
	refused, _ := r.Refused()
	switch cause := guest.Cause(); {
	case errors.Is(cause, interrupt.ErrTime):
		return &LimitError{Kind: ErrTimeout, Limit: "a request's time", Value: v.limits.timeout.String(), Measured: guest.Elapsed().Round(time.Millisecond).String(), Setting: "timeout in mayfly.toml"}
	case errors.Is(cause, interrupt.ErrCPU):
		return &LimitError{Kind: ErrTimeout, Limit: "a request's CPU time", Value: v.limits.cpu.String(), Measured: guest.CPU().Round(time.Millisecond).String(), Setting: "cpu in mayfly.toml"}
	case errors.Is(cause, interrupt.ErrCut):
		return ErrCanceled
	}
	switch {
	case failed && failure.Kind == "memory":
		return v.outOfMemory(r)
	case failed && failure.Kind == "exit":
		return &FailedError{Msg: "the function left by SystemExit instead of answering", Trace: failure.Traceback, logged: true}
	case failed:
		return &FailedError{Msg: "the function raised " + failure.Type, Trace: failure.Traceback, logged: true}
	case refused > 0:
		return v.outOfMemory(r)
	case exited:
		return &FailedError{Msg: fmt.Sprintf("the function ended with exit code %d", code)}
	case errors.Is(err, python.ErrResponse):
		return &FailedError{Msg: err.Error()}
	}
	// wazero's text is the trap, then the Wasm stack.
	trap, trace, _ := strings.Cut(err.Error(), "\n")
	trap = strings.TrimPrefix(trap, "wasm error: ")
	if trap == "stack overflow" {
		trap = "its calls are nested too deep (stack overflow)"
	}
	if v.meta.Kind == Python && trap == "out of bounds memory access" {
		trap += ", which in Python means that its calls through C are nested too deep, such as __call__, __repr__ or a key function that calls itself"
	}
	return &FailedError{Msg: "the function trapped: " + trap, Trace: trace}
}

// report writes a failed call to the function's log.
func (v *version) report(request string, err error) {
	text := err.Error()
	if failed, ok := errors.AsType[*FailedError](err); ok && failed.Trace != "" && !failed.logged {
		text += "\n" + failed.Trace
	}
	for line := range strings.Lines(text) {
		v.log.Add(logs.Line{Time: time.Now(), Version: v.record.Number, Request: request, Stream: "system", Text: strings.TrimSuffix(line, "\n")})
	}
}
