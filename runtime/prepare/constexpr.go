package prepare

// skipConstExpr passes over a constant expression (https://webassembly.github.io/spec/core/valid/instructions.html#constant-expressions):
// constants, global.get, references, and the arithmetic of the extended constant expressions proposal.
//
// Indices are checked wherever a module has them, here and in code: one that is out of range must not mean what Prepare adds.
func (p *preparer) skipConstExpr(s *reader) {
	const what = "a constant expression"
	for s.err == nil {
		start := s.at
		switch op := s.byte(what); op {
		case 0x0b: // end
			return
		case 0x41: // i32.const
			s.skipSigned(32, what)
		case 0x42: // i64.const
			s.skipSigned(64, what)
		case 0x43: // f32.const
			s.bytes(4, what)
		case 0x44: // f64.const
			s.bytes(8, what)
		case 0x23: // global.get
			s.index("global", p.globals)
		case 0xd2: // ref.func
			s.index("function", p.funcs)
		case 0xd0: // ref.null
			s.heapType(what)
		case 0x6a, 0x6b, 0x6c, 0x7c, 0x7d, 0x7e: // i32 and i64 add, sub, mul
		case 0xfd: // SIMD
			const v128Const = 12
			if sub := s.u32(what); sub != v128Const {
				s.fail(start, "%s has the instruction 0xfd %d, which is not constant", what, sub)
			}
			s.bytes(16, what)
		default:
			s.fail(start, "%s has the instruction %#x, which is not constant", what, op)
		}
	}
}
