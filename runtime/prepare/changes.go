package prepare

import "strings"

// Changes are the instructions of a module that change state which is neither in its memory nor in its globals: elements of tables, and which
// segments it still has.
type Changes uint8

// The instructions of https://webassembly.github.io/spec/core/syntax/instructions.html#table-instructions.
const (
	TableSet Changes = 1 << iota
	TableInit
	TableCopy
	TableFill
	TableGrow
	ElemDrop
	DataDrop
)

// String lists the instructions by their names in the text format.
func (c Changes) String() string {
	var names []string
	for i, name := range [...]string{"table.set", "table.init", "table.copy", "table.fill", "table.grow", "elem.drop", "data.drop"} {
		if c&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// Lasting returns why an instance of the module cannot be brought back to an image by its memory and globals alone; "" where it can.
func (m *Module) Lasting() string {
	switch {
	case m.Changes != 0:
		return "its code has " + m.Changes.String() + ", whose effect lasts"
	case len(m.Memories) > 1:
		return "it has more than one memory"
	case len(m.Memories) == 1 && (m.Memories[0].Imported || m.Memories[0].Shared || m.Memories[0].Memory64):
		return "its memory is imported, shared or of 64 bits"
	}
	for _, g := range m.Globals {
		if g.Type.isRef() {
			return "it has a global that is a reference and changes"
		}
		if g.Type == V128 {
			return "it has a global of 128 bits that changes"
		}
	}
	return ""
}
