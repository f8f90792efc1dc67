package runtime

import (
	"errors"
	"maps"
	"sync"

	"github.com/mayfly-faas/mayfly/store"
)

// stats counts what functions do. Counters go to the store once a second: a server that is killed loses at most that much.
type stats struct {
	store *store.Store

	mu      sync.Mutex
	pending map[string]map[string]uint64 // guarded by mu; by function and counter, not yet in the store
}

func newStats(s *store.Store) *stats {
	return &stats{store: s, pending: map[string]map[string]uint64{}}
}

// outcomes names the counter of each way in which a call can go wrong.
var outcomes = []struct {
	err     error
	counter string
}{
	{ErrTimeout, "timeouts"},
	{ErrMemory, "out_of_memory"},
	{ErrBusy, "busy"},
	{ErrTooLarge, "too_large"},
	{ErrCanceled, "canceled"},
}

func (s *stats) add(function string, o *Outcome, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	counters := s.count(function)
	counters["calls"]++
	if o.Cold {
		counters["cold"]++
	}
	if err != nil {
		counters["errors"]++
		for _, outcome := range outcomes {
			if errors.Is(err, outcome.err) {
				counters[outcome.counter]++
			}
		}
	}
	for name, took := range o.Phases.All() {
		counters["phase."+name+".calls"]++
		counters["phase."+name+".ns"] += uint64(took)
	}
}

// flush writes what has been counted to the store.
func (s *stats) flush() error {
	s.mu.Lock()
	pending := s.pending
	s.pending = map[string]map[string]uint64{}
	s.mu.Unlock()
	if len(pending) == 0 {
		return nil
	}
	err := s.store.Count(pending)
	if err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		for function, counters := range pending {
			for counter, n := range counters {
				s.count(function)[counter] += n
			}
		}
	}
	return err
}

// count returns a function's counters that are not yet in the store. It is called with mu held.
func (s *stats) count(function string) map[string]uint64 {
	counters := s.pending[function]
	if counters == nil {
		counters = map[string]uint64{}
		s.pending[function] = counters
	}
	return counters
}

// forget drops what has been counted of a function that is deleted.
func (s *stats) forget(function string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.pending, function)
}

// of returns a function's counters.
func (s *stats) of(function string) (map[string]uint64, error) {
	if err := s.flush(); err != nil {
		return nil, err
	}
	counters, err := s.store.Counters(function)
	return maps.Clone(counters), err
}
