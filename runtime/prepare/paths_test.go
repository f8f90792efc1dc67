package prepare

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
)

func TestLongPathsAreCheckedInBetween(t *testing.T) {
	nops := func(n int) []byte { return bytes.Repeat([]byte{0x01}, n) }
	code := func(parts ...[]byte) []byte { return slices.Concat(parts...) }
	var (
		call      = []byte{0x10, 0}
		block     = []byte{0x02, 0x40}
		loop      = []byte{0x03, 0x40}
		whether   = []byte{0x41, 0, 0x04, 0x40} // i32.const 0, if
		otherwise = []byte{0x05}
		end       = []byte{0x0b}
		br0       = []byte{0x0c, 0}
		brIf0     = []byte{0x41, 0, 0x0d, 0}
		br1       = []byte{0x0c, 1}
		table0    = []byte{0x41, 0, 0x0e, 1, 0, 1}
		returns   = []byte{0x0f}
		catchAll  = []byte{0x1f, 0x40, 1, 2, 0} // try_table, to its own block's outside
	)
	const most, half = longestPath - 16, longestPath / 2
	for _, tc := range []struct {
		name string
		code []byte
		want int // how many checks, but for that of the function's entry
	}{
		{"a short path is not", nops(most), 0},
		{"a long one is", nops(longestPath), 1},
		{"so is a longer one, as often as it is that long", nops(5 * longestPath), 5},
		{"calls add to it", bytes.Repeat(call, longestPath/callPath), 1},
		{"either branch of an if is a path", code(whether, nops(most), otherwise, nops(most), end), 0},
		{"behind it the longer one goes on", code(whether, nops(half), otherwise, nops(1), end, nops(half)), 1},
		{"where it has no second one, what leads to it goes on", code(nops(half), whether, returns, end, nops(half)), 1},
		{"a branch that is always taken goes on behind its block", code(block, nops(half), br0, end, nops(half)), 1},
		{"and not behind itself", code(block, nops(half), br0, nops(half), end), 0},
		{"a conditional one goes on in both places", code(block, nops(half), brIf0, returns, end, nops(half)), 1},
		{"a table's goes on behind all of its blocks", code(block, block, nops(half), table0, end, returns, end, nops(half)), 1},
		{"it may leave several", code(block, block, nops(half), br1, end, returns, end, nops(half)), 1},
		{"nothing comes from behind a return", code(block, nops(most), returns, end, nops(most)), 0},
		{"a loop begins a path", code(nops(ahead), loop, nops(most), end), 0},
		{"where what leads to it is short", code(nops(ahead+1), loop, nops(most), end), 1},
		{"indirect calls add to it", code([]byte{0x41, 0}, bytes.Repeat([]byte{0x11, 0, 0}, longestPath/callPath)), 1},
		{"so do divisions and roots", bytes.Repeat([]byte{0x9f}, longestPath/slowPath), 1},
		{"and those of vectors", bytes.Repeat([]byte{0xfd, 0xef, 1}, longestPath/slowPath), 1},
		{"an instruction of many bytes is one", code([]byte{0x1c}, binary.AppendUvarint(nil, 3000), bytes.Repeat([]byte{byte(I32)}, 3000)), 0},
		{"which a branch back to it does not make longer", code(loop, nops(most), brIf0, end), 0},
		{"what is caught may have come a long way", code(block, catchAll, nops(1), end, end, nops(16)), 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := &preparer{module: &Module{}, funcs: 1, signatures: []signature{{}}}
			p.added.checks = &checks{saved: map[ValueType][]uint32{}, ofLocals: map[uint64]*loopChecks{}}
			r := &reader{b: code([]byte{0}, tc.code, end)}
			b := p.readBody(r, nil)
			if r.err != nil {
				t.Fatal(r.err)
			}
			got := 0
			for _, e := range b.edits {
				if len(e.with) > 0 && e.with[0] == opGetGlobal { // those of loops and entries begin otherwise, and are not there yet
					got++
				}
			}
			if got != tc.want {
				t.Errorf("%d checks, want %d", got, tc.want)
			}
		})
	}
}
