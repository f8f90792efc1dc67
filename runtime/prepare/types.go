package prepare

import "fmt"

// ValueType is a value type's first byte (https://webassembly.github.io/spec/core/binary/types.html#value-types).
type ValueType byte

// The value types of Wasm 2.0. Ref and RefNull begin the longer encoding of typed function references, which a heap type
// follows; the remaining bytes between ref types of Wasm 3.0 have no name here.
const (
	I32       ValueType = 0x7f
	I64       ValueType = 0x7e
	F32       ValueType = 0x7d
	F64       ValueType = 0x7c
	V128      ValueType = 0x7b
	FuncRef   ValueType = 0x70
	ExternRef ValueType = 0x6f
	Ref       ValueType = 0x64
	RefNull   ValueType = 0x63
)

// The abstract heap types of Wasm 3.0, from noexn to exn: each is by itself a nullable reference type.
const (
	highestRef = 0x74
	lowestRef  = 0x69
)

// String returns the type's name in the text format.
func (t ValueType) String() string {
	switch t {
	case I32:
		return "i32"
	case I64:
		return "i64"
	case F32:
		return "f32"
	case F64:
		return "f64"
	case V128:
		return "v128"
	case FuncRef:
		return "funcref"
	case ExternRef:
		return "externref"
	case Ref, RefNull:
		return "ref"
	}
	return fmt.Sprintf("type %#x", byte(t))
}

func (t ValueType) isRef() bool { return lowestRef <= t && t <= highestRef || t == Ref || t == RefNull }

func readValueType(s *reader, what string) ValueType {
	start := s.at
	t := ValueType(s.byte(what))
	switch {
	case t == Ref, t == RefNull:
		s.heapType("a heap type")
	case V128 <= t && t <= I32, t.isRef():
	default:
		s.fail(start, "%s is %#x, which is no value type", what, byte(t))
	}
	return t
}

func skipRefType(s *reader) {
	start := s.at
	if t := readValueType(s, "a reference type"); !t.isRef() {
		s.fail(start, "%s is no reference type", t)
	}
}

// readTypes reads types: those of functions, alone or in recursion groups.
func (p *preparer) readTypes(s *reader) {
	const recursionGroup = 0x4e
	for range s.items("types", mostItems) {
		if s.left() > 0 && s.b[s.at] == recursionGroup {
			s.byte("a recursion group")
			for range s.items("types", mostItems) {
				p.readFuncType(s)
			}
			continue
		}
		p.readFuncType(s)
	}
}

func (p *preparer) readFuncType(s *reader) {
	const funcType = 0x60
	start := s.at
	if c := s.byte("a type"); c != funcType {
		s.fail(start, "a type begins with %#x: only those of functions, which begin with 0x60, can be run", c)
	}
	var params []ValueType
	for range s.items("parameters", mostItems) {
		params = append(params, readValueType(s, "a value type"))
	}
	results := uint32(0)
	for range s.items("results", mostItems) {
		readValueType(s, "a value type")
		results++
	}
	p.signatures = append(p.signatures, signature{params, results})
}

// readLimits reads the limits of a memory or a table (https://webassembly.github.io/spec/core/binary/types.html#limits).
func readLimits(s *reader) Memory {
	const hasMax, shared, is64 = 1, 2, 4
	start := s.at
	flags := s.byte("limits")
	if flags > hasMax|shared|is64 {
		s.fail(start, "limits have the unknown flags %#x", flags)
	}
	bits := 32
	if flags&is64 != 0 {
		bits = 64
	}
	m := Memory{HasMax: flags&hasMax != 0, Shared: flags&shared != 0, Memory64: flags&is64 != 0, MinPages: s.leb(bits, "limits")}
	if m.HasMax {
		m.MaxPages = s.leb(bits, "limits")
	}
	return m
}
