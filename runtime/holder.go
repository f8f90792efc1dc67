package runtime

import (
	"context"
	"sync"

	"golang.org/x/sync/singleflight"

	"github.com/mayfly-faas/mayfly/runtime/call"
)

// holder holds what a version has loaded: loaded once however many requests ask for it at a time, and ended when the version has let go of it and every
// request that uses it has, too.
type holder[T holdable] struct {
	rt *Runtime
	// open loads. What it returns is ended, in case of an error too.
	open func(context.Context, *call.Phases) (T, error)
	// end ends what nobody uses any more, and dropIdle gives up its sandboxes that are not in use.
	end, dropIdle func(T)
	loads         singleflight.Group

	mu      sync.Mutex
	current T    // guarded by mu; zero: there is nothing
	closed  bool // guarded by mu
}

// holdable is a pointer to what has a hold in it.
type holdable interface {
	comparable
	holds() *hold
}

// hold is how something is held.
type hold struct {
	refs  int // guarded by the holder's mu; one of them is the holder's
	drops int // guarded by the holder's mu; how often its sandboxes were given up: those from before the last time are not kept
}

func (h *hold) holds() *hold { return h }

// acquire returns what is loaded, with a reference to it, and how often its sandboxes have been dropped.
func (h *holder[T]) acquire(ctx context.Context, t *Target) (l T, drops int, err error) {
	var none T
	for {
		h.mu.Lock()
		l := h.current
		if l != none {
			l.holds().refs++
			drops = l.holds().drops
		}
		h.mu.Unlock()
		if l != none {
			if err := t.takeTurn(ctx); err != nil {
				h.release(l)
				return none, 0, err
			}
			return l, drops, nil
		}
		t.turn.Pause()
		took, err := h.rt.once(ctx, &h.loads, "", h.holding, h.load)
		if err != nil {
			return none, 0, err
		}
		if took != nil {
			t.loaded(took)
		}
	}
}

// load loads. The time that each part took is returned.
func (h *holder[T]) load() (call.Phases, error) {
	var took call.Phases
	l, err := h.open(h.rt.ctx, &took)
	l.holds().refs++
	h.mu.Lock()
	if err == nil && h.closed { // the version was replaced, and who waited for it has given up
		err = ErrClosed
	}
	if err == nil {
		h.current = l
	}
	h.mu.Unlock()
	if err != nil {
		h.release(l)
	}
	return took, err
}

// release gives up a reference.
func (h *holder[T]) release(l T) {
	h.mu.Lock()
	l.holds().refs--
	last := l.holds().refs == 0
	h.mu.Unlock()
	if last {
		h.end(l)
	}
}

// keeps reports whether a sandbox that was acquired after so many drops may be kept for l's next request.
func (h *holder[T]) keeps(l T, drops int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.current == l && l.holds().drops == drops
}

// drop gives up the sandboxes that are not in use, and with all of it what is loaded, too.
func (h *holder[T]) drop(all bool) {
	h.mu.Lock()
	h.letGo(h.current, all)
}

// evict drops all of l, if that is what is loaded still.
func (h *holder[T]) evict(l T) {
	h.mu.Lock()
	if h.current != l {
		h.mu.Unlock()
		return
	}
	h.letGo(l, true)
}

// letGo is called with mu held, and unlocks it.
func (h *holder[T]) letGo(l T, all bool) {
	var none T
	if l == none {
		h.mu.Unlock()
		return
	}
	l.holds().refs++
	l.holds().drops++
	if all {
		h.current = none
		l.holds().refs--
	}
	h.mu.Unlock()
	h.dropIdle(l)
	h.release(l)
}

// close drops all, and what is being loaded when it has been.
func (h *holder[T]) close() {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.drop(true)
}

func (h *holder[T]) holding() bool {
	var none T
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.current != none
}
