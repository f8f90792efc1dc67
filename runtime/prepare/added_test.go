package prepare

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// sizes is a module whose functions size and grow are memory.size and memory.grow. Its memory has 1 page, and at most 4.
var sizes = module(
	section(sectionType, []byte{0x60, 0, 1, byte(I32)}, []byte{0x60, 1, byte(I32), 1, byte(I32)}),
	section(sectionFunction, []byte{0}, []byte{1}),
	section(sectionMemory, []byte{1, 1, 4}),
	section(sectionExport, exported("memory", KindMemory, 0), exported("size", KindFunc, 0), exported("grow", KindFunc, 1)),
	section(sectionCode, []byte{4, 0, 0x3f, 0, 0x0b}, []byte{6, 0, 0x20, 0, 0x40, 0, 0x0b}),
	section(sectionData, []byte{0, 0x41, 8, 0x0b, 2, 'h', 'i'}, []byte{1, 1, 'p'}, []byte{2, 0, 0x41, 0x80, 1, 0x0b, 1, '!'}),
)

func instantiate(t *testing.T, wasm []byte) api.Module {
	t.Helper()
	ctx := context.Background()
	r := wazero.NewRuntime(ctx)
	t.Cleanup(func() { _ = r.Close(ctx) })
	mod, err := r.Instantiate(ctx, wasm)
	if err != nil {
		t.Fatal(err)
	}
	return mod
}

func TestMemorysSizeCanBeSetBack(t *testing.T) {
	m, err := Prepare(sizes, Options{Growth: true})
	if err != nil {
		t.Fatal(err)
	}
	mod := instantiate(t, m.Bytes)
	call := func(name string, args ...uint64) int32 {
		t.Helper()
		results, err := mod.ExportedFunction(name).Call(t.Context(), args...)
		if err != nil {
			t.Fatal(err)
		}
		return int32(results[0])
	}
	size := mod.ExportedGlobal(m.Size).(api.MutableGlobal)
	for range 3 {
		for _, step := range []struct {
			name string
			arg  []uint64
			want int32
		}{
			{"size", nil, 1},
			{"grow", []uint64{0}, 1},
			{"grow", []uint64{2}, 1},
			{"size", nil, 3},
			{"grow", []uint64{2}, -1}, // more than the module's own limit
			{"grow", []uint64{1<<32 - 1}, -1},
			{"size", nil, 3},
			{"grow", []uint64{1}, 3},
		} {
			if got := call(step.name, step.arg...); got != step.want {
				t.Errorf("%s%v is %d, want %d", step.name, step.arg, got, step.want)
			}
		}
		if pages, _ := mod.Memory().Grow(0); pages != 4 || size.Get() != 4 {
			t.Errorf("the memory has %d pages, and the global says %d", pages, size.Get())
		}
		size.Set(1) // as a reset does
	}
}

func TestDataIsTakenOutOfAModule(t *testing.T) {
	m, err := Prepare(sizes, Options{Data: true})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Data{{8, []byte("hi")}, {128, []byte("!")}}, m.Data); diff != "" {
		t.Errorf("data (-want +got):\n%s", diff)
	}
	if b, _ := instantiate(t, m.Bytes).Memory().Read(0, 256); string(b) != string(make([]byte, 256)) {
		t.Error("instantiating the module writes to its memory")
	}
	for name, data := range map[string][]byte{
		"an imported offset": module(
			section(sectionImport, imported("env", "base", KindGlobal, byte(I32), 0)), section(sectionMemory, []byte{0, 1}),
			section(sectionData, []byte{0, 0x23, 0, 0x0b, 1, 'a'}),
		),
		"an imported memory": module(
			section(sectionImport, imported("env", "memory", KindMemory, 0, 1)), section(sectionData, []byte{0, 0x41, 0, 0x0b, 1, 'a'}),
		),
	} {
		m, err := Prepare(data, Options{Data: true})
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Data) != 0 || string(m.Bytes) != string(data) {
			t.Errorf("%s: %d segments were taken out", name, len(m.Data))
		}
	}
}

func TestOffsetsOfDataAreRead(t *testing.T) {
	for want, expr := range map[uint32][]byte{
		0: {0x41, 0, 0x0b}, 63: {0x41, 0x3f, 0x0b}, 64: {0x41, 0xc0, 0, 0x0b}, 1 << 31: {0x41, 0x80, 0x80, 0x80, 0x80, 0x78, 0x0b}, 1<<32 - 1: {0x41, 0x7f, 0x0b},
	} {
		if got, ok := constant32(expr); !ok || got != want {
			t.Errorf("%x is %d (%v), want %d", expr, got, ok, want)
		}
	}
	for _, expr := range [][]byte{{0x23, 0, 0x0b}, {0x41, 1, 0x41, 2, 0x6a, 0x0b}, {0x0b}} {
		if got, ok := constant32(expr); ok {
			t.Errorf("%x is %d", expr, got)
		}
	}
}

func TestModulesSayWhatAResetCannotBringBack(t *testing.T) {
	code := func(body ...byte) []byte {
		body = append(append([]byte{0}, body...), 0x0b)
		return module(
			section(sectionType, []byte{0x60, 0, 0}), section(sectionFunction, []byte{0}), section(sectionTable, []byte{byte(FuncRef), 0, 1}),
			section(sectionMemory, []byte{0, 1}), section(sectionElement, []byte{1, 0, 0}), rawSection(sectionDataCount, []byte{1}),
			section(sectionCode, append([]byte{byte(len(body))}, body...)), section(sectionData, []byte{1, 0}),
		)
	}
	for _, tc := range []struct {
		want string
		wasm []byte
	}{
		{"", code(0x41, 0, 0x25, 0, 0x1a)}, // table.get
		{"its code has table.set, whose effect lasts", code(0x41, 0, 0xd0, 0x70, 0x26, 0)},
		{"its code has table.init, elem.drop, whose effect lasts", code(0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 12, 0, 0, 0xfc, 13, 0)},
		{"its code has table.copy, whose effect lasts", code(0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 14, 0, 0)},
		{"its code has table.grow, whose effect lasts", code(0xd0, 0x70, 0x41, 0, 0xfc, 15, 0, 0x1a)},
		{"its code has table.fill, whose effect lasts", code(0x41, 0, 0xd0, 0x70, 0x41, 0, 0xfc, 17, 0)},
		{"its code has data.drop, whose effect lasts", code(0xfc, 9, 0)},
		{"it has more than one memory", module(section(sectionMemory, []byte{0, 1}, []byte{0, 1}))},
		{"its memory is imported, shared or of 64 bits", module(section(sectionImport, imported("a", "b", KindMemory, 0, 1)))},
		{"it has a global that is a reference and changes", module(section(sectionGlobal, global(FuncRef, 1, 0xd0, byte(FuncRef))))},
	} {
		m, err := Prepare(tc.wasm, Options{Checks: true, Growth: true, Data: true})
		if err != nil {
			t.Errorf("%s: %v", tc.want, err)
			continue
		}
		if got := m.Lasting(); got != tc.want {
			t.Errorf("got %q, want %q", got, tc.want)
		}
	}
}

func TestTablesCannotGrowBeyondABound(t *testing.T) {
	for _, tc := range []struct {
		name   string
		limits []byte
		begins int32
		most   int32 // that grow goes to
	}{
		{"no maximum", []byte{0, 3}, 3, 10},
		{"one above the bound", []byte{1, 3, 100}, 3, 10},
		{"one below it", []byte{1, 3, 5}, 3, 5},
		{"a table that begins above it", []byte{0, 12}, 12, 12},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m, err := Prepare(module(
				section(sectionType, []byte{0x60, 1, byte(I32), 1, byte(I32)}),
				section(sectionFunction, []byte{0}),
				section(sectionTable, append([]byte{byte(FuncRef)}, tc.limits...), []byte{byte(ExternRef), 0, 1}),
				section(sectionExport, exported("grow", KindFunc, 0)),
				section(sectionCode, []byte{9, 0, 0xd0, byte(FuncRef), 0x20, 0, 0xfc, 15, 0, 0x0b}), // ref.null func, local.get 0, table.grow 0
			), Options{Elements: 10})
			if err != nil {
				t.Fatal(err)
			}
			if want := uint64(tc.begins) + 1; m.MinElements != want {
				t.Errorf("MinElements is %d, want %d", m.MinElements, want)
			}
			grow := instantiate(t, m.Bytes).ExportedFunction("grow")
			for _, step := range []struct{ by, want int32 }{{tc.most - tc.begins + 1, -1}, {tc.most - tc.begins, tc.begins}, {1, -1}} {
				got, err := grow.Call(t.Context(), uint64(step.by))
				if err != nil || int32(got[0]) != step.want {
					t.Errorf("growing by %d gives %v, %v; want %d", step.by, got, err, step.want)
				}
			}
		})
	}
}
