package runtime

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/mayfly-faas/mayfly/host/files"
	"github.com/mayfly-faas/mayfly/host/wasi"
	"github.com/mayfly-faas/mayfly/runtime/call"
	"github.com/mayfly-faas/mayfly/runtime/cgi"
	"github.com/mayfly-faas/mayfly/runtime/image"
	"github.com/mayfly-faas/mayfly/runtime/interrupt"
	"github.com/mayfly-faas/mayfly/runtime/manifest"
	"github.com/mayfly-faas/mayfly/runtime/pool"
	"github.com/mayfly-faas/mayfly/runtime/prepare"
)

// command serves a wasm command: each request runs _start once, in an instance that stands at the module's image.
type command struct {
	rt   *Runtime
	ver  *version
	root *os.Root // the function's files; nil where the artifact is the module alone
	app  wasi.FS  // a view of root
	holder[*loadedCommand]
}

func newCommand(rt *Runtime, v *version) *command {
	c := &command{rt: rt, ver: v}
	c.holder = holder[*loadedCommand]{rt: rt, end: c.end, dropIdle: dropIdle, open: func(ctx context.Context, took *call.Phases) (*loadedCommand, error) {
		l := &loadedCommand{command: c}
		err := c.loadInto(ctx, l, took)
		if err == nil && l.image != nil {
			rt.images.add(l, l.image.Bytes())
		}
		return l, err
	}}
	return c
}

// loadedCommand is a compiled module with its image. It owns the group's sandboxes, and is closed when the command and every request have let
// go of it.
type loadedCommand struct {
	command *command
	module  *module
	group   *pool.Group
	image   *image.Image // nil where instances cannot be brought back to one: each request has one of its own
	files   *wasi.OpenFiles
	hold
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

func (c *command) serve(ctx context.Context, t *Target, r *call.Request) (*call.Response, error) {
	l, drops, err := c.acquire(ctx, t)
	if err != nil {
		return nil, err
	}
	t.done = func() { c.release(l) }
	c.rt.images.use(l)
	s, err := c.sandbox(ctx, t, l)
	if err != nil {
		return nil, err
	}
	s.drops = drops
	t.done = func() { c.giveBack(s, l) }
	return c.run(ctx, t, s, l, r)
}

func (c *command) loadInto(ctx context.Context, l *loadedCommand, took *call.Phases) (err error) {
	if l.module, err = c.rt.modules.acquire(ctx, c.ver.meta.Module, c.loadWasm, took); err != nil {
		return err
	}
	p := l.module.prepared
	if err := fitsMemory(p, c.ver.limits.memory); err != nil {
		return err
	}
	l.group = c.rt.pool.NewGroup(int64(p.MinMemory()), 0, func(ctx context.Context, need int64) (pool.Sandbox, error) { return c.instantiate(ctx, l, need) })
	if p.Lasting() != "" {
		return nil
	}
	begin := time.Now()
	defer func() { took[call.Boot] = time.Since(begin) }()
	got, _, err := l.group.Acquire(ctx, l, 0, c.ver.limits.timeout, nil)
	if err != nil {
		return c.ver.noSandbox(err)
	}
	s := got.(*commandSandbox)
	if err := c.takeImage(ctx, s, l); err != nil {
		l.group.Discard(s)
		return err
	}
	l.group.Release(s, l)
	return nil
}

// takeImage initializes an instance and takes its image.
func (c *command) takeImage(ctx context.Context, s *commandSandbox, l *loadedCommand) (err error) {
	s.logs.begin(c.ver, "")
	defer s.logs.end()
	guest := c.ver.timed(ctx, nil)
	defer guest.End()
	s.process.SetStream(1, &files.Writer{W: s.logs.stdout})
	s.instance.Memory.Begin()
	if err := s.initialize(guest); err != nil {
		return c.ver.guestError(guest, err, s)
	}
	s.process.SetStream(1, &s.out)
	if l.files, err = s.process.TakeFiles(tempDir); err != nil {
		return &FailedError{Msg: err.Error()}
	}
	l.image, err = s.instance.Take()
	s.temp.Clear()
	return err
}

// commandSandbox is an instance of a command.
type commandSandbox struct {
	instance *image.Instance
	start    api.Function
	flag     *interrupt.Flag
	process  *wasi.Process
	temp     *files.Temp
	in       files.Input
	out      files.Output
	logs     *streams
	reset    time.Duration // how long the last reset took
	restored image.Restored
	drops    int // the loadedCommand's drops when it was acquired
}

// Close implements pool.Sandbox.
func (s *commandSandbox) Close() {
	s.process.Close()
	s.instance.Close()
}

// Reserve implements pool.Sandbox.
func (s *commandSandbox) Reserve(bytes int64) bool { return s.instance.Memory.Reserve(bytes) }

// Refused implements refuser.
func (s *commandSandbox) Refused() (bytes int64, byBudget bool) { return s.instance.Memory.Refused() }

// instantiate makes a sandbox, with need bytes of memory reserved, which stands at the image where there is one.
func (c *command) instantiate(ctx context.Context, l *loadedCommand, need int64) (*commandSandbox, error) {
	s := &commandSandbox{temp: files.NewTemp(tempDir, c.ver.limits.temp), logs: c.ver.streams()}
	tree := files.NewMounts()
	tree.Mount("/dev", files.Devices{})
	tree.Mount(tempDir, s.temp)
	if c.app != nil {
		tree.Mount(appDir, c.app)
	}
	var err error
	if s.process, err = wasi.NewProcess(tree); err != nil {
		return nil, err
	}
	s.process.SetStream(0, &s.in)
	s.process.SetStream(1, &s.out)
	s.process.SetStream(2, &files.Writer{W: s.logs.stderr})
	s.instance, err = image.NewInstance(wasi.NewContext(ctx, s.process), l.module.runtime, l.module.compiled, l.module.prepared,
		image.Options{Limit: c.ver.limits.memory, Tracker: c.rt.tracker, Budget: c.rt.pool, Reserve: need})
	if err != nil {
		s.process.Close()
		if errors.Is(err, image.ErrBudget) {
			return nil, err
		}
		return nil, &FailedError{Msg: "the module cannot be instantiated: " + err.Error()}
	}
	s.start = s.instance.Module.ExportedFunction("_start")
	s.flag = interrupt.Of(s.instance.Module)
	if l.image != nil {
		if err := s.bringBack(l); err != nil {
			s.Close()
			return nil, err
		}
	}
	return s, nil
}

// initializers are the functions that a module exports to be called once, before its image is taken: its start function, what reactors
// begin with, and what Wizer calls.
var initializers = [...]string{prepare.Start, "_initialize", "wizer-initialize", "wizer.initialize"}

// initialize runs what the module wants to be run once.
func (s *commandSandbox) initialize(ctx *interrupt.Call) error {
	for _, name := range initializers {
		if f := s.instance.Module.ExportedFunction(name); f != nil {
			if err := s.call(ctx, f); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *commandSandbox) call(ctx *interrupt.Call, function api.Function) error {
	ctx.Arm(s.flag, s.process)
	defer ctx.Disarm()
	_, err := function.Call(wasi.NewContext(ctx, s.process))
	return err
}

// bringBack brings the sandbox to the module's image.
func (s *commandSandbox) bringBack(l *loadedCommand) error {
	if err := s.process.Reset(l.files); err != nil {
		return err
	}
	s.temp.Clear()
	var err error
	s.restored, err = s.instance.Restore(l.image)
	return err
}

// sandbox returns a sandbox for a request.
func (c *command) sandbox(ctx context.Context, t *Target, l *loadedCommand) (*commandSandbox, error) {
	o, begin := &t.outcome, time.Now()
	got, source, err := l.group.Acquire(ctx, l, l.need(), c.ver.limits.timeout, &t.turn)
	if err != nil {
		return nil, c.ver.noSandbox(err)
	}
	s := got.(*commandSandbox)
	if source == pool.Warm {
		o.Phases[call.Reset] = s.reset
	} else {
		o.Cold = o.Cold || l.image != nil
		o.Phases[call.Restore] = time.Since(begin)
	}
	return s, nil
}

// giveBack brings a sandbox back after a request and keeps it for the next one. It takes over the caller's reference to l.
func (c *command) giveBack(s *commandSandbox, l *loadedCommand) {
	keep := false
	defer func() {
		if keep {
			l.group.Release(s, l)
		} else {
			l.group.Discard(s)
		}
		c.release(l)
	}()
	if l.image == nil {
		return
	}
	begin := time.Now()
	if err := s.bringBack(l); err != nil {
		c.rt.options.Logger.Error("reset sandbox", "function", c.ver.function, "error", err)
		return
	}
	s.reset = time.Since(begin)
	c.ver.stats.reset(s.reset, s.restored)
	keep = c.keeps(l, s.drops)
}

// need is how much memory a sandbox takes at the image.
func (l *loadedCommand) need() int64 {
	if l.image == nil {
		return 0
	}
	return l.image.Size()
}

// evict implements imaged.
func (l *loadedCommand) evict() { l.command.evict(l) }

// end ends what has been loaded.
func (c *command) end(l *loadedCommand) {
	c.rt.images.remove(l)
	if l.group != nil {
		l.group.Close()
	}
	if l.image != nil {
		l.image.Close()
	}
	if l.files != nil {
		l.files.Close()
	}
	if l.module != nil {
		c.rt.modules.release(l.module)
	}
}

func dropIdle(l *loadedCommand) {
	for _, s := range l.group.Drop(l) {
		l.group.Discard(s)
	}
}

// maxHeaderBytes is what a response's header may have beside the body's limit.
const maxHeaderBytes = 64 << 10

func (c *command) run(ctx context.Context, t *Target, s *commandSandbox, l *loadedCommand, r *call.Request) (*call.Response, error) {
	o := &t.outcome
	s.logs.begin(c.ver, r.ID)
	s.in.Set(r.Body)
	s.out.Reset(int(c.ver.limits.response) + maxHeaderBytes)
	s.process.Args = cgi.Args(r)
	s.process.Env = append(cgi.Env(r), c.ver.env...)
	s.instance.Memory.Begin()
	s.process.Begin()
	guest := c.ver.timed(ctx, &t.turn)
	defer guest.End()
	s.process.Pauser = &t.turn
	var err error
	if l.image == nil {
		err = s.initialize(guest)
	}
	if err == nil {
		err = s.call(guest, s.start)
	}
	s.process.Pauser = nil
	o.Phases[call.Run], o.CPU, o.Memory = guest.Elapsed(), guest.CPU(), s.instance.Size()
	if t.Measure {
		o.Pages, o.Hot = s.instance.Written()
	}
	s.logs.end()
	if code, ok := wasi.IsExit(err); ok && code == 0 {
		err = nil
	}
	if s.out.Overflowed() {
		return nil, responseTooLarge(c.ver.limits.response)
	}
	if err != nil {
		return nil, c.ver.guestError(guest, err, s)
	}
	response, err := cgi.ParseResponse(s.out.Bytes())
	if err != nil {
		return nil, &FailedError{Msg: err.Error()}
	}
	response.Body = bytes.Clone(response.Body) // the sandbox writes to what it was written to again, for another request
	if int64(len(response.Body)) > c.ver.limits.response {
		return nil, responseTooLarge(c.ver.limits.response)
	}
	return response, nil
}

// fitsMemory returns an ErrMemory for a module that begins with more memory than its limit.
func fitsMemory(p *prepare.Module, limit int64) error {
	if need := int64(p.MinMemory()); need > limit {
		return startTooLarge(need, limit)
	}
	return nil
}

func startTooLarge(need, limit int64) error {
	return &LimitError{Kind: ErrMemory, Limit: "memory", Value: manifest.Size(limit).String(), Measured: manifest.Size(need).String() + " to start", Setting: "memory in mayfly.toml"}
}

func (c *command) makeCold(from From) error {
	c.drop(from != FromImage)
	if from >= FromDisk {
		c.rt.modules.drop(c.ver.meta.Module, from == FromNothing)
	}
	return nil
}

func (c *command) close() {
	c.holder.close()
	if c.root != nil {
		_ = c.root.Close() // it was only read
	}
}
