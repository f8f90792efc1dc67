package prepare

import (
	"encoding/binary"
	"strings"
)

func (p *preparer) readExports(s *reader) {
	const least = 3 // bytes of an export: an empty name, the kind, an index
	n := s.count("exports", mostItems)
	p.module.Exports = make([]Export, 0, min(int(n), s.left()/least))
	first := s.at
	for i := uint32(0); i < n && s.err == nil; i++ {
		start := s.at
		e := Export{Name: s.name("an export's name")}
		if strings.HasPrefix(e.Name, GlobalPrefix) {
			s.fail(start, "the export %.80q begins with %q, which is Mayfly's own: has the module been prepared before?", e.Name, GlobalPrefix)
		}
		start = s.at
		if e.Kind = Kind(s.byte("an export's kind")); e.Kind > KindTag {
			s.fail(start, "there is no export of kind %d", e.Kind)
		}
		e.Index = s.u32("an export's index")
		if s.err == nil {
			p.module.Exports = append(p.module.Exports, e)
		}
	}
	if s.err == nil {
		p.writeExports(s.b[first:s.at], n)
	}
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
