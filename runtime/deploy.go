package runtime

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/mayfly-faas/mayfly/host/wasi"
	"github.com/mayfly-faas/mayfly/runtime/call"
	"github.com/mayfly-faas/mayfly/runtime/manifest"
	"github.com/mayfly-faas/mayfly/runtime/prepare"
	"github.com/mayfly-faas/mayfly/runtime/python"
	"github.com/mayfly-faas/mayfly/store"
)

// Deployed tells of a deploy.
type Deployed struct {
	Function string  `json:"function"`
	Version  Version `json:"version"`
	// Phases is how long it took to load, compile and boot what was deployed.
	Phases call.Phases `json:"-"`
}

// DeployOptions say how to deploy.
type DeployOptions struct {
	// Lazy leaves loading the function, and making its image, to the first request. What is wrong with it shows only then.
	Lazy bool
}

// Deploy makes an artifact the live version of the function called name, after what it requires has been installed and it has been loaded once: what cannot be run is refused
// (ErrArtifact, ErrTooLarge, ErrNoPython) and changes nothing. Once Deploy has returned without an error, the version is on disk.
func (rt *Runtime) Deploy(name string, body io.Reader, o DeployOptions) (Deployed, error) {
	d := Deployed{Function: name}
	if !rt.hold() {
		return d, ErrClosed
	}
	defer rt.work.Done()
	if err := manifest.CheckName(name); err != nil {
		return d, &ArtifactError{Msg: err.Error()}
	}
	kept, err := rt.store.PutArtifact(body, rt.options.ArtifactBytes)
	if errors.Is(err, store.ErrTooLarge) {
		return d, &LimitError{Kind: ErrTooLarge, Limit: "an artifact", Value: manifest.Size(rt.options.ArtifactBytes).String(), Measured: "more", Setting: "--max-artifact of mayfly serve"}
	}
	if err != nil {
		return d, err
	}
	defer kept.Release()
	content, err := rt.store.ReadArtifact(kept.Digest)
	if err != nil {
		return d, err
	}
	a, err := openArtifact(content)
	if err != nil {
		return d, err
	}
	v, err := rt.candidate(name, a, kept)
	if err != nil {
		return d, err
	}
	if err := rt.installWants(v, a); err != nil {
		return d, rt.overtaken(err)
	}
	if err := rt.try(v, a, o, &d.Phases); err != nil {
		if v.engine != nil {
			v.engine.close()
		}
		return d, rt.overtaken(err)
	}
	if err := rt.goLive(v); err != nil {
		v.engine.close()
		return d, err
	}
	d.Version, err = rt.describe(v.record, v.record.Number)
	return d, err
}

// candidate makes a version of an artifact that is not yet in the store.
func (rt *Runtime) candidate(name string, a *artifact, kept *store.Artifact) (*version, error) {
	m := meta{Kind: a.kind, Manifest: *a.manifest, Wasm: a.wasmName}
	switch a.kind {
	case Command:
		sum := sha256.Sum256(a.wasm)
		m.Module = hex.EncodeToString(sum[:])
	case Python:
		base, err := rt.build("")
		if err != nil {
			return nil, err
		}
		m.Python = base.Version
	}
	text, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	return rt.newVersion(name, store.Version{Digest: kept.Digest, Size: kept.Size, Created: time.Now().UTC(), Meta: text})
}

// try loads a candidate as its first request would.
func (rt *Runtime) try(v *version, a *artifact, o DeployOptions, phases *call.Phases) error {
	if want := int64(a.manifest.Memory); want > rt.options.MemoryBytes {
		return refuse("memory = %q is more than all sandboxes together can have, %s: lower it, or raise --memory of mayfly serve", a.manifest.Memory, manifest.Size(rt.options.MemoryBytes))
	}
	if a.manifest.CPU > 0 && v.limits.cpu > v.limits.timeout {
		return refuse("cpu = %q is more than the timeout of %s, and can never be reached: lower it, or raise timeout", a.manifest.CPU, v.limits.timeout)
	}
	if a.kind == Command {
		p, err := checkCommand(a, v.limits.memory)
		if err != nil {
			return err
		}
		v.meta.Remade = p.Lasting()
	}
	if a.kind == Command && len(a.manifest.Image.Warmup) > 0 {
		return refuse("image.warmup is for Python functions: a wasm command ends with each request; leave it out")
	}
	if err := rt.attach(v); err != nil || o.Lazy {
		return err
	}
	switch e := v.engine.(type) {
	case *command:
		return e.try(phases)
	case *interpreter:
		took, err := e.load()
		*phases = took
		if load, ok := errors.AsType[*python.LoadError](err); ok {
			return refusePython(a, load)
		}
		if errors.Is(err, ErrTimeout) || errors.Is(err, ErrMemory) {
			return refuse("the function cannot be loaded: %s", err)
		}
		if err != nil {
			return err
		}
		v.meta.Entry = e.entry()
	}
	return nil
}

// refusePython says why a Python function was not loaded.
func refusePython(a *artifact, load *python.LoadError) error {
	msg := load.Error()
	if a.source != nil && load.Kind == "syntax" {
		msg += "; if this is not Python at all: " + whatWorks
	}
	return &ArtifactError{Msg: msg, Trace: load.Traceback}
}

// checkCommand says what is missing from, or too much in, a module that shall be a command.
func checkCommand(a *artifact, memory int64) (*prepare.Module, error) {
	p, err := prepare.Prepare(a.wasm, prepare.Options{})
	if err != nil {
		return nil, &ArtifactError{Msg: err.Error()}
	}
	if a.manifest.Isolation == manifest.Reuse {
		return nil, refuse("isolation = \"reuse\" is for Python functions: a wasm command's _start begins anew for every request (CGI/1.1); leave the line out")
	}
	var unknown []string
	for _, i := range p.Imports {
		if i.Kind != prepare.KindFunc || i.Module != wasi.ModuleName || !wasi.Provides(i.Name) {
			unknown = append(unknown, i.Module+" "+i.Name)
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return nil, &ArtifactError{
			Msg:     fmt.Sprintf("the module imports what nobody provides: %s; a command may import the functions of %s, so build it for wasm32-wasip1 (GOOS=wasip1 GOARCH=wasm in Go)", list(unknown), wasi.ModuleName),
			Imports: unknown,
		}
	}
	start, ok := p.Export("_start")
	if !ok || start.Kind != prepare.KindFunc {
		var names []string
		for _, e := range p.Exports {
			names = append(names, e.Name)
		}
		return nil, refuse("the module does not export _start, but %s: it is a library or a reactor; build it as a command, with a main function", list(names))
	}
	if !p.Command {
		return nil, refuse("the module's _start has parameters or results, and that of a WASI command has none: build it as a command, with a main function")
	}
	if len(p.Memories) == 0 {
		return nil, refuse("the module has no memory: build it as a WASI command")
	}
	if p.Memories[0].Shared {
		return nil, refuse("the module has a shared memory, and a sandbox has one thread: build it without threads (-pthread, wasm32-wasip1-threads)")
	}
	if p.Tables > maxTables || p.MinElements > maxElements {
		return nil, refuse("the module has %d tables that begin with %d elements, and may have %d tables with %d", p.Tables, p.MinElements, maxTables, maxElements)
	}
	if err := fitsMemory(p, memory); err != nil {
		return nil, &ArtifactError{Msg: err.Error()}
	}
	return p, nil
}

// try compiles the module, which finds what is invalid in it, links it, and initializes it.
func (c *command) try(phases *call.Phases) (err error) {
	*phases, err = c.load()
	if invalid, ok := errors.AsType[*compileError](err); ok {
		return refuse("%s", invalid.err)
	}
	if errors.Is(err, ErrFailed) || errors.Is(err, ErrMemory) || errors.Is(err, ErrTimeout) {
		return refuse("the module cannot be started: %s", err)
	}
	return err
}

// goLive writes the version to the store and lets it serve.
func (rt *Runtime) goLive(v *version) error {
	rt.deploying.Lock()
	defer rt.deploying.Unlock()
	text, err := json.Marshal(v.meta)
	if err != nil {
		return err
	}
	v.record.Meta = text
	if _, v.record, err = rt.store.AddVersion(v.function, v.record); err != nil {
		return err
	}
	rt.replace(v.function, v)
	return nil
}
