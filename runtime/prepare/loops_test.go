package prepare

import "testing"

func TestLabelsThatLeadOutOfLoopsLeaveWhatIsAroundThem(t *testing.T) {
	var n nesting
	n.open(false) // the function
	n.open(true)  // a loop with its check around it
	n.open(false) // a block in it
	n.open(false) // a loop with parameters, or another block
	n.open(true)  // a loop in that
	n.open(false) // and a block, in which the label is
	for label, want := range []uint32{
		0,                // the block
		1,                // the loop that it is in
		2 + aroundLoop,   // what that is in
		3 + aroundLoop,   // the outer block
		4 + aroundLoop,   // the outer loop
		5 + 2*aroundLoop, // the function
	} {
		if got := n.label(uint32(label)); got != want {
			t.Errorf("label %d is now %d, want %d", label, got, want)
		}
	}
	for range 2 {
		n.close()
	}
	if got := n.label(3); got != 3+aroundLoop {
		t.Errorf("when the inner loop has ended, label 3 is now %d, want %d", got, 3+aroundLoop)
	}
}
