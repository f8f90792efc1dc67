package prepare

import (
	"encoding/binary"
	"strconv"
)

func (p *preparer) readImports(s *reader) {
	const least = 4 // bytes of an import: two empty names, the kind, an index
	n := s.count("imports", mostItems)
	p.module.Imports = make([]Import, 0, min(int(n), s.left()/least))
	for i := uint32(0); i < n && s.err == nil; i++ {
		imp := Import{Module: s.name("an import's module"), Name: s.name("an import's name")}
		start := s.at
		imp.Kind = Kind(s.byte("an import's kind"))
		switch imp.Kind {
		case KindFunc:
			p.imported = append(p.imported, s.index("type", p.types()))
			p.funcs++
		case KindTable:
			skipRefType(s)
			p.readTable(s)
		case KindMemory:
			p.readMemory(s, true)
		case KindGlobal:
			p.readGlobal(s)
			p.globals++
		case KindTag:
			p.skipTag(s)
		default:
			s.fail(start, "there is no import of kind %d", imp.Kind)
		}
		if s.err == nil {
			p.module.Imports = append(p.module.Imports, imp)
		}
	}
}

func (p *preparer) readTables(s *reader) {
	const initialised = 0x40
	for range s.items("tables", mostTables) {
		hasInit := s.left() > 0 && s.b[s.at] == initialised
		if hasInit {
			s.byte("a table")
			start := s.at
			if c := s.byte("a table"); c != 0 {
				s.fail(start, "a table with an initialiser has the unknown flags %#x", c)
			}
		}
		skipRefType(s)
		start := s.at
		limits := p.readTable(s)
		if most := uint64(p.options.Elements); most > 0 && !limits.Memory64 && (!limits.HasMax || limits.MaxPages > most) {
			const hasMax = 1
			with := binary.AppendUvarint([]byte{hasMax}, limits.MinPages)
			p.tables = append(p.tables, edit{start, s.at, binary.AppendUvarint(with, max(limits.MinPages, most))})
		}
		if hasInit {
			p.skipConstExpr(s)
		}
	}
}

// readTable reads the limits of a table, in elements instead of pages.
func (p *preparer) readTable(s *reader) Memory {
	l := readLimits(s)
	p.wide = p.wide || l.Memory64
	p.module.Tables++
	p.module.MinElements += min(l.MinPages, 1<<40)
	return l
}

func (p *preparer) readMemories(s *reader) {
	for range s.items("memories", mostMemories) {
		p.readMemory(s, false)
	}
}

func (p *preparer) readMemory(s *reader, imported bool) {
	start := s.at
	m := readLimits(s)
	m.Imported = imported
	p.wide = p.wide || m.Memory64
	most := uint64(1) << 16
	if m.Memory64 {
		most = 1 << 48
	}
	if m.MinPages > most || m.MaxPages > most {
		s.fail(start, "a memory of %d pages is larger than %d pages, which are all it can address", max(m.MinPages, m.MaxPages), most)
	}
	p.module.Memories = append(p.module.Memories, m)
}

func (p *preparer) readGlobal(s *reader) {
	typ := readValueType(s, "a global's type")
	start := s.at
	switch mutable := s.byte("a global's mutability"); mutable {
	case 0:
	case 1:
		p.module.Globals = append(p.module.Globals, Global{Index: p.globals, Type: typ, Name: GlobalPrefix + strconv.FormatUint(uint64(p.globals), 10)})
	default:
		s.fail(start, "a global's mutability is %d", mutable)
	}
}

func (p *preparer) skipTag(s *reader) {
	start := s.at
	if c := s.byte("a tag's attribute"); c != 0 {
		s.fail(start, "a tag's attribute is %d", c)
	}
	s.index("type", p.types())
}
