package gateway_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/mayfly-faas/mayfly/host/wasi/wasitest"
)

// Functions, and passive element segments with one of them each, of the modules that lastingModule assembles.
const (
	sayFine, sayDirty         = 2, 3
	dirtyElement, fineElement = 1, 2
)

// lastingModule assembles a command with a table of two functions, of which the first answers "fine" and the second "dirty", and with segments that
// can be dropped.
func lastingModule(start ...byte) []byte {
	const i32 = 0x7f
	body := func(code ...byte) []byte {
		code = slices.Concat([]byte{0}, code, []byte{0x0b})
		return append([]byte{byte(len(code))}, code...)
	}
	data := func(at byte, b string) []byte {
		return slices.Concat([]byte{0, 0x41, at, 0x0b, byte(len(b))}, []byte(b))
	}
	// The texts are where two vectors, at 0 and 8, say that they are; 16 takes how much was written.
	write := func(vector byte) []byte { return []byte{0x41, 1, 0x41, vector, 0x41, 1, 0x41, 16, 0x10, 0, 0x1a} }
	const head = "Content-Type: a/b\n\n"
	m := new(wasitest.Module).
		Section(1, []byte{0x60, 4, i32, i32, i32, i32, 1, i32}, []byte{0x60, 0, 0}).
		Section(2, append(append(wasitest.Name("wasi_snapshot_preview1"), wasitest.Name("fd_write")...), 0, 0)).
		Section(3, []byte{1}, []byte{1}, []byte{1}).
		Section(4, []byte{0x70, 0, 2}).
		Section(5, []byte{0, 1}).
		Section(7, append(wasitest.Name("_start"), 0, 1), append(wasitest.Name("memory"), 2, 0)).
		Section(9, []byte{0, 0x41, 0, 0x0b, 2, sayFine, sayDirty}, []byte{1, 0, 1, sayDirty}, []byte{1, 0, 1, sayFine}).
		Section(12, nil, nil, nil, nil). // that there are four data segments
		Section(10, body(start...), body(write(0)...), body(write(8)...)).
		Section(11,
			data(0, "\x20\x00\x00\x00\x17\x00\x00\x00\x38\x00\x00\x00\x18\x00\x00\x00"),
			data(0x20, head+"fine"), data(0x38, head+"dirty"),
			slices.Concat([]byte{1, byte(len(head + "fine"))}, []byte(head+"fine")))
	return m.Bytes()
}

// TestTablesAndSegmentsBeginAnewWithEachRequest has commands that change for good what is neither memory nor global.
func TestTablesAndSegmentsBeginAnewWithEachRequest(t *testing.T) {
	s := start(t, config{})
	const requests = 150 // of each
	callFirst := []byte{0x41, 0, 0x11, 1, 0}
	after := func(code ...byte) []byte { return slices.Concat(callFirst, code) }
	dirty := []byte{0xd2, sayDirty} // ref.func
	for instruction, code := range map[string][]byte{
		"table.set":  after(slices.Concat([]byte{0x41, 0}, dirty, []byte{0x26, 0})...),
		"table.fill": after(slices.Concat([]byte{0x41, 0}, dirty, []byte{0x41, 1, 0xfc, 17, 0})...),
		"table.copy": after(0x41, 0, 0x41, 1, 0x41, 1, 0xfc, 14, 0, 0),
		"table.init": after(0x41, 0, 0x41, 0, 0x41, 1, 0xfc, 12, dirtyElement, 0),
		// The function at the table's size less two, then ref.null, 1, table.grow, drop.
		"table.grow": {0xfc, 16, 0, 0x41, 2, 0x6b, 0x11, 1, 0, 0xd0, 0x70, 0x41, 1, 0xfc, 15, 0, 0x1a},
		// table.init of what is dropped after it, and a call of it.
		"elem.drop": {0x41, 1, 0x41, 0, 0x41, 1, 0xfc, 12, fineElement, 0, 0x41, 1, 0x11, 1, 0, 0xfc, 13, fineElement},
		// memory.init over the text of dirty, whose vector is one byte longer, and a call of dirty.
		"data.drop": {0x41, 0x38, 0x41, 0, 0x41, 23, 0xfc, 8, 3, 0, 0x10, sayDirty, 0xfc, 9, 3},
	} {
		t.Run(instruction, func(t *testing.T) {
			name := strings.ReplaceAll(instruction, ".", "-")
			s.deploy(name, lastingModule(code...))
			for n := range requests {
				if a := s.send("GET", "/fn/"+name, ""); a.status != 200 || !strings.HasPrefix(a.body, "fine") {
					t.Fatalf("request %d got %d %s", n, a.status, a.body)
				}
			}
			var described struct{ Live struct{ Remade string } }
			if err := json.Unmarshal([]byte(s.send("GET", "/v1/functions/"+name, "").body), &described); err != nil {
				t.Fatal(err)
			}
			if got := described.Live.Remade; !strings.Contains(got, instruction) {
				t.Errorf("it is remade because %q, want that to name %s", got, instruction)
			}
		})
	}
	// Where nothing lasts, nothing is remade.
	s.deploy("calm", lastingModule(callFirst...))
	if a := s.send("GET", "/v1/functions/calm", ""); strings.Contains(a.body, "remade") {
		t.Errorf("a command without such instructions is remade: %s", a.body)
	}
}
