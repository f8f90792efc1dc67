package prepare

// skipElements passes over element segments (https://webassembly.github.io/spec/core/binary/modules.html#element-section).
func skipElements(s *reader) {
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
			skipConstExpr(s)
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
				skipConstExpr(s)
			} else {
				s.u32("a function index")
			}
		}
	}
}

// skipBodies passes over function bodies, whose sizes precede them.
func skipBodies(s *reader) {
	for range s.items("function bodies", mostItems) {
		s.bytes(s.u32("a function body's size"), "a function body")
	}
}

// skipData passes over data segments (https://webassembly.github.io/spec/core/binary/modules.html#data-section).
func skipData(s *reader) {
	const active, passive, explicit = 0, 1, 2
	for range s.items("data segments", mostItems) {
		start := s.at
		switch kind := s.u32("a data segment"); kind {
		case active:
			skipConstExpr(s)
		case passive:
		case explicit:
			s.u32("a memory index")
			skipConstExpr(s)
		default:
			s.fail(start, "a data segment is of the unknown kind %d", kind)
		}
		s.bytes(s.u32("a data segment's size"), "a data segment")
	}
}
