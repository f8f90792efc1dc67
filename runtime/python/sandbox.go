package python

import (
	"context"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/experimental/table"

	"github.com/mayfly-faas/mayfly/host/files"
	"github.com/mayfly-faas/mayfly/host/wasi"
	"github.com/mayfly-faas/mayfly/runtime/call"
	"github.com/mayfly-faas/mayfly/runtime/image"
	"github.com/mayfly-faas/mayfly/runtime/interrupt"
)

// tpCallOffset is where tp_call is in CPython's PyTypeObject on wasm32.
const tpCallOffset = 64

// Sandbox is a CPython at a function's image. It serves one call at a time.
type Sandbox struct {
	config  *Config
	module  api.Module
	memory  *image.Memory
	flag    *interrupt.Flag
	process *wasi.Process
	temp    *files.Temp
	in      files.Input
	out     files.Output
	frame   []byte
	invoke  api.Function
}

// callFile is /dev/call: requests are read from it and responses written to it. It is a file with a name, and no
// descriptor of a fixed number, since builds that have files inside the binary (wasi-vfs) renumber descriptors.
type callFile struct {
	*files.Input
	out *files.Output
}

func (f callFile) WriteAt(ctx context.Context, p []byte, off int64) (int, wasi.Errno) {
	return f.out.WriteAt(ctx, p, off)
}

// New makes a sandbox that stands at img.
func New(ctx context.Context, c *Config, img *Image, streams Streams) (*Sandbox, error) {
	s, err := newSandbox(ctx, c, streams)
	if err != nil {
		return nil, err
	}
	if err := s.Reset(img); err != nil {
		s.Close()
		return nil, err
	}
	if err := s.lookup(img); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func newSandbox(ctx context.Context, c *Config, streams Streams) (*Sandbox, error) {
	if need := int64(c.Prepared.MinMemory()); need > c.MemoryBytes {
		return nil, &LoadError{Kind: "load", Message: fmt.Sprintf("CPython needs %d KiB of memory to start, and the limit is %d KiB: raise memory in mayfly.toml", need>>10, c.MemoryBytes>>10)}
	}
	s := &Sandbox{config: c, memory: image.NewMemory(c.MemoryBytes), temp: files.NewTemp(TempDir, c.TempBytes)}
	var err error
	if s.process, err = wasi.NewProcess(s.tree()); err != nil {
		return nil, err
	}
	s.process.Env = c.Env
	s.process.SetStream(0, &files.Input{})
	s.process.SetStream(1, &files.Writer{W: streams.Stdout})
	s.process.SetStream(2, &files.Writer{W: streams.Stderr})
	// Instances are anonymous, and _start is called by boot.
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions()
	s.module, err = c.Runtime.InstantiateModule(experimental.WithMemoryAllocator(ctx, s.memory), c.Compiled, config)
	if err != nil {
		s.process.Close()
		s.memory.Free() // wazero does not
		return nil, fmt.Errorf("instantiate CPython: %w", err)
	}
	s.flag = interrupt.Of(s.module)
	return s, nil
}

// tree is the sandbox's file system.
func (s *Sandbox) tree() *files.Mounts {
	m := files.NewMounts()
	m.Mount("/dev", files.Devices{More: map[string]wasi.File{callDevice: callFile{&s.in, &s.out}}})
	m.Mount(TempDir, s.temp)
	m.Mount(sdkDir, files.NewReadOnly(SDK()))
	for at, fsys := range map[string]wasi.FS{AppDir: s.config.App, VenvDir: s.config.Venv, baseLibDir: s.config.BaseLib} {
		if fsys != nil {
			m.Mount(at, fsys)
		}
	}
	return m
}

// lookup finds the function behind the tp_call slot that the image remembers.
func (s *Sandbox) lookup(img *Image) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the table has no tp_call at %d: %v", img.tpCall, r)
		}
	}()
	i32 := []api.ValueType{api.ValueTypeI32, api.ValueTypeI32, api.ValueTypeI32}
	s.invoke = table.LookupFunction(s.module, 0, img.tpCall, i32, i32[:1])
	return nil
}

// Invoke serves one request. The sandbox is then dirty, and where the error is not nil it may be in any state: Reset brings it
// back. The errors are ErrResponse, *Failure, and what wazero and package wasi end a guest with.
func (s *Sandbox) Invoke(ctx context.Context, img *Image, r *call.Request) (*call.Response, error) {
	s.frame = appendRequest(s.frame[:0], r)
	s.in.Set(s.frame)
	s.out.Reset(int(s.config.ResponseBytes) + frameRoom)
	s.memory.ClearRefused()
	s.process.Begin()
	disarm := s.flag.Arm(ctx)
	result, err := s.invoke.Call(wasi.NewContext(ctx, s.process), uint64(img.callable), uint64(img.args), 0)
	disarm()
	switch {
	case s.out.Overflowed():
		return nil, fmt.Errorf("%w: it is larger than %d bytes", ErrTooLarge, s.config.ResponseBytes)
	case err != nil:
		return nil, err
	case result[0] == 0:
		return nil, fmt.Errorf("%w: CPython reported an error without a frame", ErrResponse)
	}
	return parseResponse(s.out.Bytes())
}

// Refused returns the largest memory size in bytes that the last call asked for and did not get; 0 when it got all it asked for.
func (s *Sandbox) Refused() int64 { return s.memory.Refused() }

// Reset brings the sandbox back to img: memory, globals, open files, and an empty /tmp. image.ErrGrown says that it must be remade.
func (s *Sandbox) Reset(img *Image) error {
	if err := s.process.Reset(img.files); err != nil {
		return err
	}
	s.temp.Clear()
	return img.state.Restore(s.module, s.config.Prepared.Globals)
}

// Close ends the sandbox and gives its memory back.
func (s *Sandbox) Close() {
	s.process.Close()
	if s.module != nil {
		_ = s.module.Close(context.Background()) // it has no resources of the system's to fail on
	}
}
