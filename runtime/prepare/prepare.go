// Package prepare reads and rewrites WebAssembly binaries before they are compiled.
//
// A prepared module does what the original does, and can be saved and set from outside: its mutable globals are exported. Custom
// sections are left out but for names; DWARF alone makes loading a compiled module ten times slower. Prepare also says what the module
// contains, which decides what can run it.
//
// The format is that of https://webassembly.github.io/spec/core/binary/modules.html.
package prepare

import "strconv"

// GlobalPrefix begins the names under which mutable globals are exported; the global's index in decimal follows.
const GlobalPrefix = "mayfly:global:"

// Kind is what an import or export is.
type Kind byte

// The kinds of https://webassembly.github.io/spec/core/binary/modules.html#import-section, with the tags of
// the exception-handling proposal.
const (
	KindFunc   Kind = 0
	KindTable  Kind = 1
	KindMemory Kind = 2
	KindGlobal Kind = 3
	KindTag    Kind = 4
)

// String returns the kind's name.
func (k Kind) String() string {
	if names := [...]string{"func", "table", "memory", "global", "tag"}; int(k) < len(names) {
		return names[k]
	}
	return "kind " + strconv.Itoa(int(k))
}

// Import is one import.
type Import struct {
	Module, Name string
	Kind         Kind
}

// Export is one export.
type Export struct {
	Name  string
	Kind  Kind
	Index uint32
}

// Memory is a linear memory's limits, in pages of 64 KiB.
type Memory struct {
	Imported bool
	MinPages uint64
	// MaxPages is 0 unless HasMax.
	MaxPages uint64
	HasMax   bool
	// Shared is of the threads proposal.
	Shared bool
	// Memory64 says that addresses have 64 bits.
	Memory64 bool
}

// Global is a mutable global.
type Global struct {
	Index uint32
	// Type tells what a value of it is. A reference means nothing outside the instance that it was read from.
	Type ValueType
	// Name is the name under which the prepared module exports it.
	Name string
}

// Module is a prepared module and what it contains.
type Module struct {
	// Bytes is the prepared binary.
	Bytes []byte
	// Imports and Exports are the module's own, in its order; Exports lacks those of GlobalPrefix.
	Imports []Import
	Exports []Export
	// Memories are the defined and the imported ones, by index.
	Memories []Memory
	// Tables is how many tables there are, imported ones too.
	Tables int
	// MinElements is how many elements all tables begin with.
	MinElements uint64
	// Command says that the module exports a function _start without parameters and results, as WASI commands do.
	Command bool
	// HasStart says that the module has a start function: with Options.Checks it is exported as Start, and instantiating the module does not run it.
	HasStart bool
	// Globals are the mutable globals, imported ones too, by index, and then the one of Size.
	Globals []Global
	// Size names the global that has the size of the memory in pages, with Options.Growth; "" where there is none.
	Size string
	// Checked says that there are interrupt checks.
	Checked bool
	// Changes are the instructions whose effect lasts beyond memory and globals.
	Changes Changes
	// Data are the segments that Options.Data took out, in their order.
	Data []Data
}

// Options says what Prepare does to a module. It always exports mutable globals and leaves out custom sections.
type Options struct {
	// Checks puts an interrupt check at the head of each loop and at the entry of each function that calls others.
	Checks bool
	// Growth keeps the size of the memory in a global, so that an image can bring it back.
	Growth bool
	// Data takes active data segments out of the module, so that instantiating it writes nothing. A module whose segments have
	// offsets that are no constants keeps them, and so does one that runs a start function.
	Data bool
	// Elements, where it is not 0, is how many elements each of the module's own tables can grow to: its maximum is lowered to that, so that table.grow fails
	// beyond it. A table that begins with more cannot grow.
	Elements uint32
}

// Export returns the export of that name.
func (m *Module) Export(name string) (Export, bool) {
	for _, e := range m.Exports {
		if e.Name == name {
			return e, true
		}
	}
	return Export{}, false
}

// MinMemory returns how many bytes of linear memory an instance begins with; 0 for a module without memory.
func (m *Module) MinMemory() uint64 {
	if len(m.Memories) == 0 {
		return 0
	}
	// A 64-bit memory can ask for 2^64 bytes; callers compare with what fits into an int64.
	return min(m.Memories[0].MinPages, 1<<47-1) << 16
}

// Prepare reads a core module and rewrites it. What is not one is ErrNotWasm, ErrComponent or ErrVersion; one that is malformed is a
// *FormatError. That indices and types fit, the compiler finds out.
//
// It reads code once, keeps nothing of wasm, and takes about as much memory as wasm has bytes. It never panics.
func Prepare(wasm []byte, o Options) (*Module, error) {
	if err := checkHeader(wasm); err != nil {
		return nil, err
	}
	p := &preparer{options: o, in: reader{b: wasm, at: headerSize, section: "module", whole: true}, module: &Module{}}
	p.out = append(make([]byte, 0, len(wasm)+len(wasm)/8+256), wasm[:headerSize]...)
	if err := p.run(); err != nil {
		return nil, err
	}
	p.module.Bytes = p.out
	return p.module, nil
}
