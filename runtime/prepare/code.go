package prepare

import (
	"encoding/binary"
	"slices"
)

// edit puts with in place of the bytes from from to to.
type edit struct {
	from, to int
	with     []byte
}

// writeCode writes the code section: its bodies with the edits, and those of the functions that are added.
func (p *preparer) writeCode(s *reader) {
	p.out = append(p.out, sectionCode)
	sizeAt := len(p.out)
	p.out = append(p.out, make([]byte, binary.MaxVarintLen32)...) // the size is known at the end
	contentAt := len(p.out)
	start := s.at
	n := s.count("function bodies", mostItems)
	if s.err == nil && n != uint32(len(p.bodies)) {
		s.fail(start, "there are %d function bodies, and the function section has %d functions", n, len(p.bodies))
	}
	p.out = binary.AppendUvarint(p.out, uint64(n)+uint64(len(p.added.bodies)))
	var list []edit
	for i := uint32(0); i < n && s.err == nil; i++ {
		size := s.u32("a function body's size")
		body := reader{at: s.at, section: s.section}
		s.bytes(size, "a function body")
		if s.err != nil {
			return
		}
		body.b = s.b[:s.at]
		list = p.walkBody(&body, p.signatures[p.bodies[i]].params, list[:0])
		if s.err = body.err; s.err == nil {
			p.writeBody(s.b[s.at-int(size):s.at], s.at-int(size), list)
		}
	}
	if s.err == nil && s.at != len(s.b) {
		s.fail(s.at, "%d bytes are left over at its end", len(s.b)-s.at)
	}
	p.out = append(p.out, slices.Concat(p.added.bodies...)...)
	content := p.out[contentAt:]
	p.out = append(binary.AppendUvarint(p.out[:sizeAt], uint64(len(content))), content...)
}

// writeBody writes a body that is at offset at of the input.
func (p *preparer) writeBody(body []byte, at int, list []edit) {
	size := len(body)
	for _, e := range list {
		size += len(e.with) - (e.to - e.from)
	}
	p.out = binary.AppendUvarint(p.out, uint64(size))
	done := 0
	for _, e := range list {
		p.out = append(append(p.out, body[done:e.from-at]...), e.with...)
		done = e.to - at
	}
	p.out = append(p.out, body[done:]...)
}

// walkBody reads the body of a function with that many parameters, and appends what is to be changed in it to list, in order.
func (p *preparer) walkBody(b *reader, params uint32, list []edit) []edit {
	start := b.at
	groups := b.u32("locals")
	countEnd := b.at
	b.at = start
	locals := uint64(params)
	for range b.items("locals", mostItems) {
		locals += uint64(b.u32("how many locals there are of a type"))
		readValueType(b, "a local's type")
	}
	entry := len(list)
	w := walker{preparer: p, r: b, list: append(list, edit{from: start, to: start}, edit{from: b.at, to: b.at}), local: locals}
	w.walk()
	if p.added.checks == nil {
		return w.list
	}
	if w.counts {
		w.list[entry] = edit{start, countEnd, binary.AppendUvarint(nil, uint64(groups)+1)}
		w.list[entry+1].with = []byte{1, byte(I32)}
	}
	if w.calls {
		w.list[entry+1].with = append(w.list[entry+1].with, p.added.checks.shared...)
	}
	return w.list
}

// walker goes through the instructions of one body.
type walker struct {
	*preparer
	r      *reader
	list   []edit
	blocks []int  // the open blocks: of a loop, where in list its check is; -1 for others
	local  uint64 // the index of a local that could be added
	calls  bool   // the body calls functions
	counts bool   // the local is needed
}

// open is called at the beginning of a block, close at its end.
func (w *walker) open(check int) { w.blocks = append(w.blocks, check) }

func (w *walker) close() {
	last := w.blocks[len(w.blocks)-1]
	w.blocks = w.blocks[:len(w.blocks)-1]
	if last < 0 || w.added.checks == nil || w.list[last].with != nil {
		return
	}
	w.counts = true
	w.list[last].with = w.added.checks.own(w.local)
}

// called is called at each call: the loops around it count by the global, since what is called may return before its own count is full.
func (w *walker) called() {
	w.calls = true
	if w.added.checks == nil {
		return
	}
	for i := len(w.blocks) - 1; i >= 0; i-- {
		if at := w.blocks[i]; at >= 0 {
			if w.list[at].with != nil {
				return // and so have those around it
			}
			w.list[at].with = w.added.checks.shared
		}
	}
}

func (w *walker) walk() {
	const what = "an instruction"
	r := w.r
	w.open(-1)
	for len(w.blocks) > 0 && r.err == nil {
		start := r.at
		op := r.byte(what)
		switch opcodes[op] {
		case none:
		case index:
			r.u32(what)
		case twoIndexes:
			r.u32(what)
			r.u32(what)
		case block:
			w.skipBlockType(r)
			w.open(-1)
		case loop:
			w.skipBlockType(r)
			w.open(len(w.list))
			w.list = append(w.list, edit{from: r.at, to: r.at})
		case tryTable:
			w.skipBlockType(r)
			skipCatches(r)
			w.open(-1)
		case globalIndex:
			r.index("global", w.globals)
		case funcIndex:
			r.index("function", w.funcs)
		case blockEnd:
			w.close()
		case branchTable:
			for range r.items("labels", mostElements) {
				r.u32("a label")
			}
			r.u32("a label")
		case call:
			r.index("function", w.funcs)
			w.called()
		case callRef:
			r.index("type", w.types())
			w.called()
		case callIndirect:
			r.index("type", w.types())
			r.u32("a table's index")
			w.called()
		case selectTypes:
			for range r.items("types", mostItems) {
				readValueType(r, "a type of select")
			}
		case memArg:
			w.needMemory(start)
			skipMemArg(r)
		case memorySize:
			w.replace(start, w.added.getSize)
		case memoryGrow:
			w.replace(start, w.added.callGrow)
		case const32:
			r.skipSigned(32, what)
		case const64:
			r.skipSigned(64, what)
		case bytes4:
			r.bytes(4, what)
		case bytes8:
			r.bytes(8, what)
		case heapType:
			r.heapType(what)
		case tableIndex:
			r.u32(what)
			w.module.Changes |= TableSet
		case prefix:
			w.prefixed(op, start)
		case legacy:
			r.fail(start, "the instruction %#x is of the exception handling that the standard has left behind: translate it with wasm-opt --translate-to-exnref", op)
		default:
			r.fail(start, "there is no instruction %#x that can be run", op)
		}
	}
	r.checkTypes(w.types())
	if r.err == nil && r.at != len(r.b) {
		r.fail(r.at, "%d bytes follow the end of a function body", len(r.b)-r.at)
	}
}

// needMemory fails where there is no memory but one that Prepare adds.
func (w *walker) needMemory(at int) {
	if len(w.module.Memories) == 0 {
		w.r.fail(at, "there is no memory")
	}
}

// replace reads the index of the memory that an instruction is about and puts with in the instruction's place.
func (w *walker) replace(start int, with []byte) {
	w.needMemory(start)
	w.r.u32("a memory's index")
	// Any other index than the byte 0 is left for the compiler to refuse.
	if with != nil && w.r.at == start+2 && w.r.b[start+1] == 0 {
		w.list = append(w.list, edit{start, w.r.at, with})
	}
}

// prefixed reads an instruction of two opcodes.
func (w *walker) prefixed(op byte, start int) {
	const what = "an instruction"
	r := w.r
	sub := r.u32(what)
	if r.err != nil {
		return
	}
	o := unknown
	switch op {
	case 0xfc:
		o = w.bulk(sub)
	case 0xfd:
		o = vector(sub)
	case 0xfe:
		o = atomic(sub)
	}
	switch o {
	case none:
	case index:
		r.u32(what)
	case twoIndexes:
		r.u32(what)
		r.u32(what)
	case memArg:
		w.needMemory(start)
		skipMemArg(r)
	case memArgLane:
		w.needMemory(start)
		skipMemArg(r)
		r.byte("a lane")
	case lane:
		r.byte("a lane")
	case bytes16:
		r.bytes(16, what)
	default:
		r.fail(start, "there is no instruction %#x %#x that can be run", op, sub)
	}
}

// bulk knows the instructions behind 0xfc: conversions, and what works on whole memories and tables.
func (w *walker) bulk(sub uint32) operands {
	switch sub {
	case 0, 1, 2, 3, 4, 5, 6, 7: // trunc_sat
		return none
	case 8: // memory.init
		w.needMemory(w.r.at)
		return twoIndexes
	case 9: // data.drop
		w.module.Changes |= DataDrop
		return index
	case 10: // memory.copy
		w.needMemory(w.r.at)
		return twoIndexes
	case 11: // memory.fill
		w.needMemory(w.r.at)
		return index
	case 12: // table.init
		w.module.Changes |= TableInit
		return twoIndexes
	case 13: // elem.drop
		w.module.Changes |= ElemDrop
		return index
	case 14: // table.copy
		w.module.Changes |= TableCopy
		return twoIndexes
	case 15: // table.grow
		w.module.Changes |= TableGrow
		return index
	case 16: // table.size
		return index
	case 17: // table.fill
		w.module.Changes |= TableFill
		return index
	}
	return unknown
}

// vector knows the instructions behind 0xfd
// (https://webassembly.github.io/spec/core/binary/instructions.html#vector-instructions).
func vector(sub uint32) operands {
	switch {
	case sub <= 11: // loads, v128.store
		return memArg
	case sub <= 13: // v128.const, i8x16.shuffle
		return bytes16
	case 21 <= sub && sub <= 34: // extract_lane, replace_lane
		return lane
	case 84 <= sub && sub <= 91: // loads and stores of a lane
		return memArgLane
	case sub == 92, sub == 93: // v128.load32_zero, v128.load64_zero
		return memArg
	case sub <= 255:
		return none
	}
	return unknown
}

// atomic knows the instructions behind 0xfe
// (https://github.com/WebAssembly/threads/blob/main/proposals/threads/Overview.md#new-instructions).
func atomic(sub uint32) operands {
	switch {
	case sub <= 2: // memory.atomic.notify, .wait32, .wait64
		return memArg
	case sub == 3: // atomic.fence, with a memory's index that is 0
		return index
	case 0x10 <= sub && sub <= 0x4e:
		return memArg
	}
	return unknown
}

// skipBlockType passes over a block type: nothing, one value type, or a type's index.
func (p *preparer) skipBlockType(r *reader) {
	const what, empty = "a block type", 0x40
	if r.left() == 0 {
		r.byte(what)
		return
	}
	switch t := ValueType(r.b[r.at]); {
	case t == empty:
		r.at++
	case t&0xc0 == 0x40: // a negative number of one byte, as value types are
		readValueType(r, what)
	default:
		r.index("type", p.types())
	}
}

// skipMemArg passes over alignment and offset. An alignment's bit 6 says that a memory's index follows it.
func skipMemArg(r *reader) {
	const hasIndex = 1 << 6
	if align := r.u32("an alignment"); align&hasIndex != 0 {
		r.u32("a memory's index")
	}
	r.leb(64, "an offset")
}

// skipCatches passes over the clauses of try_table
// (https://github.com/WebAssembly/exception-handling/blob/main/proposals/exception-handling/Exceptions.md#control-flow-instructions).
func skipCatches(r *reader) {
	const catch, catchRef, catchAll, catchAllRef = 0, 1, 2, 3
	for range r.items("catch clauses", mostItems) {
		start := r.at
		switch kind := r.byte("a catch clause"); kind {
		case catch, catchRef:
			r.u32("a tag's index")
		case catchAll, catchAllRef:
		default:
			r.fail(start, "a catch clause is of the unknown kind %d", kind)
		}
		r.u32("a label")
	}
}
