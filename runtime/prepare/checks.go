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

// How often a guest looks up. A unit is unitPath of code, and limit units are counted from one call of tick to the next: by functions that have to (see
// entries) in a global, and by loops in a local, which takes less than a nanosecond a turn. tick looks at the interrupt flag and, every ticksLimit times, lets Go
// run: code that wazero has compiled cannot be preempted, and a guest that never comes back to Go would hold up the garbage collector, and with it
// the whole server.
//
// That is 16 KiB of code between looks, and 1 MiB until Go runs. What a guest can stretch it to: its loops begin to count where the global stands, and each call of
// a function with loops counts as loopUnits at least, so that those that stop just short of the limit make it 128 KiB; what is called, without looking up,
// for a call's callPath makes it eight times as much; and a byte of code may take thirty times as long as most do. 8 MiB then take 3 ms, and 100 at the very worst.
const (
	unitPath   = 64
	limit      = 256
	loopUnits  = 16
	ticksLimit = 64
)

// weight returns how many units a path is: at most a quarter of the limit, so that a loop that has looked up goes on.
func weight(path int) int32 { return int32(min(1+path/unitPath, limit/4)) }

// checks are the instructions of the checks.
type checks struct {
	callTick []byte
	callBulk []byte                 // put before an instruction that works on as much as is on the stack
	count    []byte                 // the index of the global
	saved    map[ValueType][]uint32 // globals to save locals in: see savedIn

	// What has been put together: a large module has tens of thousands of checks, and few that differ.
	between  [limit/4 + 1][]byte // by weight
	ofLocals map[uint64]*loopChecks
}

// Instructions.
const (
	opGetLocal, opSetLocal, opTeeLocal, opGetGlobal, opSetGlobal = 0x20, 0x21, 0x22, 0x23, 0x24
	opAdd, opLessUnsigned, opAtLeastUnsigned                     = 0x6a, 0x49, 0x4f // of i32
)

// inBetween is a check that counts in the global: global.get count, i32.const weight, i32.add, global.set count, and what looks at that.
func (c *checks) inBetween(weight int32) []byte {
	if c.between[weight] == nil {
		c.between[weight] = slices.Concat([]byte{opGetGlobal}, c.count, constI32(weight), []byte{opAdd, opSetGlobal}, c.count, []byte{opGetGlobal}, c.count, c.unlessBelow(c.callTick))
	}
	return c.between[weight]
}

// unlessBelow runs code where what is on the stack is not below the limit: i32.const limit, i32.lt_u, if, else, code, end. The other way round, the compiler would
// take the code for the usual way.
func (c *checks) unlessBelow(code []byte) []byte {
	return slices.Concat(constI32(limit), []byte{opLessUnsigned, opIf, 0x40, opElse}, code, []byte{0x0b})
}

// atEntry is the check at a function's entry. Its loops begin to count from there: global.get count, i32.const weight, i32.add, local.tee counter,
// global.set count, local.get counter, and what looks at that.
func (c *checks) atEntry(b *body) []byte {
	units := int32(min(1+b.cost/unitPath, limit/4))
	if !b.loops {
		return c.inBetween(units)
	}
	counter := binary.AppendUvarint(nil, b.counter)
	return slices.Concat(
		[]byte{opGetGlobal}, c.count, constI32(max(units, loopUnits)), []byte{opAdd, opTeeLocal}, counter, []byte{opSetGlobal}, c.count,
		[]byte{opGetLocal}, counter, c.unlessBelow(c.look(counter)),
	)
}

// look calls tick, and has a counter begin at zero: call tick, i32.const 0, local.set counter.
func (c *checks) look(counter []byte) []byte {
	return slices.Concat(c.callTick, constI32(0), []byte{opSetLocal}, counter)
}

// loopChecks are the instructions of the checks of one function's loops.
type loopChecks struct {
	checks             *checks
	counter            []byte              // the index of the local
	leave, look, again []byte              // of a loop with its check around it, which is left, where what is cold comes
	heads              [limit/4 + 1][]byte // by weight
}

func (c *checks) ofLoops(local uint64) *loopChecks {
	if l := c.ofLocals[local]; l != nil {
		return l
	}
	counter := binary.AppendUvarint(nil, local)
	l := &loopChecks{
		checks: c, counter: counter,
		leave: []byte{opBr, 1, 0x0b}, // br exit, end
		look:  c.look(counter),
		again: []byte{opBr, 1, 0x0b, 0x0b}, // br outer, end, end
	}
	c.ofLocals[local] = l
	return l
}

// add counts a turn, and leaves the sum on the stack: local.get counter, i32.const weight, i32.add, local.tee counter.
func (c *loopChecks) add(weight int32) []byte {
	return slices.Concat([]byte{opGetLocal}, c.counter, constI32(weight), []byte{opAdd, opTeeLocal}, c.counter)
}

// inLoop is at the head of a loop with its check around it: i32.const limit, i32.ge_u, br_if cold.
func (c *loopChecks) inLoop(weight int32) []byte {
	const brIf = 0x0d
	if c.heads[weight] == nil {
		c.heads[weight] = slices.Concat(c.add(weight), constI32(limit), []byte{opAtLeastUnsigned, brIf, 1})
	}
	return c.heads[weight]
}

// atHead is all of the check, at the head of a loop.
func (c *loopChecks) atHead(weight int32) []byte {
	return slices.Concat(c.add(weight), c.checks.unlessBelow(c.look))
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
		[]byte{get}, ticks, constI32(ticksLimit), []byte{0x4f, 0x04, 0x40}, // global.get ticks, i32.const limit, i32.ge_u, if
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
	c := &checks{callTick: binary.AppendUvarint([]byte{0x10}, uint64(tick)), count: count, saved: map[ValueType][]uint32{}, ofLocals: map[uint64]*loopChecks{}}
	// bulk counts 4 KiB of a length as one, or as many elements, and hands the length on. What is larger than 1 MiB lets Go run at once, but is not
	// interrupted: it takes some 20 ms for 128 MiB, and as much more for what a function's memory may be beyond that.
	const length = 0
	bulk := p.addFunction([]byte{0x60, 1, byte(I32), 1, byte(I32)},
		[]byte{0}, // no locals
		[]byte{0x20, length, 0x41, 12, 0x76, 0x41, 1, 0x6a}, // local.get length, i32.const 12, i32.shr_u, i32.const 1, i32.add
		[]byte{get}, count, []byte{0x6a, set}, count, // global.get count, i32.add, global.set count
		[]byte{get}, count, constI32(limit), []byte{0x4f, 0x04, 0x40}, // global.get count, i32.const limit, i32.ge_u, if
		[]byte{0x20, length, 0x41, 20, 0x76, 0x04, 0x40},       // local.get length, i32.const 20, i32.shr_u, if
		constI32(ticksLimit), []byte{set}, ticks, []byte{0x0b}, // i32.const limit, global.set ticks, end
		c.callTick, []byte{0x0b, 0x20, length, 0x0b}, // call tick, end, local.get length, end
	)
	c.callBulk = binary.AppendUvarint([]byte{0x10}, uint64(bulk))
	p.added.checks = c
}
