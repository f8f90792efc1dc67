package prepare

import (
	"encoding/binary"
	"slices"
	"testing"
)

func TestLocalsHaveTheTypesOfTheirGroups(t *testing.T) {
	l := locals{params: []ValueType{F64, I32}, n: 2}
	l.add(0, V128)
	l.add(3, I64)
	l.add(1, FuncRef)
	for index, want := range []ValueType{F64, I32, I64, I64, I64, FuncRef, 0} {
		if got := l.typeOf(uint32(index)); got != want {
			t.Errorf("local %d is %s, want %s", index, got, want)
		}
	}
	if l.n != 6 {
		t.Errorf("there are %d locals", l.n)
	}
}

// TestLoopsKeepTheirLocals has a loop count in a local of each type, and in more than are saved, for so many turns that it looks up often.
func TestLoopsKeepTheirLocals(t *testing.T) {
	const turns = 10_000
	types := []struct {
		typ      ValueType
		add      []byte // what adds one to what is on the stack
		toNumber []byte // and what makes an i32 of it
	}{
		{I32, []byte{0x41, 1, 0x6a}, nil},
		{I64, []byte{0x42, 1, 0x7c}, []byte{0xa7}},
		{F32, []byte{0x43, 0, 0, 0x80, 0x3f, 0x92}, []byte{0xa8}},
		{F64, []byte{0x44, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0xa0}, []byte{0xaa}},
		{V128, slices.Concat([]byte{0xfd, 12, 1, 0, 0, 0}, make([]byte, 12), []byte{0xfd, 0xae, 1}), []byte{0xfd, 27, 0}}, // i32x4.add, extract_lane 0
	}
	for _, n := range []int{1, 2, mostAssigned + 3} { // of each type
		var groups, loop, sum []byte
		groups = append(groups, byte(len(types)+1))
		local := byte(0)
		for _, typ := range types {
			groups = append(groups, byte(n), byte(typ.typ))
			for range n {
				loop = slices.Concat(loop, []byte{0x20, local}, typ.add, []byte{0x21, local})
				sum = slices.Concat(sum, []byte{0x20, local}, typ.toNumber, []byte{0x6a})
				local++
			}
		}
		groups = append(groups, 1, byte(I32)) // the turns that are left
		left := local
		body := slices.Concat(groups,
			appendSigned([]byte{0x41}, turns), []byte{0x21, left, 0x03, 0x40}, loop, // i32.const turns, local.set left, loop
			[]byte{0x20, left, 0x41, 1, 0x6b, 0x22, left, 0x0d, 0, 0x0b}, // local.get left, i32.const 1, i32.sub, local.tee left, br_if 0, end
			[]byte{0x41, 0}, sum, []byte{0x0b},
		)
		m, err := Prepare(module(
			section(sectionType, []byte{0x60, 0, 1, byte(I32)}),
			section(sectionFunction, []byte{0}),
			section(sectionExport, exported("run", KindFunc, 0)),
			section(sectionCode, append(binary.AppendUvarint(nil, uint64(len(body))), body...)),
		), Options{Checks: true})
		if err != nil {
			t.Fatal(err)
		}
		got, err := instantiate(t, m.Bytes).ExportedFunction("run").Call(t.Context())
		if want := uint64(turns * n * len(types)); err != nil || got[0] != want {
			t.Errorf("%d locals of each type add up to %v, %v; want %d", n, got, err, want)
		}
	}
}
