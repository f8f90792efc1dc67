// Package python runs functions in a stock CPython for WASI.
//
// CPython is a WASI command that has no C API to call from outside. Boot starts it as such a command; a script of the package mayfly tells
// the host where the callable is that serves calls, and leaves by os._exit. That unwinds the Wasm stack and leaves memory as it was: an
// interpreter in the middle of a call, of which an image is taken, the base. From then on everything is a call of that callable, through its
// type's tp_call slot: loading a function, of which an image is taken too, as a delta to the base; and each request, in a sandbox that
// stands at the function's image.
package python

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/tetratelabs/wazero"

	"github.com/mayfly-faas/mayfly/host/wasi"
	"github.com/mayfly-faas/mayfly/runtime/image"
	"github.com/mayfly-faas/mayfly/runtime/interrupt"
	"github.com/mayfly-faas/mayfly/runtime/prepare"
)

// Where things are in a sandbox's file system.
const (
	AppDir     = "/app"           // the function's files
	TempDir    = "/tmp"           // private and empty at each request
	VenvDir    = "/venv"          // the function's environment
	sdkDir     = "/mayfly"        // the package mayfly; not under /usr, which some builds keep inside the binary
	zonesDir   = "/etc/zoneinfo"  // one of the places where CPython's zoneinfo looks; the others are under /usr
	baseLibDir = "/usr/local/lib" // where CPython for WASI looks for its standard library
	callDevice = "call"           // under /dev: where requests come from and responses go
	executable = VenvDir + "/bin/python3"
)

// Config is what all sandboxes of a build of CPython have in common.
type Config struct {
	// Runtime has Compiled and WASI in it.
	Runtime  wazero.Runtime
	Compiled wazero.CompiledModule
	// Prepared is the module that Compiled was compiled from.
	Prepared *prepare.Module
	// Venv is an environment without packages, and Lib the standard library where that is not inside the binary. Each may be nil.
	Venv, Lib wasi.FS
	// Env has the variables by which CPython is configured (PYTHON*) as KEY=value.
	Env []string
	// Watchdog ends calls whose time is up.
	Watchdog *interrupt.Watchdog
	// Tracker and Budget are those of all sandboxes, as image.Options have them.
	Tracker *image.Tracker
	Budget  image.Budget
}

// Function is what the sandboxes of a function have in common.
type Function struct {
	// App and Venv are the function's files and its environment. Each may be nil.
	App, Venv wasi.FS
	// Entry is what the manifest names ("module:name"), or "".
	Entry string
	// Env is the function's environment as KEY=value.
	Env []string
	// MemoryBytes bounds the linear memory; TempBytes bounds /tmp; ResponseBytes bounds a response.
	MemoryBytes, TempBytes, ResponseBytes int64
}

// Streams take what a sandbox prints.
type Streams struct{ Stdout, Stderr io.Writer }

// Base is a CPython that has started and loaded nothing of a function's: all sandboxes begin as copies of it. It is immutable.
type Base struct {
	// Version is CPython's version, such as 3.12.0.
	Version string

	config *Config
	state  *image.Image
	files  *wasi.OpenFiles

	serve, prepare, args, tpCall uint32 // addresses in memory, and an index into the table
	mailbox                      mailbox
}

// Image is a loaded function: state from which any number of sandboxes begin. It is immutable.
type Image struct {
	// Entry is what was found to serve requests, as "module:name".
	Entry string

	state *image.Image
	files *wasi.OpenFiles
}

// State returns the image of memory.
func (i *Image) State() *image.Image { return i.state }

// Close closes the files that are open in the image, and gives its memory back. No sandbox may stand at it.
func (i *Image) Close() {
	i.files.Close()
	i.state.Close()
}

// Close closes the base, of which there are no sandboxes and no images any more.
func (b *Base) Close() {
	b.files.Close()
	b.state.Close()
}

// State returns the image of memory.
func (b *Base) State() *image.Image { return b.state }

// bootMemory bounds the memory of a CPython that starts, in bytes.
const bootMemory = 256 << 20

// Boot starts CPython and takes its base image, at which the sandbox that it returns stands. A build that cannot be started is a *LoadError.
func Boot(ctx context.Context, c *Config) (*Base, *Sandbox, error) {
	s, err := newSandbox(ctx, &Base{config: c}, 0)
	if err != nil {
		return nil, nil, err
	}
	if err := s.boot(ctx); err != nil {
		s.Close()
		return nil, nil, err
	}
	return s.base, s, nil
}

// tail keeps the last of what is written to it.
type tail []byte

func (t *tail) Write(p []byte) (int, error) {
	const most = 8 << 10
	*t = append(*t, p...)
	*t = (*t)[max(0, len(*t)-most):]
	return len(p), nil
}

// maxBootAnswer bounds what boot can say.
const maxBootAnswer = 1 << 10

// boot runs CPython's command up to its end.
func (s *Sandbox) boot(ctx context.Context) error {
	var said tail
	s.print(Streams{Stdout: &said, Stderr: &said})
	code := fmt.Sprintf("import sys; sys.path[0:1] = []; sys.path.append(%q); import mayfly._boot as b; b.boot()", sdkDir)
	s.process.Args = []string{executable, "-B", "-u", "-c", code}
	s.process.Env = s.base.config.Env
	s.out.Reset(maxBootAnswer)
	s.instance.Memory.Begin()
	s.process.Begin()
	call := s.base.config.Watchdog.Begin(ctx, interrupt.Limits{})
	defer call.End()
	call.Arm(s.flag, s.process)
	_, err := s.instance.Module.ExportedFunction("_start").Call(wasi.NewContext(call, s.process))
	call.Disarm()
	parts := strings.Split(string(s.out.Bytes()), "\x00")
	if code, ok := wasi.IsExit(err); ok && len(parts) == 9 && parts[0] == "ready" && code == 0 {
		s.print(Streams{Stdout: io.Discard, Stderr: io.Discard})
		return s.takeBase(parts)
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err == nil:
		err = errors.New("it ended")
	}
	return &LoadError{Kind: "exit", Message: fmt.Sprintf("starting CPython failed: %v", err), Traceback: string(said)}
}

// takeBase takes the image of a booted sandbox. parts is what _boot.py told: the addresses of the functions serve and prepare, of the empty
// tuple, and of the type of functions; the mailbox; and the version.
func (s *Sandbox) takeBase(parts []string) error {
	b := s.base
	b.Version = parts[8]
	var typ uint32
	for i, at := range []*uint32{&b.serve, &b.prepare, &b.args, &typ, &b.mailbox.Frame, &b.mailbox.Room, &b.mailbox.Answer} {
		v, err := strconv.ParseUint(parts[1+i], 10, 32)
		if err != nil {
			return fmt.Errorf("boot told no address: %w", err)
		}
		*at = uint32(v)
	}
	var ok bool
	if b.tpCall, ok = s.instance.Module.Memory().ReadUint32Le(typ + tpCallOffset); !ok {
		return fmt.Errorf("read tp_call of the type at %#x: out of range", typ)
	}
	if err := b.mailbox.check(s.instance.Module.Memory()); err != nil {
		return &LoadError{Kind: "exit", Message: "this CPython cannot be called: " + err.Error()}
	}
	if err := s.lookup(); err != nil {
		return err
	}
	var err error
	if b.files, err = s.process.TakeFiles(TempDir); err != nil {
		return err
	}
	if b.state, err = s.instance.Take(); err != nil {
		return err
	}
	s.temp.Clear()
	return nil
}

// New makes a sandbox that stands at the base, with need bytes of memory reserved, and takes longer than any restore. image.ErrBudget says that there is no
// memory for it.
func (b *Base) New(ctx context.Context, need int64) (*Sandbox, error) {
	s, err := newSandbox(ctx, b, max(need, b.state.Size()))
	if err != nil {
		return nil, err
	}
	if err := s.Leave(); err != nil {
		s.Close()
		return nil, err
	}
	if err := s.lookup(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}
