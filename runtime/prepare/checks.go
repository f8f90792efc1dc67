package prepare

import (
	"encoding/binary"
	"slices"
)

// Interrupt is the name under which a prepared module exports the global that stops it: an i32, which traps the guest at its next check
// when it is not 0. A reset must leave it alone.
const Interrupt = "mayfly:interrupt"

// Start is the name under which a prepared module exports its start function, which it then no longer runs when it is instantiated: it could
// not be stopped there. Whoever instantiates the module calls it.
const Start = "mayfly:start"

// How often a guest looks up. Loops count to ownLimit in a local, which all loops of a function share, and which takes less than a nanosecond;
// functions that have to (see entries) count at their entry to sharedLimit in a global, together; so does code without loops after every longestPath,
// and so do instructions that work on many bytes or elements. Then they call tick, which looks at the interrupt flag and, every ticksLimit times, lets
// Go run: code that wazero has compiled cannot be preempted, and a guest that never comes back to Go would hold up the garbage collector, and with it
// the whole server. At the worst, functions whose loops stop short of ownLimit called one after the other, a guest goes through ownLimit times
// sharedLimit times ticksLimit turns of its loops in between.
const (
	ownLimit    = 256
	sharedLimit = 256
	ticksLimit  = 64
)

// checks are the instructions of the checks.
type checks struct {
	callTick []byte
	callBulk []byte                 // put before an instruction that works on as much as is on the stack
	shared   []byte                 // counts in the global
	saved    map[ValueType][]uint32 // globals to save locals in: see saved
}

// loopChecks are the instructions of the checks of one function's loops, which count in a local.
type loopChecks struct {
	inLoop, leave, look, again []byte // of a loop with its check around it, which is left, where what is cold comes
	atHead                     []byte // all of it, at the head of the loop
}

func (c *checks) ofLoops(local uint64) *loopChecks {
	i := binary.AppendUvarint(nil, local)
	limit := appendSigned([]byte{0x41}, ownLimit)
	count := slices.Concat([]byte{0x20}, i, []byte{0x41, 1, 0x6a, 0x22}, i, limit) // local.get i, i32.const 1, i32.add, local.tee i, i32.const limit
	look := slices.Concat(c.callTick, []byte{0x41, 0, 0x21}, i)                    // call tick, i32.const 0, local.set i
	return &loopChecks{
		inLoop: append(slices.Clone(count), 0x4f, 0x0d, 1),                               // i32.ge_u, br_if cold
		leave:  []byte{0x0c, 1, 0x0b},                                                    // br exit, end
		look:   look,                                                                     //
		again:  []byte{0x0c, 1, 0x0b, 0x0b},                                              // br outer, end, end
		atHead: slices.Concat(count, []byte{0x49, 0x04, 0x40, 0x05}, look, []byte{0x0b}), // i32.lt_u, if, else, ..., end
	}
}

// addChecks adds the flag and what looks at it.
func (p *preparer) addChecks() {
	global := func() (index uint32, encoded []byte) {
		index = p.addGlobal(I32, constI32(0))
		return index, binary.AppendUvarint(nil, uint64(index))
	}
	flagIndex, flag := global()
	_, count := global()
	_, ticks := global()
	p.module.Checked = true
	p.addExport(Interrupt, flagIndex)
	if len(p.module.Memories) == 0 {
		// Growing a memory by nothing is how tick gets to Go.
		p.added.memories = [][]byte{{1, 0, 0}}
	}
	const get, set = 0x23, 0x24 // of globals
	tick := p.addFunction([]byte{0x60, 0, 0},
		[]byte{0},                   // no locals
		[]byte{0x41, 0, set}, count, // i32.const 0, global.set count
		[]byte{get}, ticks, []byte{0x41, 1, 0x6a, set}, ticks, // global.get ticks, i32.const 1, i32.add, global.set ticks
		[]byte{get}, ticks, appendSigned([]byte{0x41}, ticksLimit), []byte{0x4f, 0x04, 0x40}, // global.get ticks, i32.const limit, i32.ge_u, if
		[]byte{0x41, 0, set}, ticks, // i32.const 0, global.set ticks
		[]byte{0x41, 0, 0x40, 0, 0x1a, 0x0b},                    // i32.const 0, memory.grow, drop, end
		[]byte{get}, flag, []byte{0x04, 0x40, 0x00, 0x0b, 0x0b}, // global.get flag, if, unreachable, end, end
	)
	if p.module.HasStart {
		// Exporting the function itself would make it one that ref.func may name.
		caller := p.addFunction([]byte{0x60, 0, 0}, []byte{0, 0x10}, binary.AppendUvarint(nil, uint64(p.start)), []byte{0x0b})
		p.added.exports = append(p.added.exports, encodeExport(Start, KindFunc, caller))
		p.sections = slices.DeleteFunc(p.sections, func(s span) bool { return s.id == sectionStart })
	}
	c := &checks{callTick: binary.AppendUvarint([]byte{0x10}, uint64(tick))}
	c.shared = slices.Concat(
		[]byte{get}, count, []byte{0x41, 1, 0x6a, set}, count, // global.get count, i32.const 1, i32.add, global.set count
		[]byte{get}, count, appendSigned([]byte{0x41}, sharedLimit), []byte{0x49, 0x04, 0x40, 0x05}, // global.get count, i32.const limit, i32.lt_u, if, else
		c.callTick, []byte{0x0b}, // call tick, end
	)
	// bulk counts 4 KiB of a length as one, or as many elements, and hands the length on. What is larger than 1 MiB lets Go run at once, but is not
	// interrupted: it takes some 20 ms for 128 MiB.
	const length = 0
	bulk := p.addFunction([]byte{0x60, 1, byte(I32), 1, byte(I32)},
		[]byte{0}, // no locals
		[]byte{0x20, length, 0x41, 12, 0x76, 0x41, 1, 0x6a}, // local.get length, i32.const 12, i32.shr_u, i32.const 1, i32.add
		[]byte{get}, count, []byte{0x6a, set}, count, // global.get count, i32.add, global.set count
		[]byte{get}, count, appendSigned([]byte{0x41}, sharedLimit), []byte{0x4f, 0x04, 0x40}, // global.get count, i32.const limit, i32.ge_u, if
		[]byte{0x20, length, 0x41, 20, 0x76, 0x04, 0x40},                         // local.get length, i32.const 20, i32.shr_u, if
		appendSigned([]byte{0x41}, ticksLimit), []byte{set}, ticks, []byte{0x0b}, // i32.const limit, global.set ticks, end
		c.callTick, []byte{0x0b, 0x20, length, 0x0b}, // call tick, end, local.get length, end
	)
	c.callBulk = binary.AppendUvarint([]byte{0x10}, uint64(bulk))
	c.saved = map[ValueType][]uint32{}
	p.added.checks = c
}
