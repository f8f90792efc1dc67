package prepare

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// The sections' numbers, and the place of each in the order that they must have.
const (
	sectionCustom = 0
	sectionImport = 2
	sectionMemory = 5
	sectionGlobal = 6
	sectionExport = 7
)

var sectionNames = [...]string{
	"custom section", "type section", "import section", "function section", "table section", "memory section", "global section",
	"export section", "start section", "element section", "code section", "data section", "data count section", "tag section",
}

var sectionOrder = [...]int{0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 12, 13, 11, 6}

// preparer goes through a module once, from its first section to its last.
type preparer struct {
	in       reader
	out      []byte
	module   *Module
	globals  uint32 // how many globals there are so far
	last     int    // the place in the order of the section before
	exported bool   // the export section has been written
}

func (p *preparer) run() error {
	r := &p.in
	for r.left() > 0 {
		start := r.at
		r.section = "section header"
		id := r.byte("a section's number")
		if int(id) >= len(sectionNames) {
			r.fail(start, "there is no section %d", id)
			break
		}
		r.section = sectionNames[id]
		size := r.u32("the section's size")
		body := r.bytes(size, fmt.Sprintf("the section's %d bytes", size))
		if r.err != nil {
			break
		}
		s := reader{b: r.b[:r.at], at: r.at - len(body), section: r.section}
		if id != sectionCustom {
			if sectionOrder[id] <= p.last {
				r.fail(start, "it is there twice, or after a section that it must come before")
				break
			}
			p.last = sectionOrder[id]
			if p.last > sectionOrder[sectionExport] {
				p.writeExports(nil, 0)
			}
		}
		p.read(id, &s, r.b[start:r.at])
		if s.err == nil && s.at != len(s.b) {
			s.fail(s.at, "%d bytes are left over at its end", len(s.b)-s.at)
		}
		if s.err != nil {
			return s.err
		}
	}
	if r.err != nil {
		return r.err
	}
	p.writeExports(nil, 0)
	return nil
}

// read reads one section and writes it as it was, except for those that change.
func (p *preparer) read(id byte, s *reader, whole []byte) {
	switch id {
	case sectionCustom:
		name := s.name("its name")
		s.at = len(s.b)
		if name != "name" {
			return
		}
	case sectionImport:
		p.readImports(s)
	case sectionMemory:
		for range s.count("memories") {
			p.readMemory(s, false)
		}
	case sectionGlobal:
		for range s.count("globals") {
			p.readGlobal(s)
			skipConstExpr(s)
		}
	case sectionExport:
		p.readExports(s)
		return
	default:
		s.at = len(s.b)
	}
	p.out = append(p.out, whole...)
}

func (p *preparer) readImports(s *reader) {
	for range s.count("imports") {
		i := Import{Module: s.name("an import's module"), Name: s.name("an import's name")}
		start := s.at
		i.Kind = Kind(s.byte("an import's kind"))
		switch i.Kind {
		case KindFunc:
			s.u32("a type index")
		case KindTable:
			skipRefType(s)
			readLimits(s)
		case KindMemory:
			p.readMemory(s, true)
		case KindGlobal:
			p.readGlobal(s)
		case KindTag:
			s.byte("a tag's attribute")
			s.u32("a type index")
		default:
			s.fail(start, "there is no import of kind %d", i.Kind)
		}
		if s.err != nil {
			return
		}
		p.module.Imports = append(p.module.Imports, i)
	}
}

func (p *preparer) readMemory(s *reader, imported bool) {
	m := readLimits(s)
	m.Imported = imported
	p.module.Memories = append(p.module.Memories, m)
}

// readLimits reads the limits of a memory or a table. Bit 0 of the flags: there is a maximum; bit 1: shared; bit 2: 64-bit.
func readLimits(s *reader) Memory {
	start := s.at
	flags := s.byte("limits")
	if flags > 7 {
		s.fail(start, "limits have the unknown flags %#x", flags)
	}
	bits := 32
	if flags&4 != 0 {
		bits = 64
	}
	m := Memory{HasMax: flags&1 != 0, Shared: flags&2 != 0, MinPages: s.leb(bits, "limits")}
	if m.HasMax {
		m.MaxPages = s.leb(bits, "limits")
	}
	return m
}

func (p *preparer) readGlobal(s *reader) {
	typ := s.byte("a global's type")
	if typ == refNull || typ == ref {
		s.skipSigned(33, "a global's type")
	}
	start := s.at
	switch mutable := s.byte("a global's mutability"); mutable {
	case 0:
	case 1:
		p.module.Globals = append(p.module.Globals, Global{Index: p.globals, Type: typ, Name: GlobalPrefix + strconv.FormatUint(uint64(p.globals), 10)})
	default:
		s.fail(start, "a global's mutability is %d", mutable)
	}
	p.globals++
}

func (p *preparer) readExports(s *reader) {
	n := s.count("exports")
	first := s.at
	for range n {
		start := s.at
		e := Export{Name: s.name("an export's name"), Kind: Kind(s.byte("an export's kind")), Index: s.u32("an export's index")}
		if strings.HasPrefix(e.Name, GlobalPrefix) {
			s.fail(start, "the export %q begins with %q, which is Mayfly's own: has the module been prepared before?", e.Name, GlobalPrefix)
		}
		if s.err != nil {
			return
		}
		p.module.Exports = append(p.module.Exports, e)
	}
	p.writeExports(s.b[first:s.at], n)
}

// writeExports writes the export section, with n exports that are already encoded and those of the mutable globals. The
// global section is before it in the order, so all globals are known.
func (p *preparer) writeExports(encoded []byte, n uint32) {
	if p.exported {
		return
	}
	p.exported = true
	total := uint64(n) + uint64(len(p.module.Globals))
	if total == 0 {
		return
	}
	body := append(binary.AppendUvarint(nil, total), encoded...)
	for _, g := range p.module.Globals {
		body = append(binary.AppendUvarint(body, uint64(len(g.Name))), g.Name...)
		body = binary.AppendUvarint(append(body, byte(KindGlobal)), uint64(g.Index))
	}
	p.out = append(p.out, sectionExport)
	p.out = append(binary.AppendUvarint(p.out, uint64(len(body))), body...)
}
