package image

import (
	"context"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/mayfly-faas/mayfly/runtime/prepare"
)

const wasmPage = 1 << 16

// ErrLasting is returned for an instance that has state beside its memory and globals: see prepare.Module.Lasting.
var ErrLasting = errors.New("the instance has state that an image cannot hold")

// ErrBudget is returned for an instance that the Budget has no memory for.
var ErrBudget = errors.New("the memory of all sandboxes is used up")

// Instance is an instance of a prepared module over a Memory. It is used by one goroutine at a time.
type Instance struct {
	Module api.Module
	Memory *Memory

	prepared *prepare.Module
	globals  []api.MutableGlobal
	size     api.MutableGlobal // what the guest takes for the size of its memory, in Wasm pages; nil where it is the true one
}

// NewInstance instantiates a module that was prepared with checks, growth and data, and writes its data segments. Its start function has
// not run: see prepare.Start. The context has to have what the module's imports need. ErrBudget says that there is no memory for it.
func NewInstance(ctx context.Context, rt wazero.Runtime, compiled wazero.CompiledModule, prepared *prepare.Module, o Options) (*Instance, error) {
	need := prepared.MinMemory()
	if need > uint64(o.Limit) {
		return nil, fmt.Errorf("the module begins with %d bytes of memory, and its limit is %d", need, o.Limit)
	}
	i := &Instance{Memory: NewMemory(o), prepared: prepared}
	if !i.Memory.pay(max(need, uint64(o.Reserve))) {
		return nil, ErrBudget
	}
	// Instances are anonymous, since there can be many, and what they export is called later.
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions()
	var err error
	if i.Module, err = rt.InstantiateModule(experimental.WithMemoryAllocator(ctx, i.Memory), compiled, config); err != nil {
		i.Memory.Free() // wazero does not
		return nil, err
	}
	if err := i.link(); err != nil {
		i.Close()
		return nil, err
	}
	return i, nil
}

func (i *Instance) link() error {
	for _, g := range i.prepared.Globals {
		global, ok := i.Module.ExportedGlobal(g.Name).(api.MutableGlobal)
		if !ok {
			return fmt.Errorf("global %s is not exported as mutable", g.Name)
		}
		i.globals = append(i.globals, global)
		if g.Name == i.prepared.Size {
			i.size = global
		}
	}
	i.Memory.touched = true
	for n, d := range i.prepared.Data {
		if !i.Module.Memory().Write(d.Offset, d.Bytes) {
			return fmt.Errorf("data segment %d is out of bounds of the memory", n)
		}
	}
	return nil
}

// Close ends the instance and gives its memory back.
func (i *Instance) Close() {
	_ = i.Module.Close(context.Background()) // it has no resources of the system's to fail on
}

// Size returns how large the guest takes its memory to be, in bytes.
func (i *Instance) Size() int64 {
	if i.size != nil {
		return int64(uint32(i.size.Get())) * wasmPage
	}
	return i.Memory.Size()
}

// SetGlobal sets one of the mutable globals that prepare has exported. Images that are taken have what it is set to.
func (i *Instance) SetGlobal(name string, value uint64) error {
	for n, g := range i.prepared.Globals {
		if g.Name == name {
			i.globals[n].Set(value)
			return nil
		}
	}
	return fmt.Errorf("the module has no mutable global %s", name)
}

// Written returns how many pages the guest has written since the last restore, as far as is known: hot ones count in any case. Hot is how
// many are hot.
func (i *Instance) Written() (pages, hot int) {
	m := i.Memory
	if m.at == nil {
		return 0, 0
	}
	return m.written(), m.at.Hot()
}

// Take returns the image of the instance, at which it then stands: a whole one of an instance that stood at none, otherwise a
// delta to the image at which it stood or to that one's base.
func (i *Instance) Take() (*Image, error) {
	if i.prepared.Lasting() != "" {
		return nil, ErrLasting
	}
	globals := make([]uint64, len(i.globals))
	for n, g := range i.globals {
		globals[n] = g.Get()
	}
	m := i.Memory
	live := m.buf[:min(i.Size(), m.Size())]
	if m.at == nil {
		img := newWhole(live, globals)
		m.stand(img)
		return img, nil
	}
	img := newDelta(m.at.root(), live, globals, m.writtenPages())
	m.at = img // what was written stays writable, and touched, until the first restore
	return img, nil
}

// Restore brings the instance to an image of its module: every byte of memory, its size, every mutable global.
func (i *Instance) Restore(to *Image) (Restored, error) {
	if len(to.globals) != len(i.globals) {
		return Restored{}, fmt.Errorf("the image has %d globals, and the module %d", len(to.globals), len(i.globals))
	}
	used := i.Size()
	if missing := to.size - i.Memory.Size(); missing > 0 {
		if _, ok := i.Module.Memory().Grow(uint32(missing / wasmPage)); !ok {
			return Restored{}, fmt.Errorf("grow memory from %d to %d bytes: refused", i.Memory.Size(), to.size)
		}
	}
	restored := i.Memory.restore(to, used)
	for n, g := range i.globals {
		g.Set(to.globals[n])
	}
	return restored, nil
}
