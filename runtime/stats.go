package runtime

import (
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mayfly-faas/mayfly/runtime/call"
	"github.com/mayfly-faas/mayfly/runtime/histogram"
	"github.com/mayfly-faas/mayfly/runtime/image"
	"github.com/mayfly-faas/mayfly/store"
)

// Stats is what a function has done since it was first deployed.
type Stats struct {
	// Counters has calls, errors, cold, and how calls went wrong, by name.
	Counters map[string]uint64
	// Phases has how many nanoseconds each phase took in the calls that had it, by name.
	Phases map[string]*histogram.Distribution
	// CPU is the nanoseconds for which calls computed, and Memory the bytes of linear memory that their guests had at the end.
	CPU, Memory *histogram.Distribution
	// Pages is how many pages of 4 KiB were copied back after calls, and Hot how many of them were hot: copied back without asking.
	Pages, Hot *histogram.Distribution
}

// outcomes names the counter of each way in which a call can go wrong.
var outcomes = [...]struct {
	err     error
	counter string
}{
	{ErrTimeout, "timeouts"},
	{ErrMemory, "out_of_memory"},
	{ErrBusy, "busy"},
	{ErrTooLarge, "too_large"},
	{ErrCanceled, "canceled"},
}

// functionStats counts what a function does, until that is written to the store. It is used by many requests at a time.
type functionStats struct {
	dirty               atomic.Bool // something has been counted since take
	calls, errors, cold atomic.Uint64
	outcomes            [len(outcomes)]atomic.Uint64
	phases              [len(call.PhaseNames)]histogram.Histogram
	cpu, memory         histogram.Histogram
	pages, hot          histogram.Histogram
}

// ended counts a call, but for what comes after its answer.
func (f *functionStats) ended(o *Outcome, err error) {
	defer f.dirty.Store(true) // after the counts: a flush between them would pass over what comes after it
	f.calls.Add(1)
	if o.Cold {
		f.cold.Add(1)
	}
	if err != nil {
		f.errors.Add(1)
		for i, outcome := range outcomes {
			if errors.Is(err, outcome.err) {
				f.outcomes[i].Add(1)
			}
		}
	}
	for i, took := range o.Phases {
		if took > 0 && call.Phase(i) != call.Reset {
			f.phases[i].Add(uint64(took))
		}
	}
	if o.Phases[call.Run] > 0 {
		f.cpu.Add(uint64(o.CPU))
		f.memory.Add(uint64(o.Memory))
	}
}

// reset counts what came after an answer.
func (f *functionStats) reset(took time.Duration, r image.Restored) {
	defer f.dirty.Store(true)
	f.phases[call.Reset].Add(uint64(took))
	f.pages.Add(uint64(r.Pages))
	f.hot.Add(uint64(r.Hot))
}

// The names under which the store keeps histograms: NAME/sum, and NAME/BUCKET for how many values there were in a bucket.
const (
	phasePrefix = "phase."
	cpuName     = "cpu"
	memoryName  = "memory"
	pagesName   = "pages"
	hotName     = "hot"
	sumName     = "sum"
)

// take returns what was counted since it was last called, by the names under which the store keeps it.
func (f *functionStats) take() map[string]uint64 {
	if !f.dirty.Swap(false) {
		return nil
	}
	taken := map[string]uint64{}
	add := func(name string, n uint64) {
		if n > 0 {
			taken[name] = n
		}
	}
	add("calls", f.calls.Swap(0))
	add("cold", f.cold.Swap(0))
	add("errors", f.errors.Swap(0))
	for i := range outcomes {
		add(outcomes[i].counter, f.outcomes[i].Swap(0))
	}
	addAll := func(name string, h *histogram.Histogram) {
		counts, sum := h.Take()
		add(name+"/"+sumName, sum)
		for bucket, n := range counts {
			add(name+"/"+strconv.Itoa(bucket), n)
		}
	}
	for i := range f.phases {
		addAll(phasePrefix+call.PhaseNames[i], &f.phases[i])
	}
	addAll(cpuName, &f.cpu)
	addAll(memoryName, &f.memory)
	addAll(pagesName, &f.pages)
	addAll(hotName, &f.hot)
	return taken
}

// newStats reads what the store keeps.
func newStats(kept map[string]uint64) *Stats {
	s := &Stats{
		Counters: map[string]uint64{}, Phases: map[string]*histogram.Distribution{},
		CPU: &histogram.Distribution{}, Memory: &histogram.Distribution{}, Pages: &histogram.Distribution{}, Hot: &histogram.Distribution{},
	}
	for key, n := range kept {
		name, item, ok := strings.Cut(key, "/")
		if !ok {
			s.Counters[name] = n
			continue
		}
		d := s.distribution(name)
		if d == nil { // counted by another version of Mayfly
			continue
		}
		if bucket, err := strconv.Atoi(item); err == nil {
			d.Add(bucket, n)
		} else if item == sumName {
			d.Sum = n
		}
	}
	return s
}

func (s *Stats) distribution(name string) *histogram.Distribution {
	if phase, ok := strings.CutPrefix(name, phasePrefix); ok {
		if s.Phases[phase] == nil {
			s.Phases[phase] = &histogram.Distribution{}
		}
		return s.Phases[phase]
	}
	return map[string]*histogram.Distribution{cpuName: s.CPU, memoryName: s.Memory, pagesName: s.Pages, hotName: s.Hot}[name]
}

// stats are the counts of all functions that have been called. They go to the store once a second: a server that is killed loses at most
// that much.
type stats struct {
	store *store.Store

	flushing sync.Mutex                   // held while counts are between functions and the store; taken before mu
	unsaved  map[string]map[string]uint64 // guarded by flushing; what could not be written yet

	mu        sync.Mutex
	functions map[string]*functionStats // guarded by mu
}

func openStats(s *store.Store) *stats {
	return &stats{store: s, unsaved: map[string]map[string]uint64{}, functions: map[string]*functionStats{}}
}

// function returns the counts of a function.
func (s *stats) function(name string) *functionStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.functions[name]
	if f == nil {
		f = &functionStats{}
		s.functions[name] = f
	}
	return f
}

// flush writes what has been counted to the store.
func (s *stats) flush() error {
	s.flushing.Lock()
	defer s.flushing.Unlock()
	s.mu.Lock()
	for name, f := range s.functions {
		for counter, n := range f.take() {
			if s.unsaved[name] == nil {
				s.unsaved[name] = map[string]uint64{}
			}
			s.unsaved[name][counter] += n
		}
	}
	s.mu.Unlock()
	if len(s.unsaved) == 0 {
		return nil
	}
	err := s.store.Count(s.unsaved)
	if err == nil {
		s.unsaved = map[string]map[string]uint64{}
	}
	return err
}

// forget drops what has been counted of a function that is deleted. A call that still runs counts for nothing.
func (s *stats) forget(function string) {
	s.flushing.Lock()
	defer s.flushing.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.functions, function)
	delete(s.unsaved, function)
}

// of returns what a function has done.
func (s *stats) of(function string) (*Stats, error) {
	if err := s.flush(); err != nil {
		return nil, err
	}
	kept, err := s.store.Counters(function)
	if err != nil {
		return nil, err
	}
	return newStats(kept), nil
}
