package runtime

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func newTurn(ts *turns) *turn { return &turn{turns: ts} }

// counts returns how many turns and places nobody has, and how many wait.
func (ts *turns) counts(p *places) (turns, places, waiting int) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return ts.free, p.free, len(ts.queue) + len(p.queue)
}

func TestRequestsEnterInTheOrderInWhichTheyCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ts, p := newTurns(1), &places{free: 2}
		holder := newTurn(ts)
		if err := holder.enter(t.Context(), p, 10, time.Hour); err != nil {
			t.Fatal(err)
		}
		var order []int
		var work sync.WaitGroup
		for n := range 5 {
			work.Go(func() {
				w := newTurn(ts)
				if err := w.enter(t.Context(), p, 10, time.Hour); err != nil {
					t.Error(err)
				}
				order = append(order, n)
				w.Pause()
				ts.leave(p)
			})
			synctest.Wait()
		}
		if turns, places, waiting := ts.counts(p); turns != 0 || places != 0 || waiting != 5 {
			t.Errorf("%d turns and %d places are free and %d wait, want 0, 0 and 5", turns, places, waiting)
		}
		holder.Pause()
		ts.leave(p)
		work.Wait()
		for n := range order {
			if order[n] != n {
				t.Fatalf("they entered in the order %v", order)
			}
		}
		if turns, places, waiting := ts.counts(p); turns != 1 || places != 2 || waiting != 0 {
			t.Errorf("at the end %d turns and %d places are free and %d wait, want 1, 2 and 0", turns, places, waiting)
		}
	})
}

func TestWhoCannotWaitSaysWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ts, p := newTurns(1), &places{free: 1}
		holder := newTurn(ts)
		if err := holder.enter(t.Context(), p, 1, time.Hour); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		canceled := make(chan error, 1)
		go func() { canceled <- newTurn(ts).enter(ctx, p, 1, time.Hour) }()
		synctest.Wait()
		if err := newTurn(ts).enter(t.Context(), p, 1, time.Hour); !errors.Is(err, errQueueFull) {
			t.Errorf("behind a full queue: %v", err)
		}
		cancel()
		if err := <-canceled; !errors.Is(err, context.Canceled) {
			t.Errorf("canceled: %v", err)
		}
		if err := newTurn(ts).enter(t.Context(), p, 1, time.Second); !errors.Is(err, errPatience) {
			t.Errorf("out of patience for a place: %v", err)
		}
		p.free++ // a place, and no turn
		if err := newTurn(ts).enter(t.Context(), p, 1, time.Second); !errors.Is(err, errPatience) {
			t.Errorf("out of patience for a turn: %v", err)
		}
		holder.Pause()
		ts.leave(p)
		if turns, places, waiting := ts.counts(p); turns != 1 || places != 2 || waiting != 0 {
			t.Errorf("at the end %d turns and %d places are free and %d wait, want 1, 2 and 0", turns, places, waiting)
		}
	})
}

// TestTurnsAreNeitherLostNorMade has requests that pause, are lent out, give up, and come to their end.
func TestTurnsAreNeitherLostNorMade(t *testing.T) {
	const n, perFunction = 3, 4
	ts, functions := newTurns(n), [2]places{{free: perFunction}, {free: perFunction}}
	var computing atomic.Int64
	var work sync.WaitGroup
	for g := range 24 {
		work.Go(func() {
			p := &functions[g%2]
			for i := range 400 {
				ctx, cancel := context.WithCancel(t.Context())
				if (g+i)%7 == 0 {
					cancel()
				}
				w := newTurn(ts)
				if err := w.enter(ctx, p, 1000, time.Minute); err == nil {
					if now := computing.Add(1); now > n {
						t.Errorf("%d compute at a time", now)
					}
					computing.Add(-1)
					if i%3 == 0 {
						w.Pause()
						if w.Resume(ctx) == nil {
							if now := computing.Add(1); now > n {
								t.Errorf("%d compute at a time", now)
							}
							computing.Add(-1)
						}
					}
					w.Pause()
					w.Pause() // the watchdog may have been first
					ts.leave(p)
				}
				cancel()
			}
		})
	}
	work.Wait()
	for i := range functions {
		if turns, places, waiting := ts.counts(&functions[i]); turns != n || places != perFunction || waiting != 0 {
			t.Errorf("at the end %d turns and %d places are free and %d wait, want %d, %d and 0", turns, places, waiting, n, perFunction)
		}
	}
}
