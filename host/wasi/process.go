package wasi

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/tetratelabs/wazero/api"
)

// Process is what a guest takes for its operating system process: arguments, environment, open files, clocks. It is
// used by one call at a time.
type Process struct {
	// Args are the arguments, the program's name first. They hold no NUL.
	Args []string
	// Env has the environment as KEY=value. It holds no NUL.
	Env []string
	// Pauser is told when the guest waits in a call; nil: nobody is.
	Pauser Pauser

	root    FS
	own     map[int]File // what the process itself opened, by the number it had at first
	open    []*descriptor
	stands  *OpenFiles    // what the last Reset was to
	kept    []*descriptor // the descriptors of stands, by number, which a Reset puts back
	was     []descriptor  // and what they were
	started time.Time
	waited  atomic.Int64 // nanoseconds
	waiting atomic.Int64 // since when, in nanoseconds after started; 0: it does not wait
}

// Pauser is told when a guest begins to wait, and lets it go on after that.
type Pauser interface {
	Pause()
	// Resume returns when the guest can go on, or ctx's error.
	Resume(ctx context.Context) error
}

// NewProcess returns a process whose file system is root. Its standard streams are closed until SetStream opens them; descriptor 3 is
// the preopened directory "/".
func NewProcess(root FS) (*Process, error) {
	p := &Process{root: root, own: map[int]File{}, started: time.Now()}
	dir, errno := root.Open(".", OpenFlags{Read: true, Directory: true})
	if errno != 0 {
		return nil, fmt.Errorf("open root directory: %w", errno)
	}
	p.openOwn(rootFD, &descriptor{file: dir, path: "/", kind: Directory, read: true, preopen: true})
	return p, nil
}

// SetStream puts f, a stream, at descriptor fd, in place of what was open there. It is for the standard streams and for what
// a sandbox has beside them at a fixed number.
func (p *Process) SetStream(fd int, f File) {
	st, _ := f.Stat() // a stream is Unknown, or the CharacterDevice that a terminal is
	p.openOwn(fd, &descriptor{file: f, kind: st.Type, read: true, write: true})
}

// Begin starts the clocks by which CPU time is told: the guest begins to run for a new request.
func (p *Process) Begin() {
	p.started = time.Now()
	p.waited.Store(0)
}

// Waited returns for how long the guest has waited in calls since Begin. It may be called while the guest runs.
func (p *Process) Waited() time.Duration {
	waited := time.Duration(p.waited.Load())
	if since := p.waiting.Load(); since != 0 {
		waited += max(0, time.Since(p.started)-time.Duration(since))
	}
	return waited
}

// Exit is the end of a guest by proc_exit. It arrives as the error of the call into the guest (errors.As), whose
// instance stays open.
type Exit struct {
	// Code is the exit code; 0 is success.
	Code uint32
}

// Error implements error.
func (e *Exit) Error() string { return fmt.Sprintf("exit code %d", e.Code) }

// Interrupted is the end of a guest that waited, or had much to do, in a call when its context ended. It arrives as the error of the call into
// the guest and unwraps to the context's error.
type Interrupted struct{ cause error }

// Error implements error.
func (e *Interrupted) Error() string { return "interrupted in a call: " + e.cause.Error() }

// Unwrap returns the context's error.
func (e *Interrupted) Unwrap() error { return e.cause }

// IsExit reports whether err ends in an Exit, and with which code.
func IsExit(err error) (code uint32, ok bool) {
	if exit, ok := errors.AsType[*Exit](err); ok {
		return exit.Code, true
	}
	return 0, false
}

// procExit unwinds the guest by a panic that wazero hands on as the call's error.
func procExit(_ context.Context, _ api.Module, stack []uint64) {
	panic(&Exit{Code: uint32(stack[0])})
}

func procRaise(context.Context, *Process, memory, []uint64) Errno { return ENOSYS }

func schedYield(context.Context, *Process, memory, []uint64) Errno {
	runtime.Gosched()
	return 0
}

func argsGet(_ context.Context, p *Process, m memory, a []uint64) Errno {
	return m.putStrings(a[0], a[1], p.Args)
}

func argsSizesGet(_ context.Context, p *Process, m memory, a []uint64) Errno {
	return m.putStringSizes(a[0], a[1], p.Args)
}

func environGet(_ context.Context, p *Process, m memory, a []uint64) Errno {
	return m.putStrings(a[0], a[1], p.Env)
}

func environSizesGet(_ context.Context, p *Process, m memory, a []uint64) Errno {
	return m.putStringSizes(a[0], a[1], p.Env)
}

func randomGet(ctx context.Context, _ *Process, m memory, a []uint64) Errno {
	b, errno := m.bytes(a[0], a[1])
	if errno != 0 {
		return errno
	}
	for part := range slices.Chunk(b, longCall) {
		endIfOver(ctx, len(part))
		// crypto/rand.Read never fails: it ends the program where the system has no randomness.
		_, _ = rand.Read(part)
	}
	return 0
}

// A call that has more than shortCall bytes to work on looks whether the guest's time is up, which costs as much as they do, and again after each longCall of them. A
// guest's own checks let it make many calls in between.
const (
	shortCall = 2 << 10
	longCall  = 256 << 10
)

// endIfOver ends the guest where its context has ended, in a call that has so many bytes to work on.
func endIfOver(ctx context.Context, bytes int) {
	if bytes > shortCall {
		if err := ctx.Err(); err != nil {
			panic(&Interrupted{err})
		}
	}
}

// sockUnsupported answers for sockets: no descriptor of a sandbox is one.
func sockUnsupported(_ context.Context, p *Process, _ memory, a []uint64) Errno {
	if _, errno := p.descriptor(a[0]); errno != 0 {
		return errno
	}
	return ENOTSOCK
}
