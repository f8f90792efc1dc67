package prepare

import (
	"encoding/binary"
	"slices"
)

const header = "\x00asm\x01\x00\x00\x00"

// module puts a module together of sections.
func module(sections ...[]byte) []byte {
	return append([]byte(header), slices.Concat(sections...)...)
}

// section encodes a section whose content begins with how many items it has.
func section(id byte, items ...[]byte) []byte {
	return rawSection(id, append(binary.AppendUvarint(nil, uint64(len(items))), slices.Concat(items...)...))
}

func rawSection(id byte, content ...[]byte) []byte {
	body := slices.Concat(content...)
	return append(binary.AppendUvarint([]byte{id}, uint64(len(body))), body...)
}

func custom(name, content string) []byte {
	return rawSection(sectionCustom, encodeName(name), []byte(content))
}

func encodeName(s string) []byte { return append(binary.AppendUvarint(nil, uint64(len(s))), s...) }

func imported(mod, name string, kind Kind, desc ...byte) []byte {
	return slices.Concat(encodeName(mod), encodeName(name), []byte{byte(kind)}, desc)
}

func exported(name string, kind Kind, index byte) []byte {
	return append(encodeName(name), byte(kind), index)
}

// global encodes a global with an initialiser, whose end is added.
func global(typ ValueType, mutable byte, init ...byte) []byte {
	return append(append([]byte{byte(typ), mutable}, init...), 0x0b)
}

// wasm is a module that has a bit of everything: an imported mutable global, one of each type of its own, and all sections.
var wasm = module(
	custom("producers", "dropped"),
	section(sectionType, []byte{0x60, 0, 0}),
	section(sectionImport,
		imported("env", "base", KindGlobal, byte(I32), 1),
		imported("env", "const", KindGlobal, byte(I64), 0),
		imported("env", "f", KindFunc, 0),
		imported("env", "table", KindTable, byte(FuncRef), 0, 1),
		imported("env", "oops", KindTag, 0, 0),
	),
	section(sectionFunction, []byte{0}),
	section(sectionTable, []byte{byte(FuncRef), 1, 1, 2}, []byte{0x40, 0, byte(FuncRef), 0, 1, 0xd2, 0, 0x0b}),
	section(sectionMemory, []byte{1, 1, 16}),
	section(sectionTag, []byte{0, 0}),
	section(sectionGlobal,
		global(I32, 1, 0x41, 0x7f),
		global(I32, 0, 0x23, 0, 0x41, 1, 0x6a),
		global(I64, 1, 0x42, 0x80, 0x01),
		global(F32, 1, 0x43, 0, 0, 0x80, 0x3f),
		global(F64, 1, 0x44, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f),
		global(V128, 1, slices.Concat([]byte{0xfd, 12}, make([]byte, 16))...),
		global(FuncRef, 1, 0xd2, 1),
		global(ExternRef, 1, 0xd0, byte(ExternRef)),
	),
	section(sectionExport, exported("memory", KindMemory, 0), exported("_start", KindFunc, 1)),
	rawSection(sectionStart, []byte{1}),
	section(sectionElement, []byte{0, 0x41, 0, 0x0b, 1, 0}, []byte{3, 0, 1, 1}, []byte{5, byte(FuncRef), 1, 0xd2, 0, 0x0b}, []byte{6, 1, 0x41, 0, 0x0b, byte(FuncRef), 0}),
	rawSection(sectionDataCount, []byte{3}),
	section(sectionCode, []byte{2, 0, 0x0b}),
	section(sectionData, []byte{0, 0x41, 0, 0x0b, 1, 'a'}, []byte{1, 2, 'b', 'c'}, []byte{2, 0, 0x41, 8, 0x0b, 0}),
	custom("name", ""),
	custom(".debug_info", "dropped"),
)
