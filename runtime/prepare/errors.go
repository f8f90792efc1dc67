package prepare

import (
	"bytes"
	"errors"
	"fmt"
)

var (
	// ErrNotWasm: the input does not begin as WebAssembly does.
	ErrNotWasm = errors.New("this is not WebAssembly: it does not begin with \\0asm")
	// ErrComponent: the input is a component. Only core modules can be run.
	ErrComponent = errors.New("this is a WebAssembly component, and only core modules can be run: build it for wasm32-wasip1 instead of wasip2, or take the core module out of it with wasm-tools component unbundle")
	// ErrVersion: the input is of another version than 1.
	ErrVersion = errors.New("this is WebAssembly of an unknown version: only version 1 can be run")
	// ErrTruncated: the input ends before the module does. It is what a FormatError unwraps to then.
	ErrTruncated = errors.New("the file is cut off")
)

// FormatError is a malformed module.
type FormatError struct {
	// Offset is the place in the input, in bytes.
	Offset int
	// Section is what was being read, such as "export section".
	Section string
	// Msg says what is wrong.
	Msg string
	// Err is ErrTruncated, or nil.
	Err error
}

// Error implements error.
func (e *FormatError) Error() string {
	msg := fmt.Sprintf("malformed WebAssembly at offset %#x, in the %s: %s", e.Offset, e.Section, e.Msg)
	if e.Err != nil {
		msg += ": " + e.Err.Error()
	}
	return msg
}

// Unwrap returns ErrTruncated where the input ended early, nil otherwise.
func (e *FormatError) Unwrap() error { return e.Err }

const headerSize = 8

// checkHeader tells what the input is by its first eight bytes: magic, version, layer
// (https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md#component-definitions).
func checkHeader(wasm []byte) error {
	const magic = "\x00asm"
	switch {
	case len(wasm) == 0 || !bytes.HasPrefix(wasm, []byte(magic[:min(len(wasm), len(magic))])):
		return ErrNotWasm
	case len(wasm) < headerSize:
		return &FormatError{Offset: len(wasm), Section: "header", Msg: fmt.Sprintf("it has %d bytes, and there are %d", headerSize, len(wasm)), Err: ErrTruncated}
	case wasm[4] == 1 && wasm[5] == 0 && wasm[6] == 0 && wasm[7] == 0:
		return nil
	case wasm[6] == 1 && wasm[7] == 0:
		return ErrComponent
	}
	return ErrVersion
}
