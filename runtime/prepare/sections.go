package prepare

import (
	"encoding/binary"
	"slices"
)

// The sections' numbers (https://webassembly.github.io/spec/core/binary/modules.html#sections).
const (
	sectionCustom byte = iota
	sectionType
	sectionImport
	sectionFunction
	sectionTable
	sectionMemory
	sectionGlobal
	sectionExport
	sectionStart
	sectionElement
	sectionCode
	sectionData
	sectionDataCount
	sectionTag
)

var sectionNames = [...]string{
	"custom section", "type section", "import section", "function section", "table section", "memory section", "global section",
	"export section", "start section", "element section", "code section", "data section", "data count section", "tag section",
}

// sectionOrder has the place of each in the order that sections must have. It is not that of their numbers: tag and data count
// came later.
var sectionOrder = [...]int{0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 12, 13, 11, 6}

// The most items of each kind that a module may have, as in
// https://webassembly.github.io/spec/js-api/#limits. They bound what a small but hostile file makes Prepare allocate.
const (
	mostItems    = 1_000_000
	mostElements = 10_000_000
	mostTables   = 100_000
	mostMemories = 100
)

// span is one section of the input: its content is from body to end. One that is added is empty.
type span struct {
	id        byte
	body, end int
}

// preparer reads what a module contains, then writes it.
type preparer struct {
	options    Options
	in         reader
	out        []byte
	module     *Module
	sections   []span
	signatures []signature // by type
	wide       bool        // a memory or a table has addresses of 64 bits
	imported   []uint32    // the types of imported functions
	bodies     []uint32    // the types of the functions that have bodies
	funcs      uint32      // how many functions there are, imported ones too
	globals    uint32
	tables     []edit // of their limits
	start      uint32 // the start function
	code       []body
	nesting    nesting // of one body after the other
	constant   bool    // each active data segment has a constant for its offset

	added added
}

// signature is the types of a function's parameters, as far as their first bytes tell, and how many results it has.
type signature struct {
	params  []ValueType
	results uint32
}

func (s signature) empty() bool { return len(s.params) == 0 && s.results == 0 }

// typeOf returns the type of a function that is there.
func (p *preparer) typeOf(function uint32) uint32 {
	if n := uint32(len(p.imported)); function >= n {
		return p.bodies[function-n]
	}
	return p.imported[function]
}

func (p *preparer) types() uint32 { return uint32(len(p.signatures)) }

func (p *preparer) run() error {
	var last byte
	r := &p.in
	for r.left() > 0 {
		start := r.at
		sec, ok := nextSection(r)
		if !ok {
			break
		}
		s := p.reader(sec)
		if sec.id != sectionCustom {
			checkOrder(&s, start, sec.id, last)
			last = sec.id
		}
		keep := s.err == nil && p.read(sec.id, &s)
		s.checkTypes(p.types())
		if s.err == nil && s.at != len(s.b) {
			s.fail(s.at, "%d bytes are left over at its end", len(s.b)-s.at)
		}
		if s.err != nil {
			return s.err
		}
		if keep {
			p.sections = append(p.sections, sec)
		}
	}
	if r.err != nil {
		return r.err
	}
	p.add()
	if err := p.readCode(); err != nil {
		return err
	}
	for _, sec := range p.sections {
		if err := p.write(sec); err != nil {
			return err
		}
	}
	return nil
}

// nextSection reads a section's number and size, and passes over its content.
func nextSection(r *reader) (span, bool) {
	start := r.at
	r.section = "section header"
	id := r.byte("a section's number")
	if int(id) >= len(sectionNames) {
		r.fail(start, "there is no section %d", id)
		return span{}, false
	}
	r.section = sectionNames[id]
	size := r.u32("the section's size")
	if uint64(size) > uint64(r.left()) {
		r.failShort(r.at, "%d bytes are announced, and %d are left", size, r.left())
	}
	if r.err != nil {
		return span{}, false
	}
	r.at += int(size)
	return span{id, r.at - int(size), r.at}, true
}

// reader returns a reader of one section.
func (p *preparer) reader(s span) reader {
	return reader{b: p.in.b[:s.end], at: s.body, section: sectionNames[s.id]}
}

func checkOrder(s *reader, start int, id, last byte) {
	switch {
	case id == last:
		s.fail(start, "there are two of them")
	case sectionOrder[id] < sectionOrder[last]:
		s.fail(start, "it comes after the %s and must come before it", sectionNames[last])
	}
}

// read reads one section, and reports whether it is kept. Function bodies are read when it is settled what is added.
func (p *preparer) read(id byte, s *reader) (keep bool) {
	switch id {
	case sectionCustom:
		name := s.name("its name")
		s.at = len(s.b)
		return name == "name"
	case sectionType:
		p.readTypes(s)
	case sectionImport:
		p.readImports(s)
	case sectionFunction:
		for range s.items("functions", mostItems) {
			p.bodies = append(p.bodies, s.index("type", p.types()))
		}
		p.funcs += uint32(len(p.bodies))
	case sectionTable:
		p.readTables(s)
	case sectionMemory:
		p.readMemories(s)
	case sectionTag:
		for range s.items("tags", mostItems) {
			p.skipTag(s)
		}
	case sectionGlobal:
		for range s.items("globals", mostItems) {
			p.readGlobal(s)
			p.skipConstExpr(s)
			p.globals++
		}
	case sectionExport:
		p.readExports(s)
	case sectionStart:
		at := s.at
		p.start = s.index("function", p.funcs)
		if s.err == nil && !p.signatures[p.typeOf(p.start)].empty() {
			s.fail(at, "the start function %d has parameters or results", p.start)
		}
		p.module.HasStart = true
	case sectionElement:
		p.skipElements(s)
	case sectionDataCount:
		s.u32("how many data segments there are")
	case sectionCode:
		s.at = len(s.b)
	case sectionData:
		p.constant = p.readData(s)
	}
	return true
}

// insert makes sure that there is a section of that number, where it belongs.
func (p *preparer) insert(id byte) {
	at := len(p.sections)
	for i, s := range p.sections {
		if s.id == id {
			return
		}
		if s.id != sectionCustom && sectionOrder[s.id] > sectionOrder[id] {
			at = i
			break
		}
	}
	p.sections = slices.Insert(p.sections, at, span{id: id})
}

// write writes one section: as it was, or with what is added to it.
func (p *preparer) write(sec span) error {
	s := p.reader(sec)
	switch sec.id {
	case sectionType:
		p.extend(sec.id, &s, p.added.types)
	case sectionFunction:
		p.extend(sec.id, &s, p.added.functions)
	case sectionTable:
		size := (sec.end - sec.body) + growth(p.tables)
		p.out = binary.AppendUvarint(append(p.out, sec.id), uint64(size))
		p.out = appendEdited(p.out, s.b, sec.body, sec.end, p.tables)
	case sectionMemory:
		p.extend(sec.id, &s, p.added.memories)
	case sectionGlobal:
		p.extend(sec.id, &s, p.added.globals)
	case sectionExport:
		p.extend(sec.id, &s, p.added.exports)
	case sectionCode:
		p.writeCode(s.b)
	case sectionData:
		if p.options.Data && p.constant && p.ownMemory() && (!p.module.HasStart || p.added.checks != nil) {
			p.takeData(&s)
			break
		}
		p.extend(sec.id, &s, nil)
	default:
		p.extend(sec.id, &s, nil)
	}
	return s.err
}

// extend writes a section with items added at its end.
func (p *preparer) extend(id byte, s *reader, items [][]byte) {
	content := s.b[s.at:]
	p.out = append(p.out, id)
	if len(items) == 0 {
		p.out = append(binary.AppendUvarint(p.out, uint64(len(content))), content...)
		return
	}
	n := uint32(0)
	if len(content) > 0 {
		n = s.u32("how many items there are")
	}
	body := append(binary.AppendUvarint(nil, uint64(n)+uint64(len(items))), s.b[s.at:]...)
	body = append(body, slices.Concat(items...)...)
	p.out = append(binary.AppendUvarint(p.out, uint64(len(body))), body...)
}
