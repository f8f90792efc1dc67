package python

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/mayfly-faas/mayfly/runtime/call"
	"github.com/mayfly-faas/mayfly/runtime/interrupt"
	"github.com/mayfly-faas/mayfly/runtime/prepare"
)

// CPython for WASI has 512 KiB for C's stack, which lies at the bottom of memory: what does not fit in traps. A call from Python through C to Python takes 8 KiB
// of it, and an import within an import 20 KiB. CPython would stop at some 250 such calls with a RecursionError; the stack is full at 60, or at 25 imports, which
// Django has more of. All functions could have a larger one, and each of their sandboxes would be larger by it; so those have that were seen to need it.

// deepStack is the size in bytes of the stack of functions that need a deep one. CPython stops by itself before it is full.
const deepStack = 5 << 20

// stackPointer is the global that LLVM has for C's stack: the first of a module.
const stackPointer = prepare.GlobalPrefix + "0"

// overflowed tells whether C's stack was too small, or any other address was out of memory: wazero has no other sign of it.
func overflowed(err error) bool {
	return err != nil && strings.Contains(err.Error(), "out of bounds memory access")
}

// deepen brings the sandbox, which is being loaded, back to the base and gives it a deep stack, in a bytes object that CPython keeps. The images that are taken of
// the sandbox have it too.
func (s *Sandbox) deepen(ctx *interrupt.Call) error {
	if err := s.Reset(); err != nil {
		return err
	}
	answer, err := s.call(ctx, s.base.prepare, &call.Request{Path: stackPath, Body: []byte(strconv.Itoa(deepStack))})
	if err != nil {
		return err
	}
	object, err := strconv.ParseUint(string(answer.Body), 10, 32)
	if err != nil {
		return fmt.Errorf("prepare told no address of a stack: %w", err)
	}
	const alignment = 16 // of C's stack on wasm32
	return s.instance.SetGlobal(stackPointer, (object+contentOffset+deepStack)&^(alignment-1))
}
