package runtime

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/mayfly-faas/mayfly/host/files"
	"github.com/mayfly-faas/mayfly/host/wasi"
	"github.com/mayfly-faas/mayfly/runtime/call"
	"github.com/mayfly-faas/mayfly/runtime/cgi"
	"github.com/mayfly-faas/mayfly/runtime/image"
	"github.com/mayfly-faas/mayfly/runtime/interrupt"
	"github.com/mayfly-faas/mayfly/runtime/manifest"
	"github.com/mayfly-faas/mayfly/runtime/prepare"
)

// command serves a wasm command: each request instantiates the compiled module, and runs _start once.
type command struct {
	rt   *Runtime
	ver  *version
	root *os.Root // the function's files; nil where the artifact is the module alone
	app  wasi.FS  // a view of root
}

// open opens the function's files.
func (c *command) open() error {
	if c.ver.meta.Wasm == "" {
		return nil
	}
	var err error
	if c.root, err = c.rt.openFiles(c.ver.record.Digest); err != nil {
		return err
	}
	c.app = files.NewReadOnly(c.root.FS())
	return nil
}

// loadWasm reads the module's bytes.
func (c *command) loadWasm() ([]byte, error) {
	if c.ver.meta.Wasm == "" {
		return c.rt.store.ReadArtifact(c.ver.record.Digest)
	}
	return c.root.ReadFile(filepath.FromSlash(c.ver.meta.Wasm))
}

func (c *command) serve(ctx context.Context, r *call.Request, o *Outcome) (*call.Response, func(), error) {
	mod, err := c.rt.modules.acquire(ctx, c.ver.meta.Module, c.loadWasm, &o.Phases)
	if err != nil {
		return nil, nil, err
	}
	o.Cold = o.Phases.Compile > 0
	s, err := c.sandbox(ctx, mod, r, o)
	if err != nil {
		c.rt.modules.release(mod)
		return nil, nil, err
	}
	done := func() {
		s.close()
		c.rt.modules.release(mod)
	}
	response, err := c.run(ctx, s, o)
	return response, done, err
}

// commandSandbox is one instance of a command, for one request.
type commandSandbox struct {
	module  api.Module
	flag    *interrupt.Flag
	memory  *image.Memory
	process *wasi.Process
	out     files.Output
	logs    *streams
}

func (s *commandSandbox) close() {
	s.process.Close()
	_ = s.module.Close(context.Background()) // it has no resources of the system's to fail on
}

func (c *command) sandbox(ctx context.Context, mod *module, r *call.Request, o *Outcome) (*commandSandbox, error) {
	begin := time.Now()
	defer func() { o.Phases.Restore = time.Since(begin) }()
	temp := files.NewTemp(tempDir, c.ver.limits.temp)
	tree := files.NewMounts()
	tree.Mount("/dev", files.Devices{})
	tree.Mount(tempDir, temp)
	if c.app != nil {
		tree.Mount(appDir, c.app)
	}
	if err := fitsMemory(mod.prepared, c.ver.limits.memory); err != nil {
		return nil, err
	}
	s := &commandSandbox{memory: image.NewMemory(c.ver.limits.memory), logs: c.ver.streams()}
	s.logs.begin(c.ver, r.ID)
	var err error
	if s.process, err = wasi.NewProcess(tree); err != nil {
		return nil, err
	}
	in := &files.Input{}
	in.Set(r.Body)
	s.out.Reset(int(c.ver.limits.response) + maxHeaderBytes)
	s.process.SetStream(0, in)
	s.process.SetStream(1, &s.out)
	s.process.SetStream(2, &files.Writer{W: s.logs.stderr})
	s.process.Args = cgi.Args(r)
	s.process.Env = append(cgi.Env(r), c.ver.env()...)
	s.module, err = c.rt.wazero.InstantiateModule(experimental.WithMemoryAllocator(wasi.NewContext(ctx, s.process), s.memory), mod.compiled, anonymous())
	if err != nil {
		s.process.Close()
		s.memory.Free() // wazero does not
		return nil, &FailedError{Msg: "the module cannot be instantiated: " + err.Error()}
	}
	s.flag = interrupt.Of(s.module)
	return s, nil
}

// start runs the module's start function, where it has one.
func (s *commandSandbox) start(ctx context.Context) error {
	if s.module.ExportedFunction(prepare.Start) == nil {
		return nil
	}
	return s.call(ctx, prepare.Start)
}

func (s *commandSandbox) call(ctx context.Context, function string) error {
	defer s.flag.Arm(ctx)()
	_, err := s.module.ExportedFunction(function).Call(wasi.NewContext(ctx, s.process))
	return err
}

// anonymous configures an instance of which there can be many, and whose _start is called later.
func anonymous() wazero.ModuleConfig {
	return wazero.NewModuleConfig().WithName("").WithStartFunctions()
}

// maxHeaderBytes is what a response's header may have beside the body's limit.
const maxHeaderBytes = 64 << 10

func (c *command) run(ctx context.Context, s *commandSandbox, o *Outcome) (*call.Response, error) {
	ctx, cancel := c.ver.timed(ctx)
	defer cancel()
	begin := time.Now()
	s.process.Begin()
	err := s.start(ctx)
	if err == nil {
		err = s.call(ctx, "_start")
	}
	o.Phases.Run = time.Since(begin)
	s.logs.end()
	if code, ok := wasi.IsExit(err); ok && code == 0 {
		err = nil
	}
	if s.out.Overflowed() {
		return nil, responseTooLarge(c.ver.limits.response)
	}
	if err != nil {
		return nil, guestError(ctx, err, s.memory.Refused(), c.ver)
	}
	response, err := cgi.ParseResponse(s.out.Bytes())
	if err != nil {
		return nil, &FailedError{Msg: err.Error()}
	}
	if int64(len(response.Body)) > c.ver.limits.response {
		return nil, responseTooLarge(c.ver.limits.response)
	}
	return response, nil
}

// fitsMemory returns an ErrMemory for a module that begins with more memory than its limit.
func fitsMemory(p *prepare.Module, limit int64) error {
	if need := int64(p.MinMemory()); need > limit {
		return &LimitError{Kind: ErrMemory, Limit: "memory", Value: manifest.Size(limit).String(), Measured: manifest.Size(need).String() + " to start", Setting: "memory in mayfly.toml"}
	}
	return nil
}

func (c *command) drop(from From) {
	if from >= FromDisk {
		c.rt.modules.drop(c.ver.meta.Module)
	}
}

func (c *command) close() {
	if c.root != nil {
		_ = c.root.Close() // it was only read
	}
}
