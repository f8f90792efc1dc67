package prepare

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

// preparer goes through a module once, from its first section to its last.
type preparer struct {
	in       reader
	out      []byte
	module   *Module
	globals  uint32 // how many globals there are so far
	last     byte   // the section before, custom ones aside
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
		if uint64(size) > uint64(r.left()) {
			r.failShort(r.at, "%d bytes are announced, and %d are left", size, r.left())
		}
		if r.err != nil {
			break
		}
		r.at += int(size)
		s := reader{b: r.b[:r.at], at: r.at - int(size), section: r.section}
		p.enter(id, start, &s)
		if s.err == nil {
			p.read(id, &s, r.b[start:r.at])
		}
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

// enter checks that a section comes where it may, and writes the export section before the first one that must come after it.
func (p *preparer) enter(id byte, start int, s *reader) {
	if id == sectionCustom {
		return
	}
	switch order := sectionOrder[id]; {
	case id == p.last:
		s.fail(start, "there are two of them")
	case order < sectionOrder[p.last]:
		s.fail(start, "it comes after the %s and must come before it", sectionNames[p.last])
	case order > sectionOrder[sectionExport]:
		p.writeExports(nil, 0)
	}
	p.last = id
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
	case sectionType:
		skipTypes(s)
	case sectionImport:
		p.readImports(s)
	case sectionFunction:
		for range s.items("functions", mostItems) {
			s.u32("a type index")
		}
	case sectionTable:
		p.readTables(s)
	case sectionMemory:
		p.readMemories(s)
	case sectionTag:
		for range s.items("tags", mostItems) {
			skipTag(s)
		}
	case sectionGlobal:
		for range s.items("globals", mostItems) {
			p.readGlobal(s)
			skipConstExpr(s)
		}
	case sectionExport:
		p.readExports(s)
		return
	case sectionStart:
		s.u32("a function index")
		p.module.HasStart = true
	case sectionElement:
		skipElements(s)
	case sectionDataCount:
		s.u32("how many data segments there are")
	case sectionCode:
		skipBodies(s)
	case sectionData:
		skipData(s)
	}
	p.out = append(p.out, whole...)
}
