// Package python runs functions in a stock CPython for WASI.
//
// CPython is a WASI command that has no C API to call from outside. Boot starts it as such a command, in the function's
// environment (venv); a script loads the function, tells the host where the callable is that serves a request, and leaves by os._exit. That unwinds the
// Wasm stack and leaves memory as it was: an interpreter in the middle of a call, of which an image is taken. From then on each
// request is a call of that callable, through its type's tp_call slot, in a sandbox that stands at the image.
package python

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/tetratelabs/wazero"

	"github.com/mayfly-faas/mayfly/host/files"
	"github.com/mayfly-faas/mayfly/host/wasi"
	"github.com/mayfly-faas/mayfly/runtime/image"
	"github.com/mayfly-faas/mayfly/runtime/prepare"
)

// Where things are in a sandbox's file system.
const (
	AppDir     = "/app"           // the function's files
	TempDir    = "/tmp"           // private and empty at each request
	VenvDir    = "/venv"          // the function's environment
	sdkDir     = "/mayfly"        // the package mayfly; not under /usr, which some builds keep inside the binary
	baseLibDir = "/usr/local/lib" // where CPython for WASI looks for its standard library
	BaseBinDir = "/usr/local/bin" // home in pyvenv.cfg: the folder CPython takes its prefix from
	callDevice = "call"           // under /dev: where requests come from and responses go
	executable = VenvDir + "/bin/python3"
)

// Config is what a function's sandboxes have in common.
type Config struct {
	// Runtime has Compiled and WASI in it.
	Runtime  wazero.Runtime
	Compiled wazero.CompiledModule
	// Prepared is the module that Compiled was compiled from.
	Prepared *prepare.Module
	// App, Venv and BaseLib are the function's files, its environment, and the base's standard library where that is not inside the binary. Any
	// may be nil.
	App, Venv, BaseLib wasi.FS
	// Entry is what the manifest names ("module:name"), or "".
	Entry string
	// Env is the function's environment as KEY=value.
	Env []string
	// MemoryBytes bounds the linear memory; TempBytes bounds /tmp; ResponseBytes bounds a response.
	MemoryBytes, TempBytes, ResponseBytes int64
}

// Streams take what a sandbox prints.
type Streams struct{ Stdout, Stderr io.Writer }

// Image is a loaded function: state from which any number of sandboxes begin.
type Image struct {
	state *image.Image
	files *wasi.OpenFiles
	// Entry is what was found to serve requests, as "module:name".
	Entry string
	// Version is CPython's version, such as 3.12.0.
	Version string

	callable, args, tpCall uint32
}

// Size returns how many bytes of memory the image has.
func (i *Image) Size() int64 { return i.state.Size() }

// Close closes the files that are open in the image. No sandbox of it may be in use.
func (i *Image) Close() { i.files.Close() }

// Boot starts CPython in a new sandbox, loads the function and takes its image, at which the sandbox then stands. A function that cannot be
// loaded is a *LoadError.
func Boot(ctx context.Context, c *Config, streams Streams) (*Sandbox, *Image, error) {
	var said tail
	s, err := newSandbox(ctx, c, Streams{Stdout: streams.Stdout, Stderr: io.MultiWriter(streams.Stderr, &said)})
	if err != nil {
		return nil, nil, err
	}
	img, err := s.boot(ctx)
	if err != nil {
		s.Close()
		if load, ok := errors.AsType[*LoadError](err); ok && load.Traceback == "" {
			load.Traceback = string(said)
		}
		return nil, nil, err
	}
	s.process.SetStream(2, &files.Writer{W: streams.Stderr})
	return s, img, nil
}

// tail keeps the last of what is written to it.
type tail []byte

func (t *tail) Write(p []byte) (int, error) {
	const most = 8 << 10
	*t = append(*t, p...)
	*t = (*t)[max(0, len(*t)-most):]
	return len(p), nil
}

// maxBootAnswer bounds what boot can say: the text and traceback of an error.
const maxBootAnswer = 1 << 20

func (s *Sandbox) boot(ctx context.Context) (*Image, error) {
	code := fmt.Sprintf("import sys; sys.path[0:1] = []; sys.path.append(%q); import mayfly._boot as b; b.boot(%q)", sdkDir, s.config.Entry)
	s.process.Args = []string{executable, "-B", "-c", code}
	s.out.Reset(maxBootAnswer)
	s.process.Begin()
	disarm := s.flag.Arm(ctx)
	_, err := s.module.ExportedFunction("_start").Call(wasi.NewContext(ctx, s.process))
	disarm()
	parts := strings.Split(string(s.out.Bytes()), "\x00")
	if code, ok := wasi.IsExit(err); ok && len(parts) == 6 && parts[0] == "ready" && code == 0 {
		return s.takeImage(parts)
	}
	switch {
	case len(parts) == 4 && parts[0] == "error":
		return nil, &LoadError{Kind: parts[1], Message: parts[2], Traceback: parts[3]}
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case s.memory.Refused() > 0:
		return nil, &LoadError{Kind: "memory"}
	case err == nil:
		err = errors.New("it ended")
	}
	return nil, &LoadError{Kind: "exit", Message: fmt.Sprintf("importing the function ended CPython: %v", err)}
}

// takeImage takes the image of a booted sandbox. parts is what _boot.py told: the addresses of the callable, of the empty tuple, and
// of the callable's type.
func (s *Sandbox) takeImage(parts []string) (*Image, error) {
	img := &Image{Entry: parts[1], Version: parts[5]}
	var typ uint32
	for i, at := range []*uint32{&img.callable, &img.args, &typ} {
		v, err := strconv.ParseUint(parts[2+i], 10, 32)
		if err != nil {
			return nil, fmt.Errorf("boot told no address: %w", err)
		}
		*at = uint32(v)
	}
	var ok bool
	if img.tpCall, ok = s.module.Memory().ReadUint32Le(typ + tpCallOffset); !ok {
		return nil, fmt.Errorf("read tp_call of the type at %#x: out of range", typ)
	}
	if err := s.lookup(img); err != nil {
		return nil, err
	}
	var err error
	if img.files, err = s.process.TakeFiles(TempDir); err != nil {
		return nil, &LoadError{Kind: "load", Message: err.Error()}
	}
	if img.state, err = image.Take(s.module, s.config.Prepared.Globals); err != nil {
		return nil, err
	}
	s.temp.Clear()
	return img, nil
}
