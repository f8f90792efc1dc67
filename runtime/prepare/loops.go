package prepare

import (
	"encoding/binary"
	"slices"
)

// A loop's check is put around it, where that can be: so that a turn of the loop falls through to its body, and what happens once in many turns lies behind
// the loop. A check with a branch around it, at the head, costs loops of a few instructions as much again.
//
//	loop outer
//	  block exit
//	    block cold
//	      loop        ;; the original one
//	        count a turn; br_if cold
//	        ...
//	      end
//	      br exit
//	    end
//	    save locals; call tick; count from zero; restore locals; br outer
//	  end
//	end
//
// Labels in the loop that lead out of it have three more blocks to leave.
const aroundLoop = 3

// nesting is the open blocks of a body, from the outermost.
type nesting []openBlock

type openBlock struct {
	around bool // it is a loop with its check around it
	inside int  // how many such loops it is in, itself included
	loop   bool
	enter  int // of an if, the path that leads to it
	reach  int // the longest path of the branches that lead to its end
}

func (n *nesting) open(around bool) {
	inside := 0
	if len(*n) > 0 {
		inside = (*n)[len(*n)-1].inside
	}
	if around {
		inside++
	}
	*n = append(*n, openBlock{around: around, inside: inside})
}

// close returns the block that ends.
func (n *nesting) close() openBlock {
	last := (*n)[len(*n)-1]
	*n = (*n)[:len(*n)-1]
	return last
}

// label returns what a label has become.
func (n nesting) label(label uint32) uint32 {
	target := n[len(n)-1-int(label)]
	return label + aroundLoop*uint32(n[len(n)-1].inside-target.inside)
}

// readLabel reads a label, to which that path leads, and changes it where it has become another.
func (w *walker) readLabel(path int) {
	start := w.r.at
	label := w.r.u32("a label")
	if uint64(label) >= uint64(len(w.nesting)) { // what is added would give it a meaning
		w.r.fail(start, "there is no label %d", label)
		return
	}
	w.nesting.reached(label, path)
	if now := w.nesting.label(label); now != label {
		w.body.edits = append(w.body.edits, edit{start, w.r.at, encodeLabel(now)})
	}
}

// encodeLabel encodes a label. Most are small, and share their bytes.
func encodeLabel(label uint32) []byte {
	if label < uint32(len(smallLabels)) {
		return smallLabels[label : label+1]
	}
	return binary.AppendUvarint(nil, uint64(label))
}

var smallLabels = func() (b [128]byte) {
	for i := range b {
		b[i] = byte(i)
	}
	return b
}()

// openLoop reads a loop's block type, and puts its check in place. A loop with parameters has it at its head: they are on the stack, where a
// branch out of it would have to leave them.
func (w *walker) openLoop(start int) {
	r := w.r
	at := r.at
	params := w.skipBlockType(r)
	w.body.loops = true
	if w.path > ahead {
		w.check(start)
	}
	w.path = 0
	if w.checks == nil || r.err != nil {
		w.nesting.open(false)
		return
	}
	w.nesting.open(!params)
	w.nesting[len(w.nesting)-1].loop = true
	if !params {
		w.body.edits = append(w.body.edits, edit{start, start, around(r.b[at:r.at])})
	}
	w.loops = append(w.loops, openLoop{head: len(w.body.edits)})
	w.body.edits = append(w.body.edits, edit{from: r.at, to: r.at}) // what is put there depends on how long the loop is
}

// around returns what is put before a loop of that type: loop, block, block.
func around(typ []byte) []byte {
	const block, loop, empty = 0x02, 0x03, 0x40
	if len(typ) == 1 && typ[0] == empty {
		return []byte{loop, empty, block, empty, block, empty}
	}
	return slices.Concat([]byte{loop}, typ, []byte{block}, typ, []byte{block, empty})
}

// closeBlock ends a block.
func (w *walker) closeBlock() {
	b := w.nesting.close()
	if !b.loop {
		w.path = max(w.path, b.reach)
	}
	if !b.loop {
		return
	}
	l := w.closeLoop()
	head := &w.body.edits[l.head]
	if !b.around {
		head.with = w.checks.atHead(weight(l.path))
		return
	}
	head.with = w.checks.inLoop(weight(l.path))
	save, restore := w.keep(l.assigned)
	cold := slices.Concat(w.checks.leave, save, w.checks.look, restore, w.checks.again)
	w.body.edits = append(w.body.edits, edit{w.r.at, w.r.at, cold})
}
