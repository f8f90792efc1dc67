// Package image keeps and brings back the state of a sandbox: its linear memory and its mutable globals.
//
// Memory is the linear memory that a module is instantiated with; it refuses to grow past a limit and remembers that it did. An
// Image is taken of an instance at one moment and brought back into that instance, or another of the same
// module, as often as needed.
package image

import (
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero/api"

	"github.com/mayfly-faas/mayfly/runtime/prepare"
)

// ErrGrown is returned when an image cannot be brought back because the instance's memory is larger than the image's: it can grow and not
// shrink, and a guest that found its memory larger than it remembers would strand the difference each time. The instance must be remade.
var ErrGrown = errors.New("memory has grown since the image was taken")

// Image is an instance's state at one moment. It is immutable and can be used by many sandboxes at a time.
type Image struct {
	pages   []byte
	globals []uint64
}

// Take returns the state of mod, whose mutable globals are named by globals.
func Take(mod api.Module, globals []prepare.Global) (*Image, error) {
	size := mod.Memory().Size()
	live, ok := mod.Memory().Read(0, size)
	if !ok {
		return nil, fmt.Errorf("read memory of %d bytes: out of range", size)
	}
	img := &Image{pages: append([]byte(nil), live...)}
	for _, g := range globals {
		global := mod.ExportedGlobal(g.Name)
		if global == nil {
			return nil, fmt.Errorf("global %s is not exported", g.Name)
		}
		img.globals = append(img.globals, global.Get())
	}
	return img, nil
}

// Size returns how many bytes of memory the image has.
func (i *Image) Size() int64 { return int64(len(i.pages)) }

// Restore brings mod to the image: every byte of memory, every mutable global. ErrGrown says that it cannot.
func (i *Image) Restore(mod api.Module, globals []prepare.Global) error {
	mem := mod.Memory()
	if size := int64(mem.Size()); size < i.Size() {
		const page = 1 << 16
		if _, ok := mem.Grow(uint32((i.Size() - size) / page)); !ok {
			return fmt.Errorf("grow memory from %d to %d bytes: refused", size, i.Size())
		}
	} else if size > i.Size() {
		return ErrGrown
	}
	mem.Write(0, i.pages)
	for n, g := range globals {
		global, ok := mod.ExportedGlobal(g.Name).(api.MutableGlobal)
		if !ok {
			return fmt.Errorf("global %s is not exported as mutable", g.Name)
		}
		global.Set(i.globals[n])
	}
	return nil
}
