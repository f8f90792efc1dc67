package pool_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/mayfly-faas/mayfly/runtime/image"
	"github.com/mayfly-faas/mayfly/runtime/pool"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const size = 100

// sandbox takes memory from a pool as a real one does.
type sandbox struct {
	pool   *pool.Pool
	bytes  int64
	closed atomic.Bool
}

func (s *sandbox) Close() {
	if s.closed.Swap(true) {
		panic("closed twice")
	}
	s.pool.Give(s.bytes)
}

// grow asks for more memory, as a guest does.
func (s *sandbox) grow(bytes int64) bool {
	if !s.pool.Take(bytes) {
		return false
	}
	s.bytes += bytes
	return true
}

func newGroup(p *pool.Pool, spare int) *pool.Group {
	return p.NewGroup(size, spare, func(context.Context) (pool.Sandbox, error) {
		if !p.Take(size) {
			return nil, image.ErrBudget
		}
		return &sandbox{pool: p, bytes: size}, nil
	})
}

// patience is longer than any wait that shall come to an end.
const patience = time.Minute

func acquire(t testing.TB, g *pool.Group, owner pool.Owner, want pool.Source) *sandbox {
	t.Helper()
	s, source, err := g.Acquire(t.Context(), owner, patience, nil)
	if err != nil {
		t.Fatal(err)
	}
	if source != want {
		t.Fatalf("%v got a sandbox of source %d, want %d", owner, source, want)
	}
	return s.(*sandbox)
}

func TestSandboxesAreChosenInOrder(t *testing.T) {
	p := pool.New(10 * size)
	g := newGroup(p, 0)
	a, b, c := acquire(t, g, "a", pool.Made), acquire(t, g, "b", pool.Made), acquire(t, g, "c", pool.Made)
	g.Release(a, "a")
	g.Release(b, "b")
	g.Release(c, nil)
	if got := acquire(t, g, "b", pool.Warm); got != b {
		t.Error("b did not get its own")
	}
	if got := acquire(t, g, "b", pool.Free); got != c {
		t.Error("b did not get the free one next")
	}
	g.Release(b, "b")
	g.Release(c, "c")
	if got := acquire(t, g, "d", pool.TakenOver); got != a {
		t.Error("d did not get the one that was idle for longest")
	}
	g.Release(a, "d")
	want := pool.State{Limit: 10 * size, Used: 3 * size, Idle: 3, Counts: pool.Counts{Acquired: [4]uint64{1, 1, 1, 3}}}
	if got := p.State(); got != want {
		t.Errorf("the pool holds %+v, want %+v", got, want)
	}
	p.Close()
	if got := p.State(); got.Used != 0 {
		t.Errorf("after its end the pool holds %+v", got)
	}
}

func TestIdleSandboxesMakeRoomForOtherGroups(t *testing.T) {
	p := pool.New(2 * size)
	defer p.Close()
	python, wasm := newGroup(p, 0), newGroup(p, 0)
	old, young := acquire(t, python, "old", pool.Made), acquire(t, python, "young", pool.Made)
	python.Release(old, "old")
	python.Release(young, "young")
	s := acquire(t, wasm, "wasm", pool.Made)
	if !old.closed.Load() || young.closed.Load() {
		t.Error("it was not the sandbox that was idle for longest that made room")
	}
	wasm.Discard(s)
	if got := p.State(); got.Used != size || got.Evicted != 1 {
		t.Errorf("the pool holds %+v", got)
	}
}

func TestWhoFindsNoMemoryWaitsForSome(t *testing.T) {
	p := pool.New(size)
	g, other := newGroup(p, 0), newGroup(p, 0)
	s := acquire(t, g, "a", pool.Made)
	got := make(chan pool.Source)
	for range 2 {
		go func() {
			s, source, err := other.Acquire(t.Context(), "b", patience, nil)
			if err != nil {
				t.Error(err)
			}
			got <- source
			other.Release(s, "b")
		}()
	}
	for p.State().Waits < 2 {
		time.Sleep(time.Millisecond) // polls a state
	}
	g.Release(s, "a")
	if first, second := <-got, <-got; first != pool.Made || second != pool.Warm {
		t.Errorf("who waited got sources %d and %d", first, second)
	}
	p.Close()
}

func TestPatienceEnds(t *testing.T) {
	p := pool.New(size)
	defer p.Close()
	g := newGroup(p, 0)
	defer g.Discard(acquire(t, g, "a", pool.Made))
	if _, _, err := g.Acquire(t.Context(), "b", time.Millisecond, nil); !errors.Is(err, pool.ErrPatience) {
		t.Errorf("got %v, want ErrPatience", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := g.Acquire(ctx, "b", patience, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was cancelled", err)
	}
}

// pauses counts what a Pauser is told.
type pauses struct{ paused, resumed int }

func (p *pauses) Pause()                       { p.paused++ }
func (p *pauses) Resume(context.Context) error { p.resumed++; return nil }

func TestWaitingIsTold(t *testing.T) {
	p := pool.New(size)
	defer p.Close()
	g := newGroup(p, 0)
	s := acquire(t, g, "a", pool.Made)
	told := &pauses{}
	done := make(chan error)
	go func() {
		s, _, err := g.Acquire(t.Context(), "b", patience, told)
		if err == nil {
			g.Release(s, "b")
		}
		done <- err
	}()
	for p.State().Waits == 0 {
		time.Sleep(time.Millisecond) // polls a state
	}
	g.Release(s, "a")
	if err := <-done; err != nil || told.paused != 1 || told.resumed != 1 {
		t.Errorf("%v, told %+v", err, told)
	}
}

func TestSparesAreMadeAheadWhereThereIsRoom(t *testing.T) {
	p := pool.New(4 * size)
	g := newGroup(p, 1)
	a := acquire(t, g, "a", pool.Made)
	for p.State().Free == 0 {
		time.Sleep(time.Millisecond) // polls a state
	}
	b := acquire(t, g, "b", pool.Free)
	for p.State().Free == 0 {
		time.Sleep(time.Millisecond) // polls a state
	}
	c := acquire(t, g, "c", pool.Free) // beside which there is room for one, and not for two
	for _, s := range []*sandbox{a, b, c} {
		g.Discard(s)
	}
	g.Close()
	p.Close()
	if got := p.State().Used; got != 0 {
		t.Errorf("%d bytes are in use after the end", got)
	}
}

func TestOneSandboxMayBeLargerThanTheBudget(t *testing.T) {
	p := pool.New(size / 2)
	defer p.Close()
	g := newGroup(p, 0)
	s := acquire(t, g, "a", pool.Made)
	if !s.grow(size) {
		t.Error("what runs alone was refused memory")
	}
	g.Discard(s)
}

func TestDroppedSandboxesAreTheCallers(t *testing.T) {
	p := pool.New(10 * size)
	g := newGroup(p, 0)
	a, b := acquire(t, g, "a", pool.Made), acquire(t, g, "a", pool.Made)
	g.Release(a, "a")
	g.Release(b, "a")
	dropped := g.Drop("a")
	if len(dropped) != 2 || p.State().InUse != 2 {
		t.Errorf("%d were dropped, the pool holds %+v", len(dropped), p.State())
	}
	g.Release(dropped[0], nil)
	g.Discard(dropped[1])
	p.DropIdle(time.Now().Add(time.Hour))
	if got := p.State(); got.Used != 0 || got.Free != 0 {
		t.Errorf("the pool holds %+v", got)
	}
	g.Close()
	late := acquire(t, g, "a", pool.Made)
	g.Release(late, "a")
	if !late.closed.Load() {
		t.Error("a sandbox was kept in a closed group")
	}
	p.Close()
	if _, _, err := g.Acquire(t.Context(), "a", patience, nil); !errors.Is(err, pool.ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
}

// TestBudgetHolds has many requests of two groups grow their sandboxes at random, and looks at the budget all the while.
func TestBudgetHolds(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		limit := rapid.Int64Range(1, 20).Draw(rt, "sandboxes") * size
		growth := rapid.Int64Range(0, 2*size).Draw(rt, "growth")
		p := pool.New(limit)
		groups := []*pool.Group{newGroup(p, 1), newGroup(p, 0)}
		var requests sync.WaitGroup
		for n := range 8 {
			g := groups[n%2]
			requests.Go(func() {
				for i := range 20 {
					owner := (n + i) % 5
					s, _, err := g.Acquire(t.Context(), owner, patience, nil)
					if err != nil {
						t.Error(err)
						return
					}
					s.(*sandbox).grow(growth)
					// A sandbox that is alone may take more than there is; others may join it with what they begin with.
					if used := p.State().Used; used > limit+size+growth*20 {
						t.Errorf("%d bytes of %d are used", used, limit)
					}
					if i%7 == 0 {
						g.Discard(s)
					} else {
						g.Release(s, owner)
					}
				}
			})
		}
		requests.Wait()
		for _, g := range groups {
			g.Close()
		}
		p.Close()
		if s := p.State(); s.Used != 0 || s.InUse != 0 || s.Idle+s.Free != 0 {
			t.Errorf("at the end the pool holds %+v", s)
		}
	})
}
