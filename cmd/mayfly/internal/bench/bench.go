// Package bench measures how long a function takes to answer, phase by phase.
package bench

import (
	"context"
	"time"

	"github.com/mayfly-faas/mayfly/cmd/mayfly/internal/client"
)

// Settings say what is measured. They are part of the report, so that it can be measured again.
type Settings struct {
	Server   string `json:"server"`
	Function string `json:"function"`
	Version  uint64 `json:"version"`
	Digest   string `json:"digest"`
	// Mode is cold or warm.
	Mode string `json:"mode"`
	// From is what is dropped before each cold call: image, module or disk.
	From   string `json:"from,omitempty"`
	Calls  int    `json:"calls"`
	Method string `json:"method,omitempty"`
	Path   string `json:"path,omitempty"`
	Bytes  int    `json:"request_bytes"`
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

// reset is the phase that nobody waits for.
const reset = "reset"

// Cold and Warm are the modes.
const (
	Cold = "cold"
	Warm = "warm"
)

// Run measures s.Calls calls, one after the other: of s it needs that, Mode, From, Version and Digest. Each cold call comes after the
// server has dropped what From says, warm calls come after one that is not counted. done is called after each call that is.
func Run(ctx context.Context, c *client.Client, call client.Call, s Settings, done func(calls int)) (*Report, error) {
	s.Server, s.Function = c.URL(), call.Function
	s.Method, s.Path, s.Bytes = call.Method, call.Path, len(call.Body)
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
	r.Summary = summarize(r.Samples)
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
	s := Sample{Cold: a.Cold, PhasesMS: map[string]float64{}, HTTPMS: a.Took.Seconds() * 1e3}
	for _, p := range a.Phases {
		s.PhasesMS[p.Name] += p.MS
		if p.Name != reset {
			s.TotalMS += p.MS
		}
	}
	return s, nil
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
