package prepare

import (
	"encoding/binary"
	"slices"
)

// locals are the locals of a function, of which the first are its parameters.
type locals struct {
	params []ValueType
	groups []localGroup
	n      uint64
}

// localGroup is locals of one type: those before end that no other group has.
type localGroup struct {
	end uint64
	typ ValueType
}

func (l *locals) add(n uint32, typ ValueType) {
	l.n += uint64(n)
	l.groups = append(l.groups, localGroup{l.n, typ})
}

// typeOf returns a local's type; 0 where there is none.
func (l *locals) typeOf(index uint32) ValueType {
	if int(index) < len(l.params) {
		return l.params[index]
	}
	i, _ := slices.BinarySearchFunc(l.groups, uint64(index), func(g localGroup, index uint64) int {
		if g.end <= index {
			return -1
		}
		return 1
	})
	if i == len(l.groups) {
		return 0
	}
	return l.groups[i].typ
}

// local reads a local's index. There is one more than the function has, for its loops to count in, which it must not reach.
func (w *walker) local() uint32 {
	start := w.r.at
	index := w.r.u32("a local's index")
	if uint64(index) >= w.locals.n {
		w.r.fail(start, "there is no local %d", index)
	}
	return index
}

// zeros has what gives a global of each type its first value.
var zeros = map[ValueType][]byte{
	I32:  {0x41, 0},
	I64:  {0x42, 0},
	F32:  {0x43, 0, 0, 0, 0},
	F64:  {0x44, 0, 0, 0, 0, 0, 0, 0, 0},
	V128: slices.Concat([]byte{0xfd, 12}, make([]byte, 16)),
}

// mostAssigned bounds how many locals are saved around a call of tick. Each takes a register at the head of the loop, and with more there are none left: the loops
// of programs that Go has compiled change dozens.
const mostAssigned = 6

// assigned are the first locals that change in a loop.
type assigned []uint32

func (a *assigned) add(local uint32) {
	if len(*a) < mostAssigned && !slices.Contains(*a, local) {
		*a = append(*a, local)
	}
}

// openLoop is a loop that has not ended yet.
type openLoop struct {
	assigned
	head int // which edit is at its head
	path int // the longest one in it, without loops in it
}

// assign notes that a local changes.
func (w *walker) assign(local uint32) {
	if n := len(w.loops); n > 0 {
		w.loops[n-1].add(local)
	}
}

// closeLoop returns the loop that ends. The locals that change in it do so in the one around it, too.
func (w *walker) closeLoop() openLoop {
	n := len(w.loops) - 1
	l := w.loops[n]
	w.loops = w.loops[:n]
	for _, local := range l.assigned {
		w.assign(local)
	}
	return l
}

// keep returns what saves locals in globals, and what restores them, around a call of tick in a loop. The compiler would keep them in memory, too, and
// write them there whenever they change, at each turn of the loop, if they lived across the call.
func (w *walker) keep(changed assigned) (save, restore []byte) {
	const getLocal, setLocal, getGlobal, setGlobal = 0x20, 0x21, 0x23, 0x24
	used := map[ValueType]int{}
	for _, local := range changed {
		typ := w.locals.typeOf(local)
		if zeros[typ] == nil { // a reference
			continue
		}
		global := uint64(w.savedIn(typ, used[typ]))
		used[typ]++
		save = binary.AppendUvarint(append(binary.AppendUvarint(append(save, getLocal), uint64(local)), setGlobal), global)
		restore = binary.AppendUvarint(append(binary.AppendUvarint(append(restore, getGlobal), global), setLocal), uint64(local))
	}
	return save, restore
}

// savedIn returns the nth global of a type that locals are saved in. All loops share them: tick calls none.
func (p *preparer) savedIn(typ ValueType, n int) uint32 {
	saved := p.added.checks.saved
	if n == len(saved[typ]) {
		saved[typ] = append(saved[typ], p.addGlobal(typ, zeros[typ]))
	}
	return saved[typ][n]
}
