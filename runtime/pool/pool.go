// Package pool keeps sandboxes for the next request, within a budget of memory.
//
// Sandboxes of one compiled module form a Group: each can be brought to the image of any function of the module, its owner. A request gets
// the sandbox that its function used last, else one that is nobody's, else the one that has been idle for longest of those that belong to
// others, else a new one. What is idle goes when memory is needed: the longest idle first, of whatever group.
package pool

import (
	"cmp"
	"container/list"
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/mayfly-faas/mayfly/runtime/image"
)

var (
	// ErrClosed is returned by a pool that has been closed.
	ErrClosed = errors.New("the pool is closed")
	// ErrPatience is returned to who has waited in vain for a sandbox: the budget is used up by others.
	ErrPatience = errors.New("no memory for another sandbox came free in time")
)

// Sandbox is what a pool keeps. It is used by one request at a time, and closed by the pool or by who acquired it.
type Sandbox interface {
	Close()
	// Reserve has the sandbox take so many bytes of the budget as it does not have yet; false says that there are none.
	Reserve(bytes int64) bool
}

// Owner is to whom an idle sandbox belongs: something that can be compared, such as a pointer to a function's image. Nil stands for nobody.
type Owner any

// Source is where a sandbox came from.
type Source int

const (
	// Warm: it was its owner's already.
	Warm Source = iota
	// Free: it was nobody's.
	Free
	// TakenOver: it was somebody else's.
	TakenOver
	// Made: it is new.
	Made
)

// Pool bounds the memory of all sandboxes. It implements image.Budget, from which their memories take.
type Pool struct {
	limit int64

	mu      sync.Mutex
	used    int64           // guarded by mu; bytes
	idle    *list.List      // guarded by mu; of *entry, the last used first
	inUse   int             // guarded by mu
	waiting []chan struct{} // guarded by mu; first come, first served
	wakes   uint64          // guarded by mu; how often something was given back
	closed  bool            // guarded by mu
	counts  Counts          // guarded by mu
}

// Counts are how many times something happened since the pool was made.
type Counts struct {
	// Acquired has how many sandboxes were acquired, by Source.
	Acquired [Made + 1]uint64
	// Evicted is how many idle ones were closed to make room, and Waits how many requests waited for one.
	Evicted, Waits uint64
}

// State is what a pool holds.
type State struct {
	// Limit and Used are the budget and what sandboxes take of it, in bytes.
	Limit, Used int64
	// InUse is how many sandboxes serve requests or are brought back, Idle how many belong to a function, and Free how many to nobody.
	InUse, Idle, Free int
	Counts
}

// entry is an idle sandbox.
type entry struct {
	sandbox Sandbox
	group   *Group
	owner   Owner
	since   time.Time
	element *list.Element
}

// New returns a pool whose sandboxes take at most limit bytes of linear memory; where a single one takes more, that one.
func New(limit int64) *Pool { return &Pool{limit: limit, idle: list.New()} }

// State returns what the pool holds.
func (p *Pool) State() State {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := State{Limit: p.limit, Used: p.used, InUse: p.inUse, Counts: p.counts}
	for e := range p.entries() {
		if e.owner == nil {
			s.Free++
		} else {
			s.Idle++
		}
	}
	return s
}

// entries yields the idle sandboxes, the longest idle first. It is called with mu held; the one that is yielded may be removed.
func (p *Pool) entries() iter.Seq[*entry] {
	return func(yield func(*entry) bool) {
		for at := p.idle.Back(); at != nil; {
			e := at.Value.(*entry)
			at = at.Prev()
			if !yield(e) {
				return
			}
		}
	}
}

// Take implements image.Budget: idle sandboxes are closed to make room.
func (p *Pool) Take(bytes int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.used+bytes > p.limit {
		oldest := p.idle.Back()
		if oldest == nil {
			// What one sandbox needs alone it gets: its own limit bounds it.
			if p.inUse > 1 || p.used > 0 && p.inUse == 0 {
				return false
			}
			break
		}
		e := oldest.Value.(*entry)
		p.remove(e)
		p.counts.Evicted++
		p.mu.Unlock()
		e.sandbox.Close() // which gives its memory back
		p.mu.Lock()
	}
	p.used += bytes
	return true
}

// Give implements image.Budget.
func (p *Pool) Give(bytes int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.used -= bytes
	p.wake()
}

// wake lets the first who waits try again. It is called with mu held.
func (p *Pool) wake() {
	p.wakes++
	if len(p.waiting) > 0 {
		close(p.waiting[0])
		p.waiting = p.waiting[1:]
	}
}

// remove takes an idle sandbox out of the pool. It is called with mu held.
func (p *Pool) remove(e *entry) {
	p.idle.Remove(e.element)
	of := e.group.idle[e.owner]
	for i := len(of) - 1; i >= 0; i-- {
		if of[i] == e {
			of = append(of[:i], of[i+1:]...)
			break
		}
	}
	if len(of) == 0 {
		delete(e.group.idle, e.owner)
	} else {
		e.group.idle[e.owner] = of
	}
}

// keep puts a sandbox among the idle ones. It is called with mu held.
func (p *Pool) keep(e *entry) {
	e.element = p.idle.PushFront(e)
	e.group.idle[e.owner] = append(e.group.idle[e.owner], e)
}

// DropIdle closes the sandboxes that nobody has used since before.
func (p *Pool) DropIdle(before time.Time) {
	p.close(func(e *entry) bool { return e.since.Before(before) })
}

// close closes the idle sandboxes that which picks.
func (p *Pool) close(which func(*entry) bool) {
	p.mu.Lock()
	var picked []*entry
	for e := range p.entries() {
		if which(e) {
			p.remove(e)
			picked = append(picked, e)
		}
	}
	p.mu.Unlock()
	for _, e := range picked {
		e.sandbox.Close()
	}
}

// Close closes what is idle, and from then on what is released. The groups are to be closed too.
func (p *Pool) Close() {
	p.mu.Lock()
	p.closed = true
	for len(p.waiting) > 0 {
		p.wake()
	}
	p.mu.Unlock()
	p.close(func(*entry) bool { return true })
}

// Group is the sandboxes of one module.
type Group struct {
	pool *Pool
	make func(ctx context.Context, need int64) (Sandbox, error)
	size int64 // bytes that a new one takes
	work sync.WaitGroup

	// Guarded by pool.mu.
	idle   map[Owner][]*entry // the last used last
	spare  int
	making bool
	closed bool
}

// NewGroup returns a group whose new sandboxes come from make, take size bytes or as many as they need, and belong to nobody. make fails with
// image.ErrBudget where Take did. As many as spare say are made ahead, where there is room without closing others.
func (p *Pool) NewGroup(size int64, spare int, make func(ctx context.Context, need int64) (Sandbox, error)) *Group {
	return &Group{pool: p, make: make, idle: map[Owner][]*entry{}, size: size, spare: spare}
}

// Pauser is told when its request waits for a sandbox.
type Pauser interface {
	Pause()
	// Resume returns when the request can go on, or ctx's error.
	Resume(ctx context.Context) error
}

// Acquire returns a sandbox for owner, which has to be brought to owner's image where it is not Warm, and can have the need bytes of memory that this takes. Where
// there is no memory for that, it waits for some that is given back: until ctx ends, or patience does. pauser is told of that; nil: nobody is.
func (g *Group) Acquire(ctx context.Context, owner Owner, need int64, patience time.Duration, pauser Pauser) (Sandbox, Source, error) {
	p := g.pool
	first := true
	for {
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			return nil, 0, ErrClosed
		}
		if first && len(p.waiting) > 0 {
			first = false
			if err := p.await(ctx, false, patience, pauser); err != nil {
				return nil, 0, err
			}
			continue
		}
		wakes := p.wakes
		e, source := g.find(owner)
		if e != nil {
			p.remove(e)
		}
		p.inUse++
		p.mu.Unlock()
		s, err := g.provide(ctx, e, need)
		p.mu.Lock()
		if err == nil {
			p.counts.Acquired[source]++
			if source == Made {
				p.wake() // there may be memory for another one's
			}
			g.ahead()
			p.mu.Unlock()
			return s, source, nil
		}
		p.inUse--
		switch {
		case e == nil:
		case p.closed || g.closed:
			p.mu.Unlock()
			e.sandbox.Close()
			return nil, 0, ErrClosed
		default:
			p.keep(e)
		}
		switch {
		case !errors.Is(err, image.ErrBudget):
			p.wake() // another one's may be made
			p.mu.Unlock()
			return nil, 0, err
		case p.inUse == 0 || p.wakes != wakes: // who had the memory has given it back just now
			p.mu.Unlock()
			continue
		}
		if err := p.await(ctx, !first, patience, pauser); err != nil {
			return nil, 0, err
		}
		first = false
	}
}

// provide returns the sandbox of an entry, or a new one where that is nil, with memory as needed.
func (g *Group) provide(ctx context.Context, e *entry, need int64) (Sandbox, error) {
	if e == nil {
		return g.make(ctx, need)
	}
	if !e.sandbox.Reserve(need) {
		return nil, image.ErrBudget
	}
	return e.sandbox, nil
}

// await waits until it is the caller's turn, at the head of the queue or at its end. It is called with mu held, and unlocks it.
func (p *Pool) await(ctx context.Context, head bool, patience time.Duration, pauser Pauser) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, ErrPatience)
	defer cancel()
	turn := make(chan struct{})
	if head {
		p.waiting = append([]chan struct{}{turn}, p.waiting...)
	} else {
		p.counts.Waits++
		p.waiting = append(p.waiting, turn)
	}
	p.mu.Unlock()
	if pauser != nil {
		pauser.Pause()
	}
	select {
	case <-turn:
		if pauser == nil {
			return nil
		}
		err := pauser.Resume(ctx)
		if err == nil {
			return nil
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.wake() // the next one, who can use it
		return cmp.Or(context.Cause(ctx), err)
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.waiting, turn); i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
	} else {
		p.wake() // it was the caller's turn just now: the next one's, then
	}
	return context.Cause(ctx)
}

// find returns the idle sandbox that is best for owner, and where it comes from; nil and Made where there is none. It is called with mu held.
func (g *Group) find(owner Owner) (*entry, Source) {
	if e := last(g.idle[owner]); e != nil {
		if owner == nil {
			return e, Free
		}
		return e, Warm
	}
	if e := last(g.idle[nil]); e != nil {
		return e, Free
	}
	for oldest := range g.pool.entries() {
		if oldest.group == g {
			return oldest, TakenOver
		}
	}
	return nil, Made
}

func last(of []*entry) *entry {
	if len(of) == 0 {
		return nil
	}
	return of[len(of)-1]
}

// ahead has a sandbox made, where there are fewer free ones than there shall be and room for it: twice, so that those that grow a little do not
// drive out others for which one is made ahead again. It is called with mu held.
func (g *Group) ahead() {
	p := g.pool
	if g.making || g.closed || p.closed || len(g.idle[nil]) >= g.spare || p.used+2*g.size > p.limit {
		return
	}
	g.making = true
	g.work.Go(func() {
		s, err := g.make(context.Background(), 0)
		p.mu.Lock()
		g.making = false
		p.mu.Unlock()
		if err == nil {
			g.Add(s, nil)
		}
	})
}

// Release gives an acquired sandbox back, which stands at owner's image.
func (g *Group) Release(s Sandbox, owner Owner) { g.give(s, owner, 1) }

// Add gives the group a sandbox that was not acquired from it, and stands at owner's image.
func (g *Group) Add(s Sandbox, owner Owner) { g.give(s, owner, 0) }

func (g *Group) give(s Sandbox, owner Owner, inUse int) {
	p := g.pool
	p.mu.Lock()
	p.inUse -= inUse
	if p.closed || g.closed {
		p.mu.Unlock()
		s.Close()
		return
	}
	p.keep(&entry{sandbox: s, group: g, owner: owner, since: time.Now()})
	p.wake()
	p.mu.Unlock()
}

// Discard closes an acquired sandbox instead of giving it back.
func (g *Group) Discard(s Sandbox) {
	s.Close()
	g.pool.mu.Lock()
	defer g.pool.mu.Unlock()
	g.pool.inUse--
	g.pool.wake()
}

// Drop takes owner's idle sandboxes out of the pool: they are acquired by the caller now.
func (g *Group) Drop(owner Owner) []Sandbox {
	p := g.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	var dropped []Sandbox
	for len(g.idle[owner]) > 0 {
		e := last(g.idle[owner])
		p.remove(e)
		p.inUse++
		dropped = append(dropped, e.sandbox)
	}
	return dropped
}

// Close closes the group's idle sandboxes, and from then on those that are released. It waits for one that is being made ahead.
func (g *Group) Close() {
	g.pool.mu.Lock()
	g.closed = true
	g.pool.mu.Unlock()
	g.work.Wait()
	g.pool.close(func(e *entry) bool { return e.group == g })
}
