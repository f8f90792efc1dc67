package runtime

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mayfly-faas/mayfly/host/logs"
	"github.com/mayfly-faas/mayfly/runtime/manifest"
	"github.com/mayfly-faas/mayfly/store"
)

// Function describes a function and its live version.
type Function struct {
	Name    string    `json:"name"`
	Live    Version   `json:"live"`
	Latest  uint64    `json:"latest"`
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
}

// Version describes a version of a function.
type Version struct {
	Version uint64    `json:"version"`
	Live    bool      `json:"live"`
	Kind    Kind      `json:"kind"`
	Digest  string    `json:"digest"` // of the artifact: sha256 in hex
	Bytes   int64     `json:"bytes"`
	Created time.Time `json:"created"`
	// Entry is what serves a Python function, Python the CPython it runs on.
	Entry  string `json:"entry,omitempty"`
	Python string `json:"python,omitempty"`
	// Packages are the packages that a Python function has installed, as "name version".
	Packages []string `json:"packages,omitempty"`
	// Remade is why a wasm command's sandbox is made anew for each request instead of being brought back to its image; "" where it is brought back.
	Remade string `json:"remade,omitempty"`
	// Settings are the limits that hold, whether the manifest names them or not.
	Settings Settings `json:"settings"`
}

// Settings are the settings that hold for a version.
type Settings struct {
	Isolation   manifest.Isolation `json:"isolation"`
	Timeout     manifest.Duration  `json:"timeout"`
	CPU         manifest.Duration  `json:"cpu"`
	Memory      manifest.Size      `json:"memory"`
	MaxRequest  manifest.Size      `json:"max_request"`
	MaxResponse manifest.Size      `json:"max_response"`
	Tmp         manifest.Size      `json:"tmp"`
	Concurrency int                `json:"concurrency"`
	Queue       int                `json:"queue"`
	// Env has the names of the manifest's environment variables, without their values.
	Env []string `json:"env,omitempty"`
}

func (rt *Runtime) describe(record store.Version, live uint64) (Version, error) {
	var m meta
	if err := json.Unmarshal(record.Meta, &m); err != nil {
		return Version{}, fmt.Errorf("version %d: %w", record.Number, err)
	}
	l := rt.options.Defaults.of(m.Kind, &m.Manifest)
	v := Version{
		Version: record.Number, Live: record.Number == live, Kind: m.Kind, Digest: record.Digest, Bytes: record.Size,
		Created: record.Created, Entry: m.Entry, Python: m.Python, Remade: m.Remade,
		Settings: Settings{
			Isolation: cmp.Or(m.Manifest.Isolation, manifest.Fresh), Timeout: manifest.Duration(l.timeout), CPU: manifest.Duration(l.cpu), Memory: manifest.Size(l.memory),
			MaxRequest: manifest.Size(l.request), MaxResponse: manifest.Size(l.response), Tmp: manifest.Size(l.temp),
			Concurrency: l.concurrency, Queue: l.queue,
		},
	}
	if m.Packages != nil {
		v.Packages = m.Packages.Names
	}
	for key := range m.Manifest.Env {
		v.Settings.Env = append(v.Settings.Env, key)
	}
	slices.Sort(v.Settings.Env)
	return v, nil
}

// notFoundError is an ErrNotFound whose text says what there is not.
type notFoundError struct{ msg string }

func (e *notFoundError) Error() string { return e.msg }
func (e *notFoundError) Unwrap() error { return ErrNotFound }

// notFound turns the store's error into the runtime's.
func notFound(err error) error {
	missing, ok := errors.AsType[*store.NotFoundError](err)
	switch {
	case errors.Is(err, store.ErrClosed):
		return ErrClosed
	case !ok:
		return err
	case missing.Version == 0:
		return &notFoundError{fmt.Sprintf("there is no function %.80q", missing.Function)}
	}
	return &notFoundError{fmt.Sprintf("%s has no version %d", missing.Function, missing.Version)}
}

func (rt *Runtime) function(f store.Function) (Function, error) {
	record, err := rt.store.Version(f.Name, f.Live)
	if err != nil {
		return Function{}, notFound(err)
	}
	live, err := rt.describe(record, f.Live)
	return Function{Name: f.Name, Live: live, Latest: f.Latest, Created: f.Created, Updated: f.Updated}, err
}

// Function describes one function. It is ErrNotFound where there is none of that name.
func (rt *Runtime) Function(name string) (Function, error) {
	f, err := rt.store.Function(name)
	if err != nil {
		return Function{}, notFound(err)
	}
	return rt.function(f)
}

// Functions describes all functions, by name.
func (rt *Runtime) Functions() ([]Function, error) {
	records, err := rt.store.Functions()
	if err != nil {
		return nil, notFound(err)
	}
	functions := make([]Function, 0, len(records))
	for _, record := range records {
		f, err := rt.function(record)
		if errors.Is(err, ErrNotFound) {
			continue // deleted since
		}
		if err != nil {
			return nil, err
		}
		functions = append(functions, f)
	}
	return functions, nil
}

// Versions describes all versions of a function, the oldest first.
func (rt *Runtime) Versions(name string) ([]Version, error) {
	f, err := rt.store.Function(name)
	if err != nil {
		return nil, notFound(err)
	}
	records, err := rt.store.Versions(name)
	if err != nil {
		return nil, notFound(err)
	}
	versions := make([]Version, len(records))
	for i, record := range records {
		if versions[i], err = rt.describe(record, f.Live); err != nil {
			return nil, err
		}
	}
	return versions, nil
}

// Rollback makes another version live: the one called number, or for 0 the newest that is older than the live one. Requests that
// run are served to their end by the version they began with.
func (rt *Runtime) Rollback(name string, number uint64) (Function, error) {
	rt.deploying.Lock()
	defer rt.deploying.Unlock()
	f, err := rt.store.Function(name)
	if err != nil {
		return Function{}, notFound(err)
	}
	if number == 0 {
		records, err := rt.store.Versions(name)
		if err != nil {
			return Function{}, notFound(err)
		}
		for _, record := range records {
			if record.Number < f.Live {
				number = record.Number
			}
		}
		if number == 0 {
			return Function{}, &notFoundError{fmt.Sprintf("%s has no version before %d, which is live", name, f.Live)}
		}
	}
	if f, err = rt.store.SetLive(name, number); err != nil {
		return Function{}, notFound(err)
	}
	rt.replace(name, nil)
	return rt.function(f)
}

// Delete removes a function with its versions, counters and log. Requests that run are served to their end.
func (rt *Runtime) Delete(name string) error {
	rt.deploying.Lock()
	defer rt.deploying.Unlock()
	if err := rt.store.Delete(name); err != nil {
		return notFound(err)
	}
	rt.stats.forget(name)
	rt.replace(name, nil)
	rt.mu.Lock()
	delete(rt.logs, name)
	rt.mu.Unlock()
	return nil
}

// replace makes v, or nothing until the next request, what serves a function.
func (rt *Runtime) replace(name string, v *version) {
	rt.mu.Lock()
	old := rt.live[name]
	delete(rt.live, name)
	switch {
	case v != nil && rt.closed: // Close has taken those that were live
		old = v
	case v != nil:
		v.stats = rt.stats.function(name)
		rt.live[name] = v
	}
	rt.mu.Unlock()
	if old != nil {
		old.retire()
	}
}

// load makes the live version of a function ready to be called.
func (rt *Runtime) load(name string) error {
	rt.deploying.Lock()
	defer rt.deploying.Unlock()
	rt.mu.RLock()
	v := rt.live[name]
	rt.mu.RUnlock()
	if v != nil {
		return nil
	}
	f, err := rt.store.Function(name)
	if err != nil {
		return notFound(err)
	}
	record, err := rt.store.Version(name, f.Live)
	if err != nil {
		return notFound(err)
	}
	v, err = rt.newVersion(name, record)
	if err != nil {
		return err
	}
	if err := rt.attach(v); err != nil {
		return err
	}
	rt.replace(name, v)
	return nil
}

// attach gives a version the engine of its kind.
func (rt *Runtime) attach(v *version) error {
	switch v.meta.Kind {
	case Python:
		v.engine = newInterpreter(rt, v)
		return nil
	case Command:
		c := newCommand(rt, v)
		v.engine = c
		return c.open()
	}
	return fmt.Errorf("version %d of %s is of the unknown kind %q: it was deployed by a newer mayfly", v.record.Number, v.function, v.meta.Kind)
}

// Stats returns what a function has done.
func (rt *Runtime) Stats(name string) (*Stats, error) {
	if _, err := rt.store.Function(name); err != nil {
		return nil, notFound(err)
	}
	return rt.stats.of(name)
}

// Log returns a function's log.
func (rt *Runtime) Log(name string) (*logs.Log, error) {
	if _, err := rt.store.Function(name); err != nil {
		return nil, notFound(err)
	}
	return rt.log(name), nil
}

// Unload drops what a cold start of that kind does not find ready, where it is not in use, so that the next request is one.
func (rt *Runtime) Unload(name string, from From) error {
	v, err := rt.enter(name)
	if err != nil {
		return err
	}
	defer rt.work.Done()
	defer v.end()
	return v.engine.makeCold(from)
}
