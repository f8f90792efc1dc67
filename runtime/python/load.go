package python

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/mayfly-faas/mayfly/host/wasi"
	"github.com/mayfly-faas/mayfly/runtime/call"
	"github.com/mayfly-faas/mayfly/runtime/interrupt"
)

// What prepare does, by a request's path. See sdk/mayfly/_serve.py.
const (
	loadPath   = "load"
	stackPath  = "stack"
	settlePath = "settle"
)

// Load loads a function into a sandbox that stands at the base. What it prints goes to streams. The error is a *LoadError where it is for the
// function's author; the sandbox is good for nothing then but Leave.
//
// Requests can be served after it, and are remembered by the image that Take takes: they warm the function up.
func (s *Sandbox) Load(ctx *interrupt.Call, f *Function, streams Streams) (entry string, err error) {
	if need := s.base.state.Size(); need > f.MemoryBytes {
		return "", &LoadError{Kind: "load", Message: fmt.Sprintf("CPython needs %d KiB of memory to start, and the limit is %d KiB: raise memory in mayfly.toml", need>>10, f.MemoryBytes>>10)}
	}
	var said tail
	s.enter(f, Streams{Stdout: streams.Stdout, Stderr: io.MultiWriter(streams.Stderr, &said)})
	r := &call.Request{Path: loadPath, Body: []byte(f.Entry)}
	for _, variable := range f.Env {
		key, value, _ := strings.Cut(variable, "=")
		r.Header = append(r.Header, call.Field{Name: key, Value: value})
	}
	answer, err := s.call(ctx, s.base.prepare, r)
	if overflowed(err) {
		said = nil
		if err = s.deepen(ctx); err == nil {
			answer, err = s.call(ctx, s.base.prepare, r)
		}
	}
	if err != nil {
		return "", s.loadError(ctx, err, said)
	}
	s.print(streams)
	return string(answer.Body), nil
}

// loadError says why a function was not loaded.
func (s *Sandbox) loadError(ctx *interrupt.Call, err error, said tail) error {
	failure, failed := errors.AsType[*Failure](err)
	refused, byBudget := s.Refused()
	switch {
	case failed && failure.Kind != "memory":
		return &LoadError{Kind: failure.Kind, Message: failure.Message, Traceback: failure.Traceback}
	case ctx.Err() != nil:
		return ctx.Err()
	case byBudget:
		return &LoadError{Kind: "load", Message: "importing the function needed more memory than --memory of mayfly serve leaves", Traceback: string(said)}
	case failed || refused > 0:
		return &LoadError{Kind: "memory", Traceback: string(said)}
	}
	if code, ok := wasi.IsExit(err); ok {
		return &LoadError{Kind: "exit", Message: fmt.Sprintf("importing the function ended CPython with exit code %d", code), Traceback: string(said)}
	}
	trap, trace, _ := strings.Cut(err.Error(), "\n")
	return &LoadError{Kind: "exit", Message: "importing the function ended CPython: " + trap, Traceback: string(said) + trace}
}

// Take takes the image of a function that was loaded. The sandbox stands at it.
func (s *Sandbox) Take(ctx *interrupt.Call, entry string) (*Image, error) {
	if _, err := s.call(ctx, s.base.prepare, &call.Request{Path: settlePath}); err != nil {
		return nil, s.loadError(ctx, err, nil)
	}
	img := &Image{Entry: entry}
	var err error
	if img.files, err = s.process.TakeFiles(TempDir); err != nil {
		return nil, &LoadError{Kind: "load", Message: err.Error()}
	}
	if img.state, err = s.instance.Take(); err != nil {
		img.files.Close()
		return nil, err
	}
	s.image = img
	return img, s.Reset()
}
