package prepare

import "iter"

// callees are the functions that a function calls.
type callees struct {
	direct   []uint32 // by index, one for each call in its code
	indirect bool     // it calls by a table or a reference, and so perhaps any
}

// uncheckedLimit is how long the code can be that a call of a function runs, in whatever it calls, without looking up: in bytes, as follow counts them.
const uncheckedLimit = 1024

// entries yields the bodies that have to look up at their entry, so that whatever a guest does it looks up now and then: those with loops,
// whose own count may never get full; those with indirect calls; one of each circle of direct calls; and those whose longest path with all that they call
// directly is longer than uncheckedLimit, since calls that only go down can be exponentially many. Most of a program's calls are to none of these.
// imported is how many functions come before the first body.
func entries(bodies []body, imported uint32) iter.Seq[int] {
	g := &callGraph{bodies: bodies, imported: imported, state: make([]state, len(bodies)), checked: make([]bool, len(bodies))}
	for i := range bodies {
		g.visit(i)
	}
	return func(yield func(int) bool) {
		for i, checked := range g.checked {
			if checked && !yield(i) {
				return
			}
		}
	}
}

type state byte

const (
	unseen state = iota
	begun        // it is among what is being visited: a call of it closes a circle
	done
)

// callGraph goes through direct calls depth first.
type callGraph struct {
	bodies   []body
	imported uint32
	state    []state
	checked  []bool
}

// visit goes through all that a function calls, without recursion: chains of calls can be as long as there are functions.
func (g *callGraph) visit(root int) {
	type frame struct{ body, next int }
	if g.state[root] != unseen {
		return
	}
	g.state[root] = begun
	for stack := []frame{{root, 0}}; len(stack) > 0; {
		top := &stack[len(stack)-1]
		direct := g.bodies[top.body].direct
		if top.next == len(direct) {
			g.leave(top.body)
			stack = stack[:len(stack)-1]
			continue
		}
		callee := direct[top.next]
		top.next++
		if callee < g.imported {
			continue
		}
		switch i := int(callee - g.imported); {
		case i >= len(g.bodies) || g.state[i] == done:
		case g.state[i] == begun:
			g.checked[i] = true
		default:
			g.state[i] = begun
			stack = append(stack, frame{i, 0})
		}
	}
}

// leave decides on a function when all that it calls is known.
func (g *callGraph) leave(i int) {
	b := &g.bodies[i]
	cost := uint64(b.path)
	for _, callee := range b.direct {
		if at := callee - g.imported; callee >= g.imported && int(at) < len(g.bodies) && !g.checked[at] && g.state[at] == done {
			cost += g.bodies[at].cost
		}
	}
	g.state[i] = done
	b.cost = cost
	g.checked[i] = g.checked[i] || b.loops || b.indirect || cost > uncheckedLimit
}
