// Package bench measures how long a function takes to answer, phase by phase.
//
// Run makes calls one after the other, each cold or each warm, and gives a Report. RunLoad sends requests by a schedule, and gives a Load.
// Both are written as a table, as JSON, or by WriteHTML as a page with plots.
package bench

import (
	"context"
	"time"

	"github.com/mayfly-faas/mayfly/cmd/mayfly/internal/client"
)

// Target is what is measured, and by which request. Of it Run and RunLoad need Version and Digest, and fill in the rest.
type Target struct {
	Server   string `json:"server"`
	Function string `json:"function"`
	Version  uint64 `json:"version"`
	Digest   string `json:"digest"`
	Method   string `json:"method,omitempty"`
	Path     string `json:"path,omitempty"`
	Bytes    int    `json:"request_bytes"`
}

func (t *Target) fill(c *client.Client, call client.Call) {
	t.Server, t.Function = c.URL(), call.Function
	t.Method, t.Path, t.Bytes = call.Method, call.Path, len(call.Body)
}

// Settings say what is measured. They are part of the report, so that it can be measured again.
type Settings struct {
	Target
	// Mode is cold or warm.
	Mode string `json:"mode"`
	// From is what each cold call starts from: image, module, disk or nothing.
	From  string `json:"from,omitempty"`
	Calls int    `json:"calls"`
}

// Sample is one call that was measured, in milliseconds.
type Sample struct {
	Cold     bool               `json:"cold"`
	PhasesMS map[string]float64 `json:"phases_ms"`
	// TotalMS is the sum of the server's phases but reset, which is over before the call comes; HTTPMS is what the client has waited.
	TotalMS float64 `json:"total_ms"`
	HTTPMS  float64 `json:"http_ms"`
}

// Report is all that was measured.
type Report struct {
	Settings
	Mayfly  string    `json:"mayfly"`
	Started time.Time `json:"started"`
	Summary []Summary `json:"summary"`
	Samples []Sample  `json:"samples"`
}

// The modes.
const (
	Cold = "cold"
	Warm = "warm"
)

// Run measures s.Calls calls, one after the other. Each cold call comes after the server has dropped all that From does not leave, warm
// calls come after one that is not counted. done is called after each call that is.
func Run(ctx context.Context, c *client.Client, call client.Call, s Settings, done func(calls int)) (*Report, error) {
	s.fill(c, call)
	r := &Report{Settings: s, Started: time.Now().UTC()}
	if s.Mode == Warm {
		if _, err := measure(ctx, c, call); err != nil {
			return nil, err
		}
	}
	for i := range s.Calls {
		if s.Mode == Cold {
			if err := c.Unload(ctx, call.Function, s.From); err != nil {
				return nil, err
			}
		}
		sample, err := measure(ctx, c, call)
		if err != nil {
			return nil, err
		}
		r.Samples = append(r.Samples, sample)
		done(i + 1)
	}
	r.Summary = summarize(r.distributions())
	return r, nil
}

func measure(ctx context.Context, c *client.Client, call client.Call) (Sample, error) {
	a, err := c.Call(ctx, call)
	if err != nil {
		return Sample{}, err
	}
	// Timing failures tells nothing.
	if err := a.Err(); err != nil {
		return Sample{}, err
	}
	s := Sample{Cold: a.Cold, PhasesMS: map[string]float64{}, TotalMS: a.TotalMS(), HTTPMS: a.Took.Seconds() * 1e3}
	for _, p := range a.Phases {
		s.PhasesMS[p.Name] += p.MS
	}
	return s, nil
}

// distributions returns what was measured, by phase.
func (r *Report) distributions() map[string]distribution {
	took := map[string][]float64{}
	for _, s := range r.Samples {
		for phase, ms := range s.PhasesMS {
			took[phase] = append(took[phase], ms)
		}
		took[phaseTotal] = append(took[phaseTotal], s.TotalMS)
		took[phaseHTTP] = append(took[phaseHTTP], s.HTTPMS)
	}
	by := map[string]distribution{}
	for phase, ms := range took {
		by[phase] = distributionOf(ms)
	}
	return by
}

// Unlike returns how many samples are not of the report's mode.
func (r *Report) Unlike() int {
	n := 0
	for _, s := range r.Samples {
		if s.Cold != (r.Mode == Cold) {
			n++
		}
	}
	return n
}
