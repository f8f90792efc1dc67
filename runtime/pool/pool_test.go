package pool_test

import (
	"context"
	"errors"
	"runtime"
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

// Reserve implements pool.Sandbox.
func (s *sandbox) Reserve(bytes int64) bool { return bytes <= s.bytes || s.grow(bytes-s.bytes) }

// grow asks for more memory, as a guest does.
func (s *sandbox) grow(bytes int64) bool {
	if !s.pool.Take(bytes) {
		return false
	}
	s.bytes += bytes
	return true
}

func newGroup(p *pool.Pool, spare int) *pool.Group {
	return p.NewGroup(size, spare, func(_ context.Context, need int64) (pool.Sandbox, error) {
		if !p.Take(max(size, need)) {
			return nil, image.ErrBudget
		}
		return &sandbox{pool: p, bytes: max(size, need)}, nil
	})
}

// patience is longer than any wait that shall come to an end.
const patience = time.Minute

func acquire(t testing.TB, g *pool.Group, owner pool.Owner, want pool.Source) *sandbox {
	t.Helper()
	s, source, err := g.Acquire(t.Context(), owner, 0, patience, nil)
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
			s, source, err := other.Acquire(t.Context(), "b", 0, patience, nil)
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

func TestWhatIsGivenBackJustBeforeTheWaitIsNotMissed(t *testing.T) {
	p := pool.New(3 * size)
	var give func()
	g := p.NewGroup(size, 0, func(context.Context, int64) (pool.Sandbox, error) {
		if p.Take(size) {
			return &sandbox{pool: p, bytes: size}, nil
		}
		if give != nil { // between the refusal and the caller's getting in line
			give()
		}
		return nil, image.ErrBudget
	})
	a, c := acquire(t, g, "a", pool.Made), acquire(t, g, "c", pool.Made)
	a.grow(size)
	give = func() { g.Release(a, "a"); give = nil }
	g.Release(acquire(t, g, "b", pool.TakenOver), "b")
	g.Release(c, "c") // which was in use all the time
	p.Close()
}

func TestSandboxesComeWithTheMemoryThatTheyNeed(t *testing.T) {
	p := pool.New(10 * size)
	g := newGroup(p, 0)
	get := func(owner pool.Owner, need int64) (*sandbox, pool.Source) {
		t.Helper()
		s, source, err := g.Acquire(t.Context(), owner, need, patience, nil)
		if err != nil {
			t.Fatal(err)
		}
		if s := s.(*sandbox); s.bytes < need {
			t.Errorf("it has %d bytes, want %d", s.bytes, need)
		}
		return s.(*sandbox), source
	}
	small, _ := get("a", 0)
	large, source := get("b", 6*size)
	if source != pool.Made {
		t.Errorf("source %d", source)
	}
	g.Release(small, "a")
	waits := make(chan *sandbox)
	go func() { // there is an idle one, which cannot have as much while the large one is in use
		s, _ := get("c", 8*size)
		waits <- s
	}()
	for p.State().Waits == 0 {
		runtime.Gosched()
	}
	if s := p.State(); s.Idle != 1 || s.Used != 7*size {
		t.Errorf("while one waits: %+v", s)
	}
	g.Release(large, "b")
	g.Release(<-waits, "c")
	if s := p.State(); s.Used > 10*size {
		t.Errorf("at last: %+v", s)
	}
	p.Close()
}

func TestPatienceEnds(t *testing.T) {
	p := pool.New(size)
	defer p.Close()
	g := newGroup(p, 0)
	defer g.Discard(acquire(t, g, "a", pool.Made))
	if _, _, err := g.Acquire(t.Context(), "b", 0, time.Millisecond, nil); !errors.Is(err, pool.ErrPatience) {
		t.Errorf("got %v, want ErrPatience", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := g.Acquire(ctx, "b", 0, patience, nil); !errors.Is(err, context.Canceled) {
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
		s, _, err := g.Acquire(t.Context(), "b", 0, patience, told)
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
	if _, _, err := g.Acquire(t.Context(), "a", 0, patience, nil); !errors.Is(err, pool.ErrClosed) {
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
					s, _, err := g.Acquire(t.Context(), owner, 0, patience, nil)
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
