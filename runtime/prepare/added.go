package prepare

import (
	"encoding/binary"
	"slices"
	"strconv"
)

// added is what a prepared module has more than the original: encoded items of sections, and code.
type added struct {
	types, functions, memories, globals, exports, bodies [][]byte

	checks   *checks // nil: none
	getSize  []byte  // in place of memory.size; nil: it stays
	callGrow []byte  // in place of memory.grow; nil: it stays
}

// add settles what is added. All indices of the original stay as they are: what is added comes after them.
func (p *preparer) add() {
	if p.options.Growth && len(p.bodies) > 0 && p.ownMemory() {
		p.addGrowth()
	}
	for _, g := range p.module.Globals {
		p.addExport(g.Name, g.Index)
	}
	if p.options.Checks && len(p.bodies) > 0 {
		p.addChecks()
	}
	for id, items := range map[byte][][]byte{sectionMemory: p.added.memories, sectionGlobal: p.added.globals, sectionExport: p.added.exports} {
		if len(items) > 0 {
			p.insert(id)
		}
	}
}

// addGlobal adds a mutable global, to which an instruction gives its first value, and returns its index.
func (p *preparer) addGlobal(typ ValueType, init []byte) uint32 {
	p.added.globals = append(p.added.globals, slices.Concat([]byte{byte(typ), 1}, init, []byte{0x0b}))
	return p.globals + uint32(len(p.added.globals)) - 1
}

func constI32(v int32) []byte { return appendSigned([]byte{0x41}, v) }

// addFunction adds a function and returns its index. The type and the body, with its locals and its end, are encoded.
func (p *preparer) addFunction(typ []byte, body ...[]byte) uint32 {
	code := slices.Concat(body...)
	p.added.functions = append(p.added.functions, binary.AppendUvarint(nil, uint64(p.types())+uint64(len(p.added.types))))
	p.added.types = append(p.added.types, typ)
	p.added.bodies = append(p.added.bodies, append(binary.AppendUvarint(nil, uint64(len(code))), code...))
	return p.funcs + uint32(len(p.added.functions)) - 1
}

func (p *preparer) addExport(name string, global uint32) {
	p.added.exports = append(p.added.exports, encodeExport(name, KindGlobal, global))
}

func encodeExport(name string, kind Kind, index uint32) []byte {
	e := append(binary.AppendUvarint(nil, uint64(len(name))), name...)
	return binary.AppendUvarint(append(e, byte(kind)), uint64(index))
}

// ownMemory reports whether the module has one memory of 32 bits, which is its own.
func (p *preparer) ownMemory() bool {
	m := p.module.Memories
	return len(m) == 1 && !m[0].Imported && !m[0].Memory64 && !m[0].Shared
}

// addGrowth makes the size of the memory a global, so that a reset can bring it back: memory.size reads it, and memory.grow is a
// function that grows the memory itself only where it is not large enough from an earlier time.
//
// What a guest sees differs in one thing: between the size in the global and that of the memory, which are pages of zeros, its
// loads and stores do not trap.
func (p *preparer) addGrowth() {
	index := p.addGlobal(I32, constI32(int32(p.module.Memories[0].MinPages)))
	size := binary.AppendUvarint(nil, uint64(index))
	name := GlobalPrefix + strconv.FormatUint(uint64(index), 10)
	p.module.Size = name
	p.module.Globals = append(p.module.Globals, Global{Index: index, Type: I32, Name: name})
	p.added.getSize = append([]byte{0x23}, size...)
	const delta, old, wanted = 0, 1, 2
	grow := p.addFunction([]byte{0x60, 1, byte(I32), 1, byte(I32)},
		[]byte{1, 2, byte(I32)}, // two locals: old and wanted
		[]byte{0x23}, size,      // global.get size
		[]byte{0x22, old},                                         // local.tee old
		[]byte{0x20, delta, 0x6a},                                 // local.get delta, i32.add
		[]byte{0x22, wanted},                                      // local.tee wanted
		[]byte{0x20, old, 0x49},                                   // local.get old, i32.lt_u: more than 2^32
		[]byte{0x04, 0x40, 0x41, 0x7f, 0x0f, 0x0b},                // if, i32.const -1, return, end
		[]byte{0x20, wanted, 0x3f, 0, 0x4b},                       // local.get wanted, memory.size, i32.gt_u
		[]byte{0x04, 0x40},                                        // if
		[]byte{0x20, wanted, 0x3f, 0, 0x6b},                       // local.get wanted, memory.size, i32.sub
		[]byte{0x40, 0, 0x41, 0x7f, 0x46},                         // memory.grow, i32.const -1, i32.eq
		[]byte{0x04, 0x40, 0x41, 0x7f, 0x0f, 0x0b, 0x0b},          // if, i32.const -1, return, end, end
		[]byte{0x20, wanted, 0x24}, size, []byte{0x20, old, 0x0b}, // local.get wanted, global.set size, local.get old, end
	)
	p.added.callGrow = binary.AppendUvarint([]byte{0x10}, uint64(grow))
}

// appendSigned encodes a signed LEB128 number.
func appendSigned(b []byte, v int32) []byte {
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}
