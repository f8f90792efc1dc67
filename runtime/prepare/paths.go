package prepare

// longestPath is how long code is at most that runs from one check to the next without a loop, in bytes, of which a nanosecond takes some three. What is longer
// gets checks in between.
const longestPath = 2048

// callPath is what a call adds to the path that it is on. What is called, as far as it does not look up itself, is shorter than uncheckedLimit.
const callPath = 128

// follow keeps path, the length of the longest way through the code that leads to where the walker is, from the last check. Branches take it to
// where they lead, and behind those that are always taken it is 0: nothing gets there. op is the instruction that was read, from start.
func (w *walker) follow(op byte, start int) {
	const (
		unreachable, ifOp, elseOp, throw, throwRef, br, brTable, returnOp = 0x00, 0x04, 0x05, 0x08, 0x0a, 0x0c, 0x0e, 0x0f
		callOp, returnCall, returnCallIndirect, returnCallRef             = 0x10, 0x12, 0x13, 0x15
	)
	if len(w.nesting) == 0 {
		return
	}
	inner := &w.nesting[len(w.nesting)-1]
	switch op {
	case unreachable, throw, throwRef, br, brTable, returnOp, returnCall, returnCallIndirect, returnCallRef:
		w.path = 0
		return
	case ifOp:
		inner.enter, inner.reach = w.path, w.path
	case elseOp:
		inner.reach, w.path = max(inner.reach, w.path), inner.enter
	case callOp:
		w.path += callPath
	}
	w.path += w.r.at - start
	w.body.path = max(w.body.path, w.path)
	if w.path >= longestPath && w.checks != nil {
		w.body.edits = append(w.body.edits, edit{w.r.at, w.r.at, w.added.checks.shared})
		w.path = 0
	}
}

// reached says that a path of that length leads to a label.
func (n nesting) reached(label uint32, path int) {
	if uint64(label) < uint64(len(n)) {
		to := &n[len(n)-1-int(label)]
		to.reach = max(to.reach, path)
	}
}
