package bench

import (
	"context"
	"sync"
	"time"

	"github.com/mayfly-faas/mayfly/cmd/mayfly/internal/client"
)

// patience is how long after the last request was due answers are waited for, and late requests are sent.
const patience = 30 * time.Second

// loader is a load that is being measured.
type loader struct {
	client *client.Client
	call   client.Call
	begin  time.Time
	rate   float64
	total  int64

	mu   sync.Mutex
	load *Load                // guarded by mu
	took map[string]histogram // guarded by mu; by phase
}

// RunLoad measures a function under load until all requests are answered, or ctx ends. progress is told now and then how many requests have been due,
// and how many have ended.
func RunLoad(ctx context.Context, c *client.Client, call client.Call, s LoadSettings, progress func(due, ended int64)) *Load {
	s.fill(c, call)
	c = c.WithConnections(s.Connections)
	defer c.Close()
	l := &loader{
		client: c, call: call, begin: time.Now(), rate: s.Rate, total: requests(s.Rate, time.Duration(s.Duration)),
		load: &Load{LoadSettings: s, Started: time.Now().UTC(), Statuses: map[int]int64{}}, took: map[string]histogram{},
	}
	limited, cancel := context.WithTimeout(ctx, time.Duration(s.Duration)+patience)
	defer cancel()
	due := make(chan time.Time)
	var workers sync.WaitGroup
	workers.Go(func() { l.schedule(limited, due) })
	for range min(int64(s.Connections), l.total) {
		workers.Go(func() { l.work(limited, due) })
	}
	done := make(chan struct{})
	go func() {
		workers.Wait()
		close(done)
	}()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			progress(l.progress())
		case <-done:
			return l.end(ctx.Err() != nil)
		}
	}
}

// requests returns how many requests are due in a time, the first at its begin.
func requests(rate float64, in time.Duration) int64 {
	const rounding = 1e-9
	n := rate * in.Seconds()
	return max(1, int64(n*(1-rounding))+1)
}

// due returns when request n is due.
func (l *loader) due(n int64) time.Time {
	return l.begin.Add(time.Duration(float64(n) / l.rate * float64(time.Second)))
}

// dueBy returns how many requests have been due.
func (l *loader) dueBy(now time.Time) int64 { return min(l.total, requests(l.rate, now.Sub(l.begin))) }

func (l *loader) progress() (due, ended int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dueBy(time.Now()), l.load.Sent
}

// schedule tells of each request when it is due, and waits where nobody is free to send it.
func (l *loader) schedule(ctx context.Context, requests chan<- time.Time) {
	defer close(requests)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for n := range l.total {
		due := l.due(n)
		// A timer can be a millisecond late, which is as long as a call takes.
		const late = 2 * time.Millisecond
		if early := time.Until(due) - late; early > 0 {
			timer.Reset(early)
			select {
			case <-timer.C:
			case <-ctx.Done():
				return
			}
		}
		for left := time.Until(due); left > 0; left = time.Until(due) {
			sleepShort(left)
		}
		select {
		case requests <- due:
		case <-ctx.Done():
			return
		}
	}
}

// work sends requests over one connection.
func (l *loader) work(ctx context.Context, requests <-chan time.Time) {
	for due := range requests {
		if ctx.Err() != nil {
			return
		}
		sent := time.Now()
		a, err := l.client.Call(ctx, l.call)
		l.add(due, sent, time.Now(), a, err)
	}
}

// add adds the end of a request.
func (l *loader) add(due, sent, end time.Time, a *client.Answer, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.load
	r.Sent++
	r.BytesSent += int64(r.Bytes)
	if a != nil {
		r.Statuses[a.Status]++
		r.BytesReceived += int64(len(a.Body))
		if a.Cold {
			r.Cold++
		}
		err = a.Err()
	}
	if err != nil {
		r.fail(err)
		return
	}
	r.Succeeded++
	for _, p := range a.Phases {
		l.record(p.Name, time.Duration(p.MS*float64(time.Millisecond)))
	}
	l.record(phaseTotal, time.Duration(a.TotalMS()*float64(time.Millisecond)))
	l.record(phaseHTTP, end.Sub(sent))
	l.record(phaseDue, end.Sub(due))
}

func (l *loader) record(phase string, took time.Duration) {
	h, ok := l.took[phase]
	if !ok {
		h = newHistogram()
		l.took[phase] = h
	}
	h.add(took)
}

// end returns the load, measured.
func (l *loader) end(interrupted bool) *Load {
	r, elapsed := l.load, time.Since(l.begin)
	r.Interrupted = interrupted
	r.Due = l.total
	if interrupted {
		r.Due = max(r.Sent, l.dueBy(time.Now()))
	} else {
		elapsed = max(elapsed, time.Duration(r.Duration))
	}
	r.Seconds = elapsed.Seconds()
	r.AchievedRate = float64(r.Sent) / r.Seconds
	r.SuccessRatio = float64(r.Succeeded) / float64(r.Due)
	r.by = map[string]distribution{}
	for phase, h := range l.took {
		r.by[phase] = h.distribution()
	}
	r.Summary = summarize(r.by)
	return r
}
