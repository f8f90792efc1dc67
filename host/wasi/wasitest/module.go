// Package wasitest assembles guests for tests.
package wasitest

import "encoding/binary"

// Module assembles a core module for tests that need one which no compiler would make.
type Module struct{ sections []byte }

// Section adds a section with the items, each already encoded, and their count before them.
func (m *Module) Section(id byte, items ...[]byte) *Module {
	body := binary.AppendUvarint(nil, uint64(len(items)))
	for _, item := range items {
		body = append(body, item...)
	}
	m.sections = append(m.sections, id)
	m.sections = append(binary.AppendUvarint(m.sections, uint64(len(body))), body...)
	return m
}

// Bytes returns the module.
func (m *Module) Bytes() []byte { return append([]byte("\x00asm\x01\x00\x00\x00"), m.sections...) }

// Name encodes a name: its length and its bytes.
func Name(s string) []byte { return append(binary.AppendUvarint(nil, uint64(len(s))), s...) }

// Command assembles a WASI command whose _start has that body, without its end, and which has the imported functions of type () -> ().
// Its memory has one page.
func Command(body []byte, imports ...[2]string) []byte {
	m := &Module{}
	m.Section(1, []byte{0x60, 0, 0})
	if len(imports) > 0 {
		var items [][]byte
		for _, i := range imports {
			items = append(items, append(append(Name(i[0]), Name(i[1])...), 0, 0))
		}
		m.Section(2, items...)
	}
	m.Section(3, []byte{0})
	m.Section(5, []byte{0, 1})
	start := binary.AppendUvarint(append(Name("_start"), 0), uint64(len(imports)))
	m.Section(7, start, append(Name("memory"), 2, 0))
	code := append(append([]byte{0}, body...), 0x0b)
	m.Section(10, append(binary.AppendUvarint(nil, uint64(len(code))), code...))
	return m.Bytes()
}
