package python

import (
	"context"
	"fmt"
	"io"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental/table"

	"github.com/mayfly-faas/mayfly/host/files"
	"github.com/mayfly-faas/mayfly/host/wasi"
	"github.com/mayfly-faas/mayfly/host/zoneinfo"
	"github.com/mayfly-faas/mayfly/runtime/call"
	"github.com/mayfly-faas/mayfly/runtime/image"
	"github.com/mayfly-faas/mayfly/runtime/interrupt"
)

// Sandbox is a CPython at the base image, or at a function's. It serves one call at a time.
type Sandbox struct {
	base     *Base
	function *Function // nil at the base
	image    *Image    // nil at the base, and until a function that is being loaded has one

	instance *image.Instance
	flag     *interrupt.Flag
	process  *wasi.Process
	tree     *files.Mounts
	temp     *files.Temp
	in       files.Input
	out      files.Output
	stdout   files.Writer
	stderr   files.Writer
	frame    []byte
	invoke   api.Function
	restored image.Restored
}

// callFile is /dev/call: requests are read from it that the mailbox has no room for, and what boot tells is written to it. It is a file with a name, and no
// descriptor of a fixed number, since builds that have files inside the binary (wasi-vfs) renumber descriptors.
type callFile struct {
	*files.Input
	out *files.Output
}

func (f callFile) WriteAt(ctx context.Context, p []byte, off int64) (int, wasi.Errno) {
	return f.out.WriteAt(ctx, p, off)
}

// newSandbox makes an instance of CPython that has not run, with as much memory reserved.
func newSandbox(ctx context.Context, b *Base, reserve int64) (*Sandbox, error) {
	c := b.config
	s := &Sandbox{base: b, tree: tree(c, &Function{Venv: c.Venv}), temp: files.NewTemp(TempDir, 0)}
	s.tree.Mount("/dev", files.Devices{More: map[string]wasi.File{callDevice: callFile{&s.in, &s.out}}})
	s.tree.Mount(TempDir, s.temp)
	var err error
	if s.process, err = wasi.NewProcess(s.tree); err != nil {
		return nil, err
	}
	s.process.SetStream(0, &files.Input{})
	s.process.SetStream(1, &s.stdout)
	s.process.SetStream(2, &s.stderr)
	s.print(noStreams)
	s.instance, err = image.NewInstance(ctx, c.Runtime, c.Compiled, c.Prepared, image.Options{Limit: bootMemory, Tracker: c.Tracker, Budget: c.Budget, Reserve: reserve})
	if err != nil {
		s.process.Close()
		return nil, fmt.Errorf("instantiate CPython: %w", err)
	}
	s.flag = interrupt.Of(s.instance.Module)
	return s, nil
}

// tree returns what a function's sandboxes see of files, but for what each has of its own.
func tree(c *Config, f *Function) *files.Mounts {
	t := files.NewMounts()
	t.Mount(sdkDir, files.NewReadOnly(SDK()))
	t.Mount(zonesDir, files.NewReadOnly(zoneinfo.FS()))
	if c.Lib != nil {
		t.Mount(baseLibDir, c.Lib)
	}
	mount(t, f)
	return t
}

// mount puts a function's files at their places; nil stands for an empty folder.
func mount(t *files.Mounts, f *Function) {
	for at, fsys := range map[string]wasi.FS{AppDir: f.App, VenvDir: f.Venv} {
		if fsys == nil {
			fsys = files.NewMounts()
		}
		t.Mount(at, fsys)
	}
}

// enter gives the sandbox a function's files, environment and limits.
func (s *Sandbox) enter(f *Function, streams Streams) {
	s.function = f
	mount(s.tree, f)
	s.temp.SetLimit(f.TempBytes)
	s.instance.Memory.SetLimit(f.MemoryBytes)
	s.process.Env = f.Env
	s.print(streams)
}

func (s *Sandbox) print(to Streams) { s.stdout.W, s.stderr.W = to.Stdout, to.Stderr }

// Enter brings a sandbox, whatever it stands at, to a function's image.
func (s *Sandbox) Enter(f *Function, img *Image, streams Streams) error {
	s.enter(f, streams)
	s.image = img
	return s.Reset()
}

// Leave brings the sandbox to the base, where it is nobody's.
func (s *Sandbox) Leave() error {
	s.enter(&Function{Venv: s.base.config.Venv, MemoryBytes: bootMemory}, noStreams)
	s.function, s.image = nil, nil
	return s.Reset()
}

var noStreams = Streams{Stdout: io.Discard, Stderr: io.Discard}

// lookup finds the function behind the tp_call slot of what serves calls.
func (s *Sandbox) lookup() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the table has no tp_call at %d: %v", s.base.tpCall, r)
		}
	}()
	i32 := []api.ValueType{api.ValueTypeI32, api.ValueTypeI32, api.ValueTypeI32}
	s.invoke = table.LookupFunction(s.instance.Module, 0, s.base.tpCall, i32, i32[:1])
	return nil
}

// Invoke serves one request. The sandbox is then dirty, and where the error is not nil it may be in any state: Reset brings it
// back. The errors are ErrResponse, ErrTooLarge, *Failure, and what wazero and package wasi end a guest with.
//
// pauser is told when the function waits in a call of the host's; nil: nobody is.
func (s *Sandbox) Invoke(ctx *interrupt.Call, pauser wasi.Pauser, r *call.Request) (*call.Response, error) {
	s.process.Pauser = pauser
	defer func() { s.process.Pauser = nil }()
	return s.call(ctx, s.base.serve, r)
}

// call calls one of the functions of sdk/mayfly/_serve.py with a request.
func (s *Sandbox) call(ctx *interrupt.Call, function uint32, r *call.Request) (*call.Response, error) {
	s.frame = appendRequest(s.frame[:0], r)
	s.instance.Memory.Begin()
	memory := s.instance.Module.Memory()
	if s.base.mailbox.put(memory, s.frame) {
		s.in.Set(nil)
	} else {
		s.in.Set(s.frame)
	}
	s.process.Begin()
	ctx.Arm(s.flag, s.process)
	result, err := s.invoke.Call(wasi.NewContext(ctx, s.process), uint64(function), uint64(s.base.args), 0)
	ctx.Disarm()
	if err != nil {
		return nil, err
	}
	answer, ok := s.base.mailbox.take(memory)
	switch {
	case result[0] == 0 || !ok:
		return nil, fmt.Errorf("%w: CPython reported an error without a frame", ErrResponse)
	case int64(len(answer)) > s.function.ResponseBytes+frameRoom:
		return nil, fmt.Errorf("%w: it is larger than %d bytes", ErrTooLarge, s.function.ResponseBytes)
	}
	return parseResponse(answer)
}

// Refused returns the largest memory size in bytes that the last call asked for and did not get, and whether that was because the memory of all
// sandboxes was used up; 0 when it got all it asked for.
func (s *Sandbox) Refused() (bytes int64, byBudget bool) { return s.instance.Memory.Refused() }

// Reserved returns how much memory the sandbox holds.
func (s *Sandbox) Reserved() int64 { return s.instance.Memory.Size() }

// Reserve implements pool.Sandbox.
func (s *Sandbox) Reserve(bytes int64) bool { return s.instance.Memory.Reserve(bytes) }

// Memory returns how much memory CPython takes its own to be: what it has after a call is the most that it had.
func (s *Sandbox) Memory() int64 { return s.instance.Size() }

// Written tells how many pages the last call has written: see image.Instance.
func (s *Sandbox) Written() (pages, hot int) { return s.instance.Written() }

// Reset brings the sandbox back to the image at which it stands: memory, globals, open files, and an empty /tmp.
func (s *Sandbox) Reset() error {
	open, state := s.base.files, s.base.state
	if s.image != nil {
		open, state = s.image.files, s.image.state
	}
	if err := s.process.Reset(open); err != nil {
		return err
	}
	s.temp.Clear()
	var err error
	s.restored, err = s.instance.Restore(state)
	return err
}

// Restored tells what the last Reset, Enter or Leave had to write back.
func (s *Sandbox) Restored() image.Restored { return s.restored }

// Close ends the sandbox and gives its memory back.
func (s *Sandbox) Close() {
	s.process.Close()
	s.instance.Close()
}
