package prepare

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mayfly-faas/mayfly/runtime/runtimetest"
)

func TestPrepareSaysWhatAModuleContains(t *testing.T) {
	got, err := Prepare(wasm, Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := &Module{
		Bytes: got.Bytes,
		Imports: []Import{
			{"env", "base", KindGlobal}, {"env", "const", KindGlobal}, {"env", "f", KindFunc}, {"env", "table", KindTable}, {"env", "oops", KindTag},
		},
		Exports:  []Export{{"memory", KindMemory, 0}, {"_start", KindFunc, 1}},
		Memories: []Memory{{MinPages: 1, MaxPages: 16, HasMax: true}},
		Tables:   3, MinElements: 3,
		Command: true, HasStart: true,
		Globals: []Global{
			{0, I32, "mayfly:global:0"}, {2, I32, "mayfly:global:2"}, {4, I64, "mayfly:global:4"}, {5, F32, "mayfly:global:5"},
			{6, F64, "mayfly:global:6"}, {7, V128, "mayfly:global:7"}, {8, FuncRef, "mayfly:global:8"}, {9, ExternRef, "mayfly:global:9"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("module (-want +got):\n%s", diff)
	}
	if e, ok := got.Export("_start"); !ok || e.Index != 1 {
		t.Errorf("Export(_start) is %v, %v", e, ok)
	}
	if e, ok := got.Export("none"); ok {
		t.Errorf("Export(none) is %v", e)
	}
}

func TestPrepareKeepsAllSectionsButCustomOnesAndExports(t *testing.T) {
	m, err := Prepare(wasm, Options{})
	if err != nil {
		t.Fatal(err)
	}
	exports := [][]byte{exported("memory", KindMemory, 0), exported("_start", KindFunc, 1)}
	for _, g := range m.Globals {
		exports = append(exports, exported(g.Name, KindGlobal, byte(g.Index)))
	}
	start := bytes.Index(wasm, section(sectionType, []byte{0x60, 0, 0}))
	old := section(sectionExport, exports[0], exports[1])
	end := bytes.Index(wasm, custom(".debug_info", "dropped"))
	want := module(bytes.Replace(wasm[start:end], old, section(sectionExport, exports...), 1))
	if diff := cmp.Diff(want, m.Bytes); diff != "" {
		t.Errorf("bytes (-want +got):\n%s", diff)
	}
}

func TestMissingExportSectionIsInsertedWhereItBelongs(t *testing.T) {
	globals := section(sectionGlobal, global(I32, 1, 0x41, 0))
	exports := section(sectionExport, exported("mayfly:global:0", KindGlobal, 0))
	table := section(sectionTable, []byte{byte(FuncRef), 0, 1})
	types := section(sectionType, []byte{0x60, 0, 0})
	function := section(sectionFunction, []byte{0})
	start := rawSection(sectionStart, []byte{0})
	element := section(sectionElement)
	dataCount := rawSection(sectionDataCount, []byte{0})
	code := section(sectionCode, []byte{2, 0, 0x0b})
	data := section(sectionData)
	for _, tc := range []struct {
		name          string
		before, after [][]byte
	}{
		{"at the end", [][]byte{globals}, nil},
		{"before start", [][]byte{types, function, globals}, [][]byte{start, code}},
		{"before element", [][]byte{table, globals}, [][]byte{element}},
		{"before data count", [][]byte{globals}, [][]byte{dataCount, data}},
		{"before code", [][]byte{types, function, globals}, [][]byte{code}},
		{"before data", [][]byte{globals}, [][]byte{data}},
		{"after tags", [][]byte{types, section(sectionMemory), section(sectionTag, []byte{0, 0}), globals}, [][]byte{data}},
		{"after names", [][]byte{globals, custom("name", "")}, nil},
		{"for imports", [][]byte{section(sectionImport, imported("a", "b", KindGlobal, byte(I32), 1))}, [][]byte{data}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m, err := Prepare(module(slices.Concat(tc.before, tc.after)...), Options{})
			if err != nil {
				t.Fatal(err)
			}
			want := module(slices.Concat(tc.before, [][]byte{exports}, tc.after)...)
			if diff := cmp.Diff(want, m.Bytes); diff != "" {
				t.Errorf("bytes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestModuleWithoutMutableGlobalsStaysAsItIs(t *testing.T) {
	for _, in := range [][]byte{
		module(),
		module(section(sectionGlobal, global(I32, 0, 0x41, 0)), section(sectionExport, exported("g", KindGlobal, 0)), custom("name", "x")),
	} {
		m, err := Prepare(in, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(in, m.Bytes) {
			t.Errorf("%x became %x", in, m.Bytes)
		}
	}
}

func TestMemoriesAreReadWithTheirLimits(t *testing.T) {
	m, err := Prepare(module(
		section(sectionImport, imported("env", "memory", KindMemory, 3, 2, 4)),
		section(sectionMemory, []byte{0, 1}, []byte{5, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40}),
	), Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []Memory{
		{Imported: true, MinPages: 2, MaxPages: 4, HasMax: true, Shared: true},
		{MinPages: 1},
		{MinPages: 1, MaxPages: 1 << 48, HasMax: true, Memory64: true},
	}
	if diff := cmp.Diff(want, m.Memories); diff != "" {
		t.Errorf("memories (-want +got):\n%s", diff)
	}
	if got := m.MinMemory(); got != 128<<10 {
		t.Errorf("MinMemory is %d, want 128 KiB", got)
	}
}

func TestMinMemoryOfTheLargestMemoryFitsAnInt64(t *testing.T) {
	m, err := Prepare(module(section(sectionMemory, []byte{4, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40})), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := int64(m.MinMemory()); got < 1<<62 {
		t.Errorf("MinMemory is %d", got)
	}
	if got := new(Module).MinMemory(); got != 0 {
		t.Errorf("MinMemory without a memory is %d", got)
	}
}

// What a count announces is not allocated before the bytes are there: an import takes 40 bytes for each 4 of the input,
// which is the worst.
func TestAnnouncedCountsAreNotAllocated(t *testing.T) {
	const million = "\xc0\x84\x3d"
	for _, content := range []string{"\xff\xff\xff\xff\x0f", million, million + string(make([]byte, 1_000_000))} {
		for id := sectionType; id <= sectionTag; id++ {
			in := module(rawSection(id, []byte(content)))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := Prepare(in, Options{})
			runtime.ReadMemStats(&after)
			if got, most := after.TotalAlloc-before.TotalAlloc, uint64(8<<10+12*len(in)); got > most {
				t.Errorf("section %d: %d bytes allocated for an input of %d (%v)", id, got, len(in), err)
			}
		}
	}
}

func TestNothingOfTheInputIsKept(t *testing.T) {
	in := bytes.Clone(wasm)
	m, err := Prepare(in, Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := bytes.Clone(m.Bytes)
	clear(in)
	if !bytes.Equal(want, m.Bytes) || m.Imports[0].Name != "base" || m.Exports[0].Name != "memory" {
		t.Error("the module changed with the input")
	}
}

func TestEveryCutModuleIsRefused(t *testing.T) {
	ends := map[int]bool{}
	for n := range wasm {
		_, err := Prepare(wasm[:n], Options{})
		if err == nil {
			ends[n] = true
			continue
		}
		if n > 0 && !errors.Is(err, ErrTruncated) {
			t.Errorf("cut to %d bytes: %v, want ErrTruncated", n, err)
		}
	}
	// Between two sections a cut leaves a module.
	if len(ends) != 16 {
		t.Errorf("modules cut to %v bytes are accepted, want one for each of the 15 sections and the header", ends)
	}
}

func BenchmarkPrepare(b *testing.B) {
	const size = 30 << 20
	data := append([]byte{1, 0x80, 0x80, 0x80, 0x0f}, make([]byte, size)...)
	in := module(section(sectionGlobal, global(I32, 1, 0x41, 0)), section(sectionData, data))
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Prepare(in, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPrepareCPython prepares what all Python functions run on. times-size is how many times its size is allocated.
func BenchmarkPrepareCPython(b *testing.B) {
	wasm, err := os.ReadFile(filepath.Join(runtimetest.DataDir(b), "python", "3.12.0", "python.wasm"))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(wasm)))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for b.Loop() {
		if _, err := Prepare(wasm, Options{Checks: true, Growth: true, Data: true}); err != nil {
			b.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/float64(b.N)/float64(len(wasm)), "times-size")
}
