package prepare

import "strings"

func (p *preparer) readExports(s *reader) {
	const least = 3 // bytes of an export: an empty name, the kind, an index
	n := s.count("exports", mostItems)
	p.module.Exports = make([]Export, 0, min(int(n), s.left()/least))
	for i := uint32(0); i < n && s.err == nil; i++ {
		start := s.at
		e := Export{Name: s.name("an export's name")}
		if strings.HasPrefix(e.Name, GlobalPrefix) || e.Name == Interrupt || e.Name == Start {
			s.fail(start, "the export %.80q has a name that is Mayfly's own: has the module been prepared before?", e.Name)
		}
		start = s.at
		if e.Kind = Kind(s.byte("an export's kind")); e.Kind > KindTag {
			s.fail(start, "there is no export of kind %d", e.Kind)
		}
		start = s.at
		e.Index = s.u32("an export's index")
		if n := p.count(e.Kind); e.Index >= n {
			s.fail(start, "there is no %s %d: there are %d", e.Kind, e.Index, n)
		}
		if s.err == nil && e.Name == "_start" && e.Kind == KindFunc {
			p.module.Command = p.signatures[p.typeOf(e.Index)].empty()
		}
		if s.err == nil {
			p.module.Exports = append(p.module.Exports, e)
		}
	}
}

// count returns how many things there are of a kind. Tags are not counted.
func (p *preparer) count(k Kind) uint32 {
	switch k {
	case KindFunc:
		return p.funcs
	case KindTable:
		return uint32(p.module.Tables)
	case KindMemory:
		return uint32(len(p.module.Memories))
	case KindGlobal:
		return p.globals
	}
	return 1 << 31
}
