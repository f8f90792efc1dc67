// Package interrupt ends guests whose time is up.
//
// wazero can watch a context itself (WithCloseOnContextDone): each loop then calls into Go, which makes guests two to ten times as slow, it closes the
// instance, and it does not see calls that nest for ever. Here the guest looks at a flag, by the checks that package prepare has put into its
// code; it traps, and the sandbox can be reset and used again. One goroutine, the Watchdog, sets the flags of all calls.
package interrupt

import (
	"container/heap"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/mayfly-faas/mayfly/runtime/prepare"
)

// Why a call was ended.
var (
	// ErrTime: it took longer than Limits.Time.
	ErrTime = errors.New("the call has run out of time")
	// ErrCPU: it computed for longer than Limits.CPU.
	ErrCPU = errors.New("the call has run out of CPU time")
	// ErrCut: its parent context has ended, or the watchdog has been closed.
	ErrCut = errors.New("the call was cut off")
)

// Flag is the interrupt flag of one instance, which serves one call at a time.
type Flag struct {
	global api.MutableGlobal // nil where the module has no code to be stopped
}

// Of returns the flag of an instance of a prepared module.
func Of(mod api.Module) *Flag {
	global, _ := mod.ExportedGlobal(prepare.Interrupt).(api.MutableGlobal)
	return &Flag{global}
}

func (f *Flag) set(v uint64) {
	if f.global != nil {
		f.global.Set(v)
	}
}

// Waiter tells for how long a guest has waited in calls of the host's, which is no CPU time. It may be asked by another goroutine than the guest's.
type Waiter interface{ Waited() time.Duration }

// Limits bound a call; zero stands for none.
type Limits struct {
	// Time is from Begin on.
	Time time.Duration
	// CPU is the time in which the guest runs, without what it waits.
	CPU time.Duration
	// OnSlow, where it is not nil, is called each time that the guest has run for about Slow. It must be quick.
	Slow   time.Duration
	OnSlow func()
}

// Watchdog ends calls. It is one goroutine for all of them, and one timer.
type Watchdog struct {
	wake chan struct{}
	done chan struct{}

	mu     sync.Mutex
	armed  calls // guarded by mu; a heap, by when they are due
	closed bool  // guarded by mu
}

// NewWatchdog starts a watchdog.
func NewWatchdog() *Watchdog {
	w := &Watchdog{wake: make(chan struct{}, 1), done: make(chan struct{})}
	go w.run()
	return w
}

// Close cuts off the calls that run, and from then on those that begin.
func (w *Watchdog) Close() {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		for len(w.armed) > 0 {
			w.armed[0].end(ErrCut)
		}
		close(w.wake)
	}
	w.mu.Unlock()
	<-w.done
}

func (w *Watchdog) run() {
	defer close(w.done)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case _, open := <-w.wake:
			if !open {
				return
			}
		case <-timer.C:
		}
		timer.Reset(w.look(time.Now()))
	}
}

// look ends the calls that are due, and returns when to look again.
func (w *Watchdog) look(now time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.armed) > 0 {
		c := w.armed[0]
		if wait := c.due.Sub(now); wait > 0 {
			return wait
		}
		c.look(now)
	}
	return time.Hour
}

// followed is a context that many calls have for their parent: it is watched once for all of them.
type followed struct{ context.Context }

// Follow returns a context like parent, whose calls are cut off when parent ends. That costs less than for each call to watch its parent.
// The caller must end parent, or stop it, before it closes the watchdog.
func (w *Watchdog) Follow(parent context.Context) (ctx context.Context, stop func() bool) {
	f := &followed{parent}
	return f, context.AfterFunc(parent, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		for n := 0; n < len(w.armed); {
			if c := w.armed[n]; c.parent == context.Context(f) {
				c.end(ErrCut)
				n = 0 // the heap is another now
				continue
			}
			n++
		}
	})
}

// Call is one call of a guest, for which it is the context. Its guest is run between Arm and Disarm.
type Call struct {
	watchdog *Watchdog
	parent   context.Context
	limits   Limits
	begin    time.Time
	unwatch  func() bool // nil: the parent never ends, or is followed

	// Guarded by watchdog.mu.
	flag     *Flag // nil unless armed
	waiter   Waiter
	since    time.Time     // when it was armed
	waited   time.Duration // by then
	computed time.Duration // when it was armed before
	slowAt   time.Time     // when OnSlow is due
	due      time.Time
	index    int // in the heap; -1: it is not there
	cause    error
	done     chan struct{} // nil until asked for
}

// Begin begins a call. End must be called after it.
func (w *Watchdog) Begin(parent context.Context, l Limits) *Call {
	c := &Call{watchdog: w, parent: parent, limits: l, begin: time.Now(), index: -1}
	if _, ok := parent.(*followed); ok {
		if parent.Err() != nil {
			c.cause = ErrCut
		}
		return c
	}
	if parent.Done() != nil {
		c.unwatch = context.AfterFunc(parent, func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			c.end(ErrCut)
		})
	}
	return c
}

// End ends the call, whose context ends too.
func (c *Call) End() {
	if c.unwatch != nil {
		c.unwatch()
	}
	c.watchdog.mu.Lock()
	defer c.watchdog.mu.Unlock()
	c.end(ErrCut)
}

// Arm is called before a guest runs: from when the call's time is up the guest traps at its next check. waiter may be nil.
func (c *Call) Arm(f *Flag, waiter Waiter) {
	w := c.watchdog
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := c.parent.(*followed); w.closed || ok && c.parent.Err() != nil { // it ended before the call was armed
		c.end(ErrCut)
	}
	c.flag, c.waiter, c.since, c.waited = f, waiter, time.Now(), 0
	if c.cause != nil {
		f.set(1)
		return
	}
	if waiter != nil {
		c.waited = waiter.Waited()
	}
	c.slowAt = c.since.Add(c.limits.Slow)
	c.due = c.nextLook(c.since)
	if heap.Push(&w.armed, c); c.index == 0 {
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

// Disarm is called when the guest has returned. What runs in it without being armed is not stopped.
func (c *Call) Disarm() {
	c.watchdog.mu.Lock()
	defer c.watchdog.mu.Unlock()
	if c.flag != nil {
		c.computed = c.cpu(time.Now())
		c.flag.set(0)
		c.flag = nil
	}
	c.leave()
}

// leave takes the call out of the heap. It is called with mu held, as are those below.
func (c *Call) leave() {
	if c.index >= 0 {
		heap.Remove(&c.watchdog.armed, c.index)
	}
}

// end ends the call for a cause. The first one counts.
func (c *Call) end(cause error) {
	c.leave()
	if c.cause != nil {
		return
	}
	c.cause = cause
	if c.flag != nil {
		c.flag.set(1)
	}
	if c.done != nil {
		close(c.done)
	}
}

// look ends the call if it is due, or says when it will be.
func (c *Call) look(now time.Time) {
	switch l := c.limits; {
	case l.Time > 0 && now.Sub(c.begin) >= l.Time:
		c.end(ErrTime)
	case l.CPU > 0 && c.cpu(now) >= l.CPU:
		c.end(ErrCPU)
	default:
		if l.OnSlow != nil && !now.Before(c.slowAt) {
			l.OnSlow()
			c.slowAt = now.Add(l.Slow)
		}
		c.due = c.nextLook(now)
		heap.Fix(&c.watchdog.armed, c.index)
	}
}

// nextLook returns when the call can be due at the earliest.
func (c *Call) nextLook(now time.Time) time.Time {
	next := now.Add(24 * time.Hour)
	if c.limits.Time > 0 {
		next = c.begin.Add(c.limits.Time)
	}
	if c.limits.OnSlow != nil && c.slowAt.Before(next) {
		next = c.slowAt
	}
	if c.limits.CPU > 0 {
		// At least a little later, for a guest that waits just now.
		if at := now.Add(max(c.limits.CPU-c.cpu(now), time.Millisecond)); at.Before(next) {
			next = at
		}
	}
	return next
}

// cpu returns how long the guest has computed.
func (c *Call) cpu(now time.Time) time.Duration {
	running := now.Sub(c.since)
	if c.waiter != nil {
		running -= c.waiter.Waited() - c.waited
	}
	return c.computed + max(0, running)
}

// CPU returns how long the guest has computed up to the last Disarm.
func (c *Call) CPU() time.Duration {
	c.watchdog.mu.Lock()
	defer c.watchdog.mu.Unlock()
	return c.computed
}

// Elapsed returns for how long the call has been.
func (c *Call) Elapsed() time.Duration { return time.Since(c.begin) }

// Cause returns why the call was ended: ErrTime, ErrCPU or ErrCut; nil while it was not.
func (c *Call) Cause() error {
	c.watchdog.mu.Lock()
	defer c.watchdog.mu.Unlock()
	return c.cause
}

// Deadline implements context.Context.
func (c *Call) Deadline() (time.Time, bool) {
	if c.limits.Time == 0 {
		return c.parent.Deadline()
	}
	return c.begin.Add(c.limits.Time), true
}

// Done implements context.Context.
func (c *Call) Done() <-chan struct{} {
	c.watchdog.mu.Lock()
	defer c.watchdog.mu.Unlock()
	if c.done == nil {
		c.done = make(chan struct{})
		if c.cause != nil {
			close(c.done)
		}
	}
	return c.done
}

// Err implements context.Context.
func (c *Call) Err() error {
	switch cause := c.Cause(); {
	case cause == nil:
		return nil
	case errors.Is(cause, ErrCut):
		return context.Canceled
	}
	return context.DeadlineExceeded
}

// Value implements context.Context.
func (c *Call) Value(key any) any { return c.parent.Value(key) }

// calls are a heap of armed calls. It implements heap.Interface.
type calls []*Call

func (h calls) Len() int           { return len(h) }
func (h calls) Less(i, j int) bool { return h[i].due.Before(h[j].due) }

func (h calls) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *calls) Push(x any) {
	c := x.(*Call)
	c.index = len(*h)
	*h = append(*h, c)
}

func (h *calls) Pop() any {
	last := len(*h) - 1
	c := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	c.index = -1
	return c
}
