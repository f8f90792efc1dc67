package prepare

import (
	"errors"
	"strings"
	"testing"
)

func TestErrorsSayWhatIsWrongAndWhere(t *testing.T) {
	globalOf := func(typ ValueType, init ...byte) []byte {
		return module(section(sectionGlobal, global(typ, 0, init...)))
	}
	memory := section(sectionMemory, []byte{0, 1})
	types, functions := section(sectionType, []byte{0x60, 0, 0}), section(sectionFunction, []byte{0})
	codeOf := func(code ...byte) []byte {
		body := append(append([]byte{0}, code...), 0x0b)
		return module(types, functions, section(sectionCode, append([]byte{byte(len(body))}, body...)))
	}
	for _, tc := range []struct {
		name string
		wasm []byte
		is   error
		text string
	}{
		{"empty", nil, ErrNotWasm, `this is not WebAssembly: it does not begin with \0asm`},
		{"elf", []byte("\x7fELF\x02\x01\x01\x00"), ErrNotWasm, `this is not WebAssembly: it does not begin with \0asm`},
		{"component", []byte("\x00asm\x0d\x00\x01\x00"), ErrComponent, "this is a WebAssembly component, and only core modules can be run: build it for wasm32-wasip1 instead of wasip2, or take the core module out of it with wasm-tools component unbundle"},
		{"version", []byte("\x00asm\x02\x00\x00\x00"), ErrVersion, "this is WebAssembly of an unknown version: only version 1 can be run"},
		{"cut magic", []byte("\x00as"), ErrTruncated, "at offset 0x3, in the header: it has 8 bytes, and there are 3: the file is cut off"},
		{"cut component", []byte("\x00asm\x0d\x00"), ErrTruncated, "at offset 0x6, in the header: it has 8 bytes, and there are 6: the file is cut off"},
		{"no size", module([]byte{sectionCode}), ErrTruncated, "at offset 0x9, in the code section: it ends within the section's size: the file is cut off"},
		{"cut size", module([]byte{sectionCode, 0x80}), ErrTruncated, "at offset 0xa, in the code section: it ends within the section's size: the file is cut off"},
		{"cut section", module([]byte{sectionCode, 20, 1, 2, 3}), ErrTruncated, "malformed WebAssembly at offset 0xa, in the code section: 20 bytes are announced, and 3 are left: the file is cut off"},
		{"unknown section", module([]byte{14, 0}), nil, "at offset 0x8, in the section header: there is no section 14"},
		{"twice", module(memory, memory), nil, "at offset 0xd, in the memory section: there are two of them"},
		{"order", module(memory, section(sectionTable)), nil, "at offset 0xd, in the table section: it comes after the memory section and must come before it"},
		{"order of tags", module(section(sectionGlobal), section(sectionTag)), nil, "in the tag section: it comes after the global section and must come before it"},
		{"order of data count", module(section(sectionCode), rawSection(sectionDataCount, []byte{0})), nil, "in the data count section: it comes after the code section and must come before it"},
		{"section too long", module(rawSection(sectionDataCount, []byte{0, 1, 2})), nil, "at offset 0xb, in the data count section: 2 bytes are left over at its end"},
		{"section too short", module(rawSection(sectionStart, []byte{0x80}), custom("a", "")), nil, "at offset 0xb, in the start section: it ends within a function index"},
		{"count too large", module(rawSection(sectionMemory, []byte{5, 0})), nil, "at offset 0xa, in the memory section: 5 memories are announced, and 1 bytes are left"},
		{"too many", module(section(sectionMemory, make([][]byte, 101)...), custom("a", strings.Repeat("a", 200))), nil, "101 memories are announced, and 0 bytes are left"},
		{"more than a limit", module(rawSection(sectionMemory, []byte{101}, make([]byte, 202))), nil, "in the memory section: 101 memories are announced: at most 100 can be run"},
		{"long number", module(rawSection(sectionStart, []byte{0x80, 0x80, 0x80, 0x80, 0x80, 0})), nil, "at offset 0xa, in the start section: a function index is longer than 32 bits"},
		{"large number", module(rawSection(sectionStart, []byte{0xff, 0xff, 0xff, 0xff, 0x1f})), nil, "at offset 0xa, in the start section: a function index is longer than 32 bits"},
		{"name not UTF-8", module(section(sectionExport, exported("\xff", KindFunc, 0))), nil, "at offset 0xb, in the export section: an export's name is not UTF-8"},
		{"name too long", module(rawSection(sectionExport, []byte{1, 9, 'a'})), nil, "at offset 0xc, in the export section: an export's name: 9 bytes are announced, and 1 are left"},
		{"custom name", module(rawSection(sectionCustom, []byte{9})), nil, "in the custom section: its name: 9 bytes are announced, and 0 are left"},
		{"reserved", module(section(sectionExport, exported("mayfly:global:0", KindFunc, 0))), nil, `at offset 0xb, in the export section: the export "mayfly:global:0" has a name that is Mayfly's own: has the module been prepared before?`},
		{"export kind", module(section(sectionExport, exported("a", 5, 0))), nil, "at offset 0xd, in the export section: there is no export of kind 5"},
		{"import kind", module(section(sectionImport, imported("a", "b", 5, 0))), nil, "at offset 0xf, in the import section: there is no import of kind 5"},
		{"type", module(section(sectionType, []byte{0x5f, 0})), nil, "in the type section: a type begins with 0x5f: only those of functions, which begin with 0x60, can be run"},
		{"value type", module(section(sectionType, []byte{0x60, 1, 0x40, 0})), nil, "at offset 0xd, in the type section: a value type is 0x40, which is no value type"},
		{"table of numbers", module(section(sectionTable, []byte{byte(I32), 0, 0})), nil, "at offset 0xb, in the table section: i32 is no reference type"},
		{"table's flags", module(section(sectionTable, []byte{0x40, 1, byte(FuncRef), 0, 0, 0x0b})), nil, "a table with an initialiser has the unknown flags 0x1"},
		{"limits", module(section(sectionMemory, []byte{8, 0})), nil, "at offset 0xb, in the memory section: limits have the unknown flags 0x8"},
		{"large memory", module(section(sectionMemory, []byte{0, 0x81, 0x80, 4})), nil, "a memory of 65537 pages is larger than 65536 pages, which are all it can address"},
		{"tag", module(section(sectionTag, []byte{1, 0})), nil, "in the tag section: a tag's attribute is 1"},
		{"mutability", module(section(sectionGlobal, global(I32, 2, 0x41, 0))), nil, "at offset 0xc, in the global section: a global's mutability is 2"},
		{"not constant", globalOf(I32, 0x10, 0), nil, "at offset 0xd, in the global section: a constant expression has the instruction 0x10, which is not constant"},
		{"SIMD not constant", globalOf(V128, 0xfd, 0x0f), nil, "a constant expression has the instruction 0xfd 15, which is not constant"},
		{"i32.const too long", globalOf(I32, 0x41, 0x80, 0x80, 0x80, 0x80, 0x80, 0), nil, "a constant expression is longer than 32 bits"},
		{"i32.const too large", globalOf(I32, 0x41, 0xff, 0xff, 0xff, 0xff, 0x0f), nil, "a constant expression is longer than 32 bits"},
		{"i64.const too large", globalOf(I64, 0x42, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1), nil, "a constant expression is longer than 64 bits"},
		{"no end", module(rawSection(sectionGlobal, []byte{1, byte(I32), 0, 0x41, 0})), nil, "at offset 0xf, in the global section: it ends within a constant expression"},
		{"element flags", module(section(sectionElement, []byte{8})), nil, "an element segment has the unknown flags 0x8"},
		{"element kind", module(section(sectionElement, []byte{1, 1, 0})), nil, "at offset 0xc, in the element section: an element segment is of another kind than functions"},
		{"no function", module(rawSection(sectionStart, []byte{0})), nil, "at offset 0xa, in the start section: there is no function 0: there are 0"},
		{"our flag", codeOf(0x41, 0, 0x24, 0), nil, "in the code section: there is no global 0: there are 0"},
		{"our local", codeOf(0x03, 0x40, 0x41, 0, 0x21, 0, 0x0c, 0, 0x0b), nil, "in the code section: there is no local 0"},
		{"our label", codeOf(0x03, 0x40, 0x0c, 2, 0x0b), nil, "in the code section: there is no label 2"},
		{"a label of a table", codeOf(0x41, 0, 0x0e, 0, 1), nil, "in the code section: there is no label 1"},
		{"our function", codeOf(0x41, 1, 0x10, 1), nil, "in the code section: there is no function 1: there are 1"},
		{"our function's reference", codeOf(0xd2, 1), nil, "in the code section: there is no function 1: there are 1"},
		{"our type", codeOf(0x11, 1, 0), nil, "in the code section: there is no type 1: there are 1"},
		{"our global exported", module(section(sectionExport, exported("a", KindGlobal, 0))), nil, "in the export section: there is no global 0: there are 0"},
		{"our global in a constant", globalOf(I32, 0x23, 0), nil, "in the global section: there is no global 0: there are 0"},
		{"bodies", module(section(sectionCode, []byte{2, 0, 0x0b})), nil, "in the code section: there are 1 function bodies, and the function section has 0 functions"},
		{"body", module(types, functions, section(sectionCode, []byte{3, 0, 0x0b})), nil, "in the code section: a function body: 3 bytes are announced, and 2 are left"},
		{"body too long", codeOf(0x0b), nil, "in the code section: 1 bytes follow the end of a function body"},
		{"body too short", module(types, functions, section(sectionCode, []byte{3, 0, 0x02, 0x40})), nil, "in the code section: it ends within an instruction"},
		{"no instruction", codeOf(0x27), nil, "in the code section: there is no instruction 0x27 that can be run"},
		{"garbage collection", codeOf(0xfb, 0), nil, "there is no instruction 0xfb that can be run"},
		{"legacy exceptions", codeOf(0x06, 0x40), nil, "the instruction 0x6 is of the exception handling that the standard has left behind: translate it with wasm-opt --translate-to-exnref"},
		{"bulk", codeOf(0xfc, 18), nil, "there is no instruction 0xfc 0x12 that can be run"},
		{"relaxed SIMD", codeOf(0xfd, 0x80, 2), nil, "there is no instruction 0xfd 0x100 that can be run"},
		{"atomic", codeOf(0xfe, 4), nil, "there is no instruction 0xfe 0x4 that can be run"},
		{"catch", codeOf(0x1f, 0x40, 1, 4, 0), nil, "a catch clause is of the unknown kind 4"},
		{"local's type", module(types, functions, section(sectionCode, []byte{5, 1, 1, 0x40, 0x0b, 0})), nil, "a local's type is 0x40, which is no value type"},
		{"data kind", module(section(sectionData, []byte{3, 0})), nil, "in the data section: a data segment is of the unknown kind 3"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m, err := Prepare(tc.wasm, Options{Checks: true, Growth: true, Data: true})
			if err == nil {
				t.Fatalf("accepted: %+v", m)
			}
			if !strings.HasSuffix(err.Error(), tc.text) {
				t.Errorf("got  %s\nwant %s", err, tc.text)
			}
			if tc.is != nil && !errors.Is(err, tc.is) || tc.is == nil && errors.Is(err, ErrTruncated) {
				t.Errorf("errors.Is is wrong for %v", err)
			}
			format, ok := errors.AsType[*FormatError](err)
			if wantFormat := tc.is == nil || errors.Is(tc.is, ErrTruncated); ok != wantFormat {
				t.Errorf("%T is a *FormatError: %v", err, ok)
			}
			if ok && (format.Offset < 0 || format.Offset > len(tc.wasm)) {
				t.Errorf("offset %d is not within the %d bytes", format.Offset, len(tc.wasm))
			}
		})
	}
}

func TestLongestNumbersAreAccepted(t *testing.T) {
	for name, init := range map[string][]byte{
		"i32 padded":   {0x41, 0x80, 0x80, 0x80, 0x80, 0},
		"i32 negative": {0x41, 0xff, 0xff, 0xff, 0xff, 0x7f},
		"i32 least":    {0x41, 0x80, 0x80, 0x80, 0x80, 0x78},
		"i64 least":    {0x42, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f},
		"heap type":    {0xd0, 0xf0, 0xff, 0xff, 0xff, 0x7f},
	} {
		if _, err := Prepare(module(section(sectionGlobal, global(I32, 1, init...))), Options{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Prepare(module(rawSection(sectionDataCount, []byte{0xff, 0xff, 0xff, 0xff, 0x0f})), Options{}); err != nil {
		t.Errorf("u32: %v", err)
	}
}

func TestKindsAndTypesHaveNames(t *testing.T) {
	for want, got := range map[string]interface{ String() string }{
		"func": KindFunc, "table": KindTable, "memory": KindMemory, "global": KindGlobal, "tag": KindTag, "kind 9": Kind(9),
		"i32": I32, "i64": I64, "f32": F32, "f64": F64, "v128": V128, "funcref": FuncRef, "externref": ExternRef, "ref": RefNull, "type 0x69": ValueType(0x69),
	} {
		if got.String() != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
