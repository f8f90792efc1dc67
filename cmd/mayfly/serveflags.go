package main

import (
	"log/slog"
	"net"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mayfly-faas/mayfly/gateway"
	"github.com/mayfly-faas/mayfly/pyenv/index"
	"github.com/mayfly-faas/mayfly/runtime"
	"github.com/mayfly-faas/mayfly/runtime/manifest"
)

// serveOptions are the flags of mayfly serve.
type serveOptions struct {
	listen, dataDir       string
	idle, grace           time.Duration
	adminToken, tokenFile string
	hosts                 []string
	debug                 bool
	debugAddr             string
	memory                sizeFlag
	copyImages            bool
	logFormat             string
	maxArtifact           sizeFlag
	modules, maxRequests  int
	moduleBytes           sizeFlag
	limits                limitFlags
	indexes               indexFlags
}

// indexFlags say where the packages come from that Python functions require. They are named as pip has them.
type indexFlags struct {
	url             string
	more, findLinks []string
	none            bool
}

func (f indexFlags) options() index.Options {
	return index.Options{Indexes: append([]string{f.url}, f.more...), FindLinks: f.findLinks, NoIndex: f.none}
}

// limitFlags are the limits of functions that do not name their own.
type limitFlags struct {
	timeout, cpu             time.Duration
	concurrency, queue       int
	request, response, temp  sizeFlag
	pythonMemory, wasmMemory sizeFlag
}

// newServeOptions returns the server's own defaults.
func newServeOptions() *serveOptions {
	d := runtime.Options{}.WithDefaults()
	l := d.Defaults
	return &serveOptions{
		idle: d.Idle, modules: d.Modules, moduleBytes: sizeFlag(d.ModuleBytes), memory: sizeFlag(d.MemoryBytes), maxArtifact: sizeFlag(d.ArtifactBytes),
		maxRequests: gateway.DefaultMaxRequests, grace: defaultGrace,
		limits: limitFlags{
			timeout: l.Timeout, cpu: l.CPU, concurrency: l.Concurrency, queue: l.Queue, request: sizeFlag(l.RequestBytes), response: sizeFlag(l.ResponseBytes),
			temp: sizeFlag(l.TempBytes), pythonMemory: sizeFlag(l.PythonMemory), wasmMemory: sizeFlag(l.WasmMemory),
		},
	}
}

func (o *serveOptions) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.listen, "listen", "127.0.0.1:8080", "the `address` to listen on; port 0 takes a free one")
	f.StringVar(&o.dataDir, "data-dir", defaultDataDir, "the `folder` that has everything the server keeps")
	f.DurationVar(&o.idle, "idle", o.idle, "how long a function stays in memory without a request")
	f.DurationVar(&o.grace, "grace", o.grace, "how long running requests may take to finish when the server stops")
	f.StringVar(&o.adminToken, "admin-token", "", "the `token` that the management API asks for (better: MAYFLY_ADMIN_TOKEN or a file, which other users cannot see)")
	f.StringVar(&o.tokenFile, "admin-token-file", "", "the `file` that has the token; made where it is not there")
	f.StringArrayVar(&o.hosts, "host", nil, "a further `name` by which the management API is reached; may be repeated")
	f.BoolVar(&o.debug, "debug", false, "send the tracebacks of functions to their callers")
	f.StringVar(&o.debugAddr, "debug-addr", "", "an `address` for Go's pprof and trace tools, such as :6060; without a host it is this machine's own")
	f.StringVar(&o.logFormat, "log-format", "text", "the `form` of the server's log: text or json")
	f.Var(&o.memory, "memory", "the memory of all sandboxes together")
	f.BoolVar(&o.copyImages, "copy-images", false, "reset sandboxes by copying all of their memory, where the kernel would tell what was written")
	f.Var(&o.maxArtifact, "max-artifact", "the largest artifact that can be deployed")
	f.IntVar(&o.modules, "modules", o.modules, "how many compiled modules are kept in memory")
	f.Var(&o.moduleBytes, "module-bytes", "how much Wasm they may have been compiled from")
	f.IntVar(&o.maxRequests, "max-requests", o.maxRequests, "how many calls of functions are in the server at a time, waiting ones too")
	f.DurationVar(&o.limits.timeout, "timeout", o.limits.timeout, "how long a request may take, where mayfly.toml does not say")
	f.DurationVar(&o.limits.cpu, "cpu", o.limits.cpu, "for how long of it a request may compute, likewise")
	f.IntVar(&o.limits.concurrency, "concurrency", o.limits.concurrency, "how many requests of a function are served at a time, likewise")
	f.IntVar(&o.limits.queue, "queue", o.limits.queue, "how many more of them may wait, likewise")
	f.Var(&o.limits.request, "max-request", "the largest body of a request, likewise")
	f.Var(&o.limits.response, "max-response", "the largest body of a response, likewise")
	f.Var(&o.limits.temp, "tmp", "how much a request may keep in /tmp, likewise")
	f.Var(&o.limits.pythonMemory, "python-memory", "the memory of a Python function, likewise")
	f.Var(&o.limits.wasmMemory, "wasm-memory", "the memory of a wasm command, likewise")
	f.StringVar(&o.indexes.url, "index-url", index.PyPI, "the `URL` of the package index that the requirements of Python functions are installed from")
	f.StringArrayVar(&o.indexes.more, "extra-index-url", nil, "the `URL` of a further index; may be repeated")
	f.StringArrayVar(&o.indexes.findLinks, "find-links", nil, "a `folder` of wheels, or the URL of a page that links to some; may be repeated")
	f.BoolVar(&o.indexes.none, "no-index", false, "take packages from --find-links only")
}

// check returns an error for a flag that has no sensible value: zero is one to the flag's package only.
func (o *serveOptions) check(cmd *cobra.Command) error {
	if o.logFormat != "text" && o.logFormat != "json" {
		return usage(cmd, "--log-format is %.40q: it must be text or json", o.logFormat)
	}
	if o.dataDir == "" {
		return usage(cmd, "--data-dir is empty")
	}
	if !isAddress(o.listen) {
		return usage(cmd, "--listen is %.80q: it must be a host and a port, such as 127.0.0.1:8080, or for all addresses of this machine a port such as :8080", o.listen)
	}
	if o.debugAddr != "" && !isAddress(o.debugAddr) {
		return usage(cmd, "--debug-addr is %.80q: it must be a port such as :6060, or a host and a port, such as 127.0.0.1:6060", o.debugAddr)
	}
	var err error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		number := f.Value.Type() == "int" || f.Value.Type() == "duration"
		if number && f.Name != "grace" && (f.Value.String()[0] == '-' || f.Value.String()[0] == '0') || f.Name == "grace" && o.grace < 0 {
			err = usage(cmd, "--%s is %s: it must be more than 0", f.Name, f.Value)
		}
	})
	if err == nil && cmd.Flags().Changed("admin-token") {
		err = checkToken(o.adminToken)
	}
	return err
}

// isAddress reports whether text is an address to listen on: whether this machine has it shows when it is listened on.
func isAddress(text string) bool {
	_, port, err := net.SplitHostPort(text)
	if err != nil || port == "" {
		return false
	}
	_, err = net.LookupPort("tcp", port) // a number that there is, or the name of a service
	return err == nil
}

func (o *serveOptions) runtime(logger *slog.Logger) runtime.Options {
	l := o.limits
	return runtime.Options{
		DataDir: o.dataDir, Idle: o.idle, Modules: o.modules, ModuleBytes: int64(o.moduleBytes), MemoryBytes: int64(o.memory), CopyImages: o.copyImages, ArtifactBytes: int64(o.maxArtifact), Logger: logger,
		Index: o.indexes.options(),
		Defaults: runtime.Limits{
			Timeout: l.timeout, CPU: l.cpu, PythonMemory: int64(l.pythonMemory), WasmMemory: int64(l.wasmMemory), RequestBytes: int64(l.request),
			ResponseBytes: int64(l.response), TempBytes: int64(l.temp), Concurrency: l.concurrency, Queue: l.queue,
		},
	}
}

// sizeFlag is a number of bytes as a flag. It implements pflag.Value.
type sizeFlag manifest.Size

func (s *sizeFlag) String() string { return manifest.Size(*s).String() }
func (s *sizeFlag) Type() string   { return "size" }

func (s *sizeFlag) Set(text string) error { return (*manifest.Size)(s).UnmarshalText([]byte(text)) }
