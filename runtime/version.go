package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/mayfly-faas/mayfly/host/logs"
	"github.com/mayfly-faas/mayfly/runtime/call"
	"github.com/mayfly-faas/mayfly/runtime/interrupt"
	"github.com/mayfly-faas/mayfly/runtime/manifest"
	"github.com/mayfly-faas/mayfly/store"
)

// meta is what the store keeps about a version beside its artifact.
type meta struct {
	Kind     Kind              `json:"kind"`
	Manifest manifest.Manifest `json:"manifest"`
	// Wasm is the name of a command's module in its archive; empty where the artifact is the module. Module is its sha256.
	Wasm   string `json:"wasm,omitempty"`
	Module string `json:"module,omitempty"`
	// Remade is why instances of the module cannot be brought back to an image.
	Remade string `json:"remade,omitempty"`
	// Entry is what serves a Python function, as "module:name", and Python the version of CPython it was deployed for.
	Entry  string `json:"entry,omitempty"`
	Python string `json:"python,omitempty"`
	// Packages are what it has installed; nil where it requires nothing.
	Packages *packages `json:"packages,omitempty"`
}

// engine serves a version's requests. It is the one thing in which the kinds of functions differ.
type engine interface {
	// serve answers one request, and fills in what it knows of the target's outcome, and done as soon as it has a sandbox.
	// The target has a place and a turn, which serve pauses where it waits for something.
	serve(ctx context.Context, t *Target, r *call.Request) (*call.Response, error)
	// makeCold lets go of what a cold start shall not find ready, where it is not in use.
	makeCold(from From) error
	// holding reports whether what serves requests is in memory.
	holding() bool
	// drop lets go of the sandboxes that are not in use, and with all of it what they are made from, too.
	drop(all bool)
	// close lets go of everything. Nothing is in use.
	close()
}

// From says what a cold start finds ready.
type From int

const (
	// FromImage: the function's image is in memory, and no sandbox stands at it.
	FromImage From = iota
	// FromModule: there is no image; the module is compiled and in memory, and for a Python function CPython has been started.
	FromModule
	// FromDisk: nothing is in memory. The module lies compiled on the disk, and so do a Python function's images: so it is after the server has started.
	FromDisk
	// FromNothing: all is made again that was ever made for the function. The module is compiled, and a Python function's images are made, CPython's
	// too: so it is for the first function of its kind.
	FromNothing
)

// version is a version of a function that is, or was until now, live: the sandboxes and what they are made from.
type version struct {
	function string
	record   store.Version
	meta     meta
	limits   limits
	budget   int64 // of all sandboxes, in bytes
	watchdog *interrupt.Watchdog
	log      *logs.Log
	engine   engine

	stats *functionStats

	env []string // that the manifest gives, as KEY=value

	places places

	mu       sync.Mutex
	active   int       // guarded by mu; requests that are waiting or served, and sandboxes being brought back
	retired  bool      // guarded by mu; no longer live: closed when active is 0
	lastUsed time.Time // guarded by mu
}

func (rt *Runtime) newVersion(function string, record store.Version) (*version, error) {
	v := &version{function: function, record: record, lastUsed: time.Now()}
	if err := json.Unmarshal(record.Meta, &v.meta); err != nil {
		return nil, fmt.Errorf("version %d of %s: %w", record.Number, function, err)
	}
	v.limits = rt.options.Defaults.of(v.meta.Kind, &v.meta.Manifest)
	v.budget, v.watchdog = rt.options.MemoryBytes, rt.watchdog
	for _, key := range slices.Sorted(maps.Keys(v.meta.Manifest.Env)) {
		v.env = append(v.env, key+"="+v.meta.Manifest.Env[key])
	}
	v.places.free = v.limits.concurrency
	v.log = rt.log(function)
	return v, nil
}

// begin counts a request in. It is false when the version is no longer live.
func (v *version) begin() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.retired {
		return false
	}
	v.active++
	return true
}

// end counts a request out, and closes a retired version when it was the last.
func (v *version) end() {
	v.mu.Lock()
	v.active--
	v.lastUsed = time.Now()
	last := v.retired && v.active == 0
	v.mu.Unlock()
	if last {
		v.engine.close()
	}
}

// retire ends a version that is no longer live, when its last request has ended.
func (v *version) retire() {
	v.mu.Lock()
	idle := !v.retired && v.active == 0
	v.retired = true
	v.mu.Unlock()
	if idle {
		v.engine.close()
	}
}

// idleSince reports whether no request has been served since before.
func (v *version) idleSince(before time.Time) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.active == 0 && v.lastUsed.Before(before)
}

// wait waits for one of the places that the function's concurrency allows, and for a turn.
func (v *version) wait(ctx context.Context, t *turn) error {
	err := t.enter(ctx, &v.places, v.limits.queue, v.limits.timeout)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errQueueFull):
		return &LimitError{
			Kind: ErrBusy, Limit: "waiting requests", Value: fmt.Sprint(v.limits.queue),
			Measured: fmt.Sprintf("place %d in the queue, behind %d that are served", v.limits.queue+1, v.limits.concurrency),
			Setting:  "queue or concurrency in mayfly.toml",
		}
	case errors.Is(err, errPatience):
		return &LimitError{
			Kind: ErrBusy, Limit: "requests at a time", Value: fmt.Sprint(v.limits.concurrency),
			Measured: "a wait of " + v.limits.timeout.String(), Setting: "concurrency in mayfly.toml",
		}
	}
	return ErrCanceled
}

// streams are what one sandbox prints to.
type streams struct{ stdout, stderr *logs.Writer }

func (v *version) streams() *streams {
	return &streams{logs.NewWriter(v.log, "stdout"), logs.NewWriter(v.log, "stderr")}
}

func (s *streams) begin(v *version, request string) {
	s.stdout.Begin(v.record.Number, request)
	s.stderr.Begin(v.record.Number, request)
}

func (s *streams) end() {
	s.stdout.End()
	s.stderr.End()
}
