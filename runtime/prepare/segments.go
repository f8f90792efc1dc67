package prepare

import "encoding/binary"

// skipElements passes over element segments (https://webassembly.github.io/spec/core/binary/modules.html#element-section).
func (p *preparer) skipElements(s *reader) {
	const inactive, explicit, expressions = 1, 2, 4
	for range s.items("element segments", mostItems) {
		start := s.at
		flags := s.u32("an element segment")
		if flags > inactive|explicit|expressions {
			s.fail(start, "an element segment has the unknown flags %#x", flags)
		}
		if flags&inactive == 0 {
			if flags&explicit != 0 {
				s.u32("a table index")
			}
			p.skipConstExpr(s)
		}
		if flags&(inactive|explicit) != 0 {
			if flags&expressions != 0 {
				skipRefType(s)
			} else if kindAt := s.at; s.byte("an element's kind") != 0 {
				s.fail(kindAt, "an element segment is of another kind than functions")
			}
		}
		for range s.items("elements", mostElements) {
			if flags&expressions != 0 {
				p.skipConstExpr(s)
			} else {
				s.index("function", p.funcs)
			}
		}
	}
}

// Data is an active data segment that was taken out of a module: instantiating the original writes it to memory 0.
type Data struct {
	Offset uint32
	Bytes  []byte
}

// The kinds of data segments (https://webassembly.github.io/spec/core/binary/modules.html#data-section).
const (
	dataActive   = 0
	dataPassive  = 1
	dataExplicit = 2 // active, with a memory's index
)

// readData passes over data segments, and reports whether each active one has a constant for its offset, in memory 0.
func (p *preparer) readData(s *reader) (constant bool) {
	constant = true
	for range s.items("data segments", mostItems) {
		_, active, known := p.readSegment(s)
		constant = constant && (!active || known)
		s.bytes(s.u32("a data segment's size"), "a data segment")
	}
	return constant
}

// readSegment reads a data segment up to its size. Where its offset is a constant in memory 0, it is known.
func (p *preparer) readSegment(s *reader) (offset uint32, active, known bool) {
	start := s.at
	kind := s.u32("a data segment")
	memory := uint32(0)
	switch kind {
	case dataActive:
	case dataPassive:
		return 0, false, false
	case dataExplicit:
		memory = s.u32("a memory index")
	default:
		s.fail(start, "a data segment is of the unknown kind %d", kind)
	}
	if len(p.module.Memories) == 0 {
		s.fail(start, "there is no memory")
	}
	at := s.at
	p.skipConstExpr(s)
	if s.err != nil {
		return 0, true, false
	}
	offset, known = constant32(s.b[at:s.at])
	return offset, true, known && memory == 0
}

// constant32 returns the value of a constant expression that is one i32.const.
func constant32(expr []byte) (value uint32, ok bool) {
	if expr[0] != 0x41 {
		return 0, false
	}
	shift := 0
	for i, c := range expr[1:] {
		value |= uint32(c&0x7f) << shift
		if shift += 7; c&0x80 != 0 {
			continue
		}
		if c&0x40 != 0 && shift < 32 {
			value |= ^uint32(0) << shift
		}
		return value, i == len(expr)-3 // before it the opcode, after it end
	}
	return 0, false
}

// takeData writes the data section with its active segments empty, and keeps what they had.
func (p *preparer) takeData(s *reader) {
	body := make([]byte, 0, len(s.b)-s.at)
	n := s.u32("data segments")
	body = binary.AppendUvarint(body, uint64(n))
	kept := make([]byte, 0, len(s.b)-s.at)
	p.module.Data = make([]Data, 0, n)
	for range n {
		start := s.at
		offset, active, _ := p.readSegment(s)
		head := s.b[start:s.at]
		content := s.bytes(s.u32("a data segment's size"), "a data segment")
		body = append(body, head...)
		if !active {
			body = append(binary.AppendUvarint(body, uint64(len(content))), content...)
			continue
		}
		body = append(body, 0)
		kept = append(kept, content...)
		p.module.Data = append(p.module.Data, Data{offset, kept[len(kept)-len(content):]})
	}
	p.out = append(p.out, sectionData)
	p.out = append(binary.AppendUvarint(p.out, uint64(len(body))), body...)
}
