package runtime

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// turns lets as many guests compute at a time as there are processors: more would only drive each other out of the caches, and spread
// over more sandboxes. Who waits comes in its turn. A guest that waits in a call of the host's, or has computed for long, does not count.
type turns struct {
	mu    sync.Mutex
	free  int             // guarded by mu
	queue []chan struct{} // guarded by mu; who waits, first come, first served
}

func newTurns(n int) *turns { return &turns{free: n} }

// take waits for a turn, or for the end of ctx.
func (t *turns) take(ctx context.Context) error {
	t.mu.Lock()
	if t.free > 0 {
		t.free--
		t.mu.Unlock()
		return nil
	}
	come := make(chan struct{})
	t.queue = append(t.queue, come)
	t.mu.Unlock()
	select {
	case <-come:
		return nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	i := slices.Index(t.queue, come)
	if i >= 0 {
		t.queue = slices.Delete(t.queue, i, i+1)
	}
	t.mu.Unlock()
	if i < 0 { // it came just now
		t.give()
	}
	return ctx.Err()
}

// give gives a turn back.
func (t *turns) give() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.queue) == 0 {
		t.free++
		return
	}
	close(t.queue[0])
	t.queue[0] = nil
	t.queue = t.queue[1:]
}

// slow is for how long a guest may compute until others get its turn as well.
const slow = 10 * time.Millisecond

// turn is a request's turn. It has it from take to give, but for the time from pause to resume, and from when it was lent.
type turn struct {
	turns *turns
	held  atomic.Bool
}

// take waits for the turn.
func (t *turn) take(ctx context.Context) error {
	if err := t.turns.take(ctx); err != nil {
		return err
	}
	t.held.Store(true)
	return nil
}

// give gives the turn back, if the request has it. It may be called by another goroutine than the request's.
func (t *turn) give() {
	if t.held.Swap(false) {
		t.turns.give()
	}
}

// Pause gives the turn back for as long as the request waits for something else.
func (t *turn) Pause() { t.give() }

// Resume waits for the turn after a Pause.
func (t *turn) Resume(ctx context.Context) error { return t.take(ctx) }
