package runtime

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// turns decides which request goes next. A request needs a place under its function's limit on concurrency, and a turn: about as many guests compute
// at a time as there are processors (see spareTurns), since more would only drive each other out of the caches, and spread over more sandboxes. A guest that waits in a
// call of the host's, or has computed for long, has no turn, and keeps its place. First come, first served, for either.
type turns struct {
	mu    sync.Mutex
	free  int     // guarded by mu
	queue []*turn // guarded by mu; who waits for a turn only

	timers sync.Pool // of *time.Timer that nobody uses; since Go 1.23 nothing is left in the channel of one that was stopped
}

func newTurns(n int) *turns { return &turns{free: n} }

// places are how many requests of one function are served at a time.
type places struct {
	free  int     // guarded by turns.mu
	queue []*turn // guarded by turns.mu; who waits for a place, and a turn after it
}

// slow is for how long a guest may compute until others get its turn as well.
const slow = 10 * time.Millisecond

// turn is one request's. It has it from enter to Pause, and from Resume to Pause.
type turn struct {
	turns *turns
	held  atomic.Bool
	come  chan struct{} // nil until the request has to wait
}

var (
	errQueueFull = errors.New("too many requests wait")
	errPatience  = errors.New("waited for too long")
)

// enter waits for a place and a turn: until ctx ends, or patience does (errPatience). Where as many as limit wait for a place already, it
// is errQueueFull at once.
func (t *turn) enter(ctx context.Context, p *places, limit int, patience time.Duration) error {
	ts := t.turns
	ts.mu.Lock()
	switch {
	case p.free > 0:
		p.free--
		if ts.free > 0 {
			ts.free--
			ts.mu.Unlock()
			t.held.Store(true)
			return nil
		}
		t.line(&ts.queue)
	case len(p.queue) >= limit:
		ts.mu.Unlock()
		return errQueueFull
	default:
		t.line(&p.queue)
	}
	ts.mu.Unlock()
	// Who waits longer than a request may run has a caller who has given up.
	timer, _ := ts.timers.Get().(*time.Timer)
	if timer == nil {
		timer = time.NewTimer(patience)
	} else {
		timer.Reset(patience)
	}
	err := t.await(ctx, timer.C, p)
	timer.Stop()
	ts.timers.Put(timer)
	return err
}

// line puts the turn at the end of a queue. It is called with turns.mu held.
func (t *turn) line(queue *[]*turn) {
	if t.come == nil {
		t.come = make(chan struct{}, 1)
	}
	*queue = append(*queue, t)
}

// await waits in the queue. Where ctx or patience ends first, whatever it has got by then is given back; p is nil for who has a place.
func (t *turn) await(ctx context.Context, patience <-chan time.Time, p *places) error {
	var err error
	select {
	case <-t.come:
		return nil
	case <-patience:
		err = errPatience
	case <-ctx.Done():
		err = ctx.Err()
	}
	ts := t.turns
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if p != nil && remove(&p.queue, t) {
		return err
	}
	if !remove(&ts.queue, t) { // it came just now
		<-t.come
		if t.held.Swap(false) {
			ts.pass()
		}
	}
	if p != nil {
		ts.admit(p)
	}
	return err
}

func remove(queue *[]*turn, t *turn) bool {
	i := slices.Index(*queue, t)
	if i < 0 {
		return false
	}
	*queue = slices.Delete(*queue, i, i+1)
	return true
}

func first(queue *[]*turn) *turn {
	t := (*queue)[0]
	(*queue)[0] = nil
	*queue = (*queue)[1:]
	return t
}

// pass gives a turn to the next one. It is called with mu held.
func (ts *turns) pass() {
	if len(ts.queue) == 0 {
		ts.free++
		return
	}
	ts.grant(first(&ts.queue))
}

func (ts *turns) grant(t *turn) {
	t.held.Store(true)
	t.come <- struct{}{}
}

// admit gives a place to the next one, who then is in line for a turn. It is called with mu held.
func (ts *turns) admit(p *places) {
	switch {
	case len(p.queue) == 0:
		p.free++
	case ts.free > 0:
		ts.free--
		ts.grant(first(&p.queue))
	default:
		ts.queue = append(ts.queue, first(&p.queue))
	}
}

// leave gives a place back.
func (ts *turns) leave(p *places) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.admit(p)
}

// Pause gives the turn back, if the request has it, for as long as it waits for something else, or for good. It may be called by another goroutine than
// the request's.
func (t *turn) Pause() {
	if t.held.Swap(false) {
		t.turns.mu.Lock()
		defer t.turns.mu.Unlock()
		t.turns.pass()
	}
}

// Resume waits for the turn after a Pause.
func (t *turn) Resume(ctx context.Context) error {
	ts := t.turns
	ts.mu.Lock()
	if ts.free > 0 {
		ts.free--
		ts.mu.Unlock()
		t.held.Store(true)
		return nil
	}
	t.line(&ts.queue)
	ts.mu.Unlock()
	return t.await(ctx, nil, nil)
}
