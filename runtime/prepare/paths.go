package prepare

// Code is measured in bytes of Wasm, of which a nanosecond takes some three; what takes longer counts as more.
const (
	// longestPath is how long code is at most that runs from one check to the next. What is longer gets checks in between.
	longestPath = 2048
	// callPath is what a call adds to the path that it is on. What is called, as far as it does not look up itself, is shorter than uncheckedLimit.
	callPath = 128
	// slowPath is what a division or a square root adds, and instructionPath what any instruction adds at most: a table of labels has many bytes, and takes no time.
	slowPath, instructionPath = 32, 32
	// ahead is how long the path to a loop can be that is left to the check at the loop's head: what is longer gets one of its own, or it would count at each turn.
	ahead = 256
)

// The instructions that a path ends or forks at.
const (
	opUnreachable, opIf, opElse, opThrow, opThrowRef, opBr, opBrTable, opReturn                       = 0x00, 0x04, 0x05, 0x08, 0x0a, 0x0c, 0x0e, 0x0f
	opCall, opCallIndirect, opReturnCall, opReturnCallIndirect, opCallRef, opReturnCallRef, opVectors = 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0xfd
)

// follow keeps path, the length of the longest way through the code that leads to where the walker is, from the last check. Branches take it to
// where they lead, and behind those that are always taken it is 0: nothing gets there. op is the instruction that was read, from start.
func (w *walker) follow(op byte, start int) {
	if len(w.nesting) == 0 {
		return
	}
	inner := &w.nesting[len(w.nesting)-1]
	switch op {
	case opUnreachable, opThrow, opThrowRef, opBr, opBrTable, opReturn, opReturnCall, opReturnCallIndirect, opReturnCallRef:
		w.path = 0
		return
	case opIf:
		inner.enter, inner.reach = w.path, w.path
	case opElse:
		inner.reach, w.path = max(inner.reach, w.path), inner.enter
	}
	w.lengthen(min(w.r.at-start, instructionPath) + extra(op, w.r.b[start:w.r.at]))
	if w.path >= longestPath {
		w.check(w.r.at)
	}
}

// lengthen makes the path longer.
func (w *walker) lengthen(by int) {
	w.path += by
	w.body.path = max(w.body.path, w.path)
	if n := len(w.loops); n > 0 {
		w.loops[n-1].path = max(w.loops[n-1].path, w.path)
	}
}

// check puts a check of what the path has been where nothing else is, and begins it anew.
func (w *walker) check(at int) {
	if w.checks != nil {
		w.body.edits = append(w.body.edits, edit{at, at, w.added.checks.inBetween(weight(w.path))})
	}
	w.path = 0
}

// extra returns what an instruction takes beyond its bytes.
func extra(op byte, instruction []byte) int {
	switch op {
	case opCall, opCallIndirect, opCallRef:
		return callPath
	case 0x6d, 0x6e, 0x6f, 0x70, 0x7f, 0x80, 0x81, 0x82, 0x91, 0x95, 0x9f, 0xa3: // div and rem of integers, sqrt and div of floating-point numbers
		return slowPath
	case opVectors:
		r := reader{b: instruction, at: 1}
		switch r.u32("") {
		case 0xe3, 0xe7, 0xef, 0xf3: // sqrt and div of f32x4 and f64x2
			return slowPath
		}
	}
	return 0
}

// reached says that a path of that length leads to a label.
func (n nesting) reached(label uint32, path int) {
	to := &n[len(n)-1-int(label)]
	to.reach = max(to.reach, path)
}
