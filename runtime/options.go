package runtime

import (
	"log/slog"
	"time"

	"github.com/mayfly-faas/mayfly/pyenv/index"
	"github.com/mayfly-faas/mayfly/runtime/manifest"
)

// Options says how a Runtime is to work. The zero value has sensible defaults for all but DataDir.
type Options struct {
	// DataDir has the store, the CPython builds and the caches. Required.
	DataDir string
	// Idle is how long a function's sandboxes and modules stay in memory without a request. Default 5 minutes.
	Idle time.Duration
	// Modules and ModuleBytes bound how many compiled modules, and how many bytes of Wasm they were compiled from, are kept in
	// memory. Defaults 64 and 512 MiB. A module that is in use is never closed.
	Modules     int
	ModuleBytes int64
	// MemoryBytes bounds the linear memory of all sandboxes and the images of Python functions together, in bytes. A single sandbox that is larger is
	// allowed alone. Default 1 GiB.
	MemoryBytes int64
	// CopyImages has sandboxes brought back by copying the whole image where the kernel would tell which pages were written.
	CopyImages bool
	// ArtifactBytes bounds an artifact. Default 256 MiB.
	ArtifactBytes int64
	// Defaults are the limits of functions whose manifest does not name them.
	Defaults Limits
	// Index says where the packages come from that functions require. Folders are this machine's; a function's own requirements can name URLs only. Default: PyPI.
	Index index.Options
	// Logger takes what the runtime has to say. Default: slog.Default().
	Logger *slog.Logger
}

// Limits are what one function may use.
type Limits struct {
	// Timeout bounds the wall-clock time of a request, from when it has a sandbox. Default 30 s.
	Timeout time.Duration
	// Image bounds importing a Python function and warming it up. Default 30 s.
	Image time.Duration
	// CPU bounds the time in which a request's guest computes. Default 10 s.
	CPU time.Duration
	// PythonMemory and WasmMemory bound a sandbox's linear memory in bytes. Defaults 128 MiB and 64 MiB.
	PythonMemory, WasmMemory int64
	// RequestBytes and ResponseBytes bound the bodies. Default 6 MiB each.
	RequestBytes, ResponseBytes int64
	// TempBytes bounds what a request can keep in /tmp, which is memory too. Default 16 MiB.
	TempBytes int64
	// Concurrency bounds how many requests of a function are served at a time. Default 16.
	Concurrency int
	// Queue bounds how many more wait for a place. Default 1000.
	Queue int
}

// WithDefaults returns the options with each default written out.
func (o Options) WithDefaults() Options {
	o.Idle = or(o.Idle, 5*time.Minute)
	o.Modules = or(o.Modules, 64)
	o.ModuleBytes = or(o.ModuleBytes, 512<<20)
	o.MemoryBytes = or(o.MemoryBytes, 1<<30)
	o.ArtifactBytes = or(o.ArtifactBytes, 256<<20)
	o.Defaults.Timeout = or(o.Defaults.Timeout, 30*time.Second)
	o.Defaults.Image = or(o.Defaults.Image, 30*time.Second)
	o.Defaults.CPU = or(o.Defaults.CPU, 10*time.Second)
	o.Defaults.PythonMemory = or(o.Defaults.PythonMemory, 128<<20)
	o.Defaults.WasmMemory = or(o.Defaults.WasmMemory, 64<<20)
	o.Defaults.RequestBytes = or(o.Defaults.RequestBytes, 6<<20)
	o.Defaults.ResponseBytes = or(o.Defaults.ResponseBytes, 6<<20)
	o.Defaults.TempBytes = or(o.Defaults.TempBytes, 16<<20)
	o.Defaults.Concurrency = or(o.Defaults.Concurrency, 16)
	o.Defaults.Queue = or(o.Defaults.Queue, 1000)
	o.Logger = or(o.Logger, slog.Default())
	return o
}

// or returns v, or the default where v is zero.
func or[T comparable](v, byDefault T) T {
	var zero T
	if v == zero {
		return byDefault
	}
	return v
}

// limits are a version's limits: the manifest's, or the defaults of its kind.
type limits struct {
	timeout, cpu, image             time.Duration
	memory, request, response, temp int64
	concurrency, queue              int
}

func (l Limits) of(kind Kind, m *manifest.Manifest) limits {
	memory := l.WasmMemory
	if kind == Python {
		memory = l.PythonMemory
	}
	return limits{
		timeout:     or(time.Duration(m.Timeout), l.Timeout),
		cpu:         or(time.Duration(m.CPU), l.CPU),
		image:       or(time.Duration(m.Image.Timeout), l.Image),
		memory:      or(int64(m.Memory), memory),
		request:     or(int64(m.MaxRequest), l.RequestBytes),
		response:    or(int64(m.MaxResponse), l.ResponseBytes),
		temp:        or(int64(m.Tmp), l.TempBytes),
		concurrency: or(m.Concurrency, l.Concurrency),
		queue:       or(m.Queue, l.Queue),
	}
}
