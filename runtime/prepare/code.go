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

// growth returns how many bytes longer edits make what they are in.
func growth(edits []edit) (n int) {
	for _, e := range edits {
		n += len(e.with) - (e.to - e.from)
	}
	return n
}

// appendEdited appends in[from:to] with its edits, which are in order.
func appendEdited(out, in []byte, from, to int, edits []edit) []byte {
	for _, e := range edits {
		out = append(append(out, in[from:e.from]...), e.with...)
		from = e.to
	}
	return append(out, in[from:to]...)
}

// body is a function's body, read.
type body struct {
	from, to int // in the input
	edits    []edit
	entry    int    // which of edits is at the entry
	counter  uint64 // the local in which loops count
	cost     uint64 // how long the code is that a call runs, at most, without looking up
	callees
	loops bool
	path  int // how long the longest one is from one check to the next: see follow
}

// readCode reads all function bodies before anything is written: which of them look up at their entry is seen from all calls, and they need globals.
func (p *preparer) readCode() error {
	i := slices.IndexFunc(p.sections, func(s span) bool { return s.id == sectionCode })
	if i < 0 {
		return nil
	}
	s := p.reader(p.sections[i])
	p.code = p.readBodies(&s)
	if s.err == nil && p.added.checks != nil {
		for i := range entries(p.code, p.funcs-uint32(len(p.code))) {
			b := &p.code[i]
			e := &b.edits[b.entry]
			e.with = append(e.with, p.added.checks.atEntry(b)...)
		}
	}
	return s.err
}

// writeCode writes the code section: its bodies with the edits, and those of the functions that are added.
func (p *preparer) writeCode(in []byte) {
	p.out = append(p.out, sectionCode)
	sizeAt := len(p.out)
	p.out = append(p.out, make([]byte, binary.MaxVarintLen32)...) // the size is known at the end
	contentAt := len(p.out)
	p.out = binary.AppendUvarint(p.out, uint64(len(p.code))+uint64(len(p.added.bodies)))
	for i := range p.code {
		p.writeBody(in, &p.code[i])
	}
	p.out = append(p.out, slices.Concat(p.added.bodies...)...)
	content := p.out[contentAt:]
	p.out = append(binary.AppendUvarint(p.out[:sizeAt], uint64(len(content))), content...)
}

func (p *preparer) readBodies(s *reader) []body {
	start := s.at
	n := s.count("function bodies", mostItems)
	if s.err == nil && n != uint32(len(p.bodies)) {
		s.fail(start, "there are %d function bodies, and the function section has %d functions", n, len(p.bodies))
	}
	const least = 2 // bytes of a body: no locals, end
	bodies := make([]body, 0, min(int(n), s.left()/least))
	for i := uint32(0); i < n && s.err == nil; i++ {
		size := s.u32("a function body's size")
		r := reader{at: s.at, section: s.section}
		s.bytes(size, "a function body")
		if s.err != nil {
			return nil
		}
		r.b = s.b[:s.at]
		bodies = append(bodies, p.readBody(&r, p.signatures[p.bodies[i]].params))
		s.err = r.err
	}
	if s.err == nil && s.at != len(s.b) {
		s.fail(s.at, "%d bytes are left over at its end", len(s.b)-s.at)
	}
	return bodies
}

func (p *preparer) writeBody(in []byte, b *body) {
	p.out = binary.AppendUvarint(p.out, uint64(b.to-b.from+growth(b.edits)))
	p.out = appendEdited(p.out, in, b.from, b.to, b.edits)
}

// readBody reads the body of a function with those parameters, and what is to be changed in it.
func (p *preparer) readBody(r *reader, params []ValueType) body {
	b := body{from: r.at, to: len(r.b)}
	groups := r.u32("locals")
	countEnd := r.at
	r.at = b.from
	locals := locals{params: params, n: uint64(len(params))}
	for range r.items("locals", mostItems) {
		locals.add(r.u32("how many locals there are of a type"), readValueType(r, "a local's type"))
	}
	w := walker{preparer: p, r: r, body: &b, locals: locals, nesting: p.nesting[:0]}
	if p.added.checks != nil {
		w.checks = p.added.checks.ofLoops(locals.n)
		b.edits = append(b.edits, edit{from: b.from, to: b.from}, edit{from: r.at, to: r.at})
		b.entry, b.counter = 1, locals.n
	}
	w.walk()
	p.nesting = w.nesting[:0] // to be used again
	if p.added.checks != nil && b.loops {
		b.edits[0] = edit{b.from, countEnd, binary.AppendUvarint(nil, uint64(groups)+1)}
		b.edits[1].with = []byte{1, byte(I32)}
	}
	return b
}

// walker goes through the instructions of one body.
type walker struct {
	*preparer
	r       *reader
	body    *body
	nesting nesting
	checks  *loopChecks // nil: none
	path    int         // see follow
	locals  locals
	loops   []openLoop // from the outermost
}

func (w *walker) walk() {
	const what = "an instruction"
	r := w.r
	w.nesting.open(false)
	for len(w.nesting) > 0 && r.err == nil {
		start := r.at
		op := r.byte(what)
		switch opcodes[op] {
		case none:
		case index:
			r.u32(what)
		case local:
			if index := w.local(); op != opGetLocal {
				w.assign(index)
			}
		case twoIndexes:
			r.u32(what)
			r.u32(what)
		case block:
			w.skipBlockType(r)
			w.nesting.open(false)
		case loop:
			w.openLoop(start)
		case tryTable:
			w.skipBlockType(r)
			w.readCatches() // whose labels do not count the block that begins here
			w.nesting.open(false)
		case globalIndex:
			r.index("global", w.globals)
		case funcIndex:
			r.index("function", w.funcs)
		case blockEnd:
			w.closeBlock()
		case branchTable:
			for range r.items("labels", mostElements) {
				w.readLabel(w.path)
			}
			w.readLabel(w.path)
		case label:
			w.readLabel(w.path)
		case call:
			w.body.direct = append(w.body.direct, r.index("function", w.funcs))
		case callRef:
			r.index("type", w.types())
			w.body.indirect = true
		case callIndirect:
			r.index("type", w.types())
			r.u32("a table's index")
			w.body.indirect = true
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
		w.follow(op, start)
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
		w.body.edits = append(w.body.edits, edit{start, w.r.at, with})
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
		if w.checks != nil && !w.wide && slices.Contains(takesLength, sub) {
			w.body.edits = append(w.body.edits, edit{start, start, w.added.checks.callBulk})
		}
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

// takesLength are the instructions behind 0xfc that work on as much as the last of their operands says: memory.init, .copy and .fill, table.init,
// .copy, .grow and .fill.
var takesLength = []uint32{8, 10, 11, 12, 14, 15, 17}

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

// skipBlockType passes over a block type: nothing, one value type, or a type's index. It reports whether there are parameters.
func (p *preparer) skipBlockType(r *reader) (params bool) {
	const what, empty = "a block type", 0x40
	if r.left() == 0 {
		r.byte(what)
		return false
	}
	switch t := ValueType(r.b[r.at]); {
	case t == empty:
		r.at++
	case t&0xc0 == 0x40: // a negative number of one byte, as value types are
		readValueType(r, what)
	default:
		if i := r.index("type", p.types()); r.err == nil {
			return len(p.signatures[i].params) > 0
		}
	}
	return false
}

// skipMemArg passes over alignment and offset. An alignment's bit 6 says that a memory's index follows it.
func skipMemArg(r *reader) {
	const hasIndex = 1 << 6
	if align := r.u32("an alignment"); align&hasIndex != 0 {
		r.u32("a memory's index")
	}
	r.leb(64, "an offset")
}

// readCatches reads the clauses of try_table
// (https://github.com/WebAssembly/exception-handling/blob/main/proposals/exception-handling/Exceptions.md#control-flow-instructions).
func (w *walker) readCatches() {
	r := w.r
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
		w.readLabel(longestPath) // whatever is in the block leads there
	}
}
