package resolve

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/mayfly-faas/mayfly/pyenv/index/indextest"
	"github.com/mayfly-faas/mayfly/pyenv/requirement"
)

// TestAnswersAreRightAndConflictsAreReal tries all there is, on small random packages: an answer has what is asked for, and where there is none there is none.
func TestAnswersAreRightAndConflictsAreReal(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	pick := func(s ...string) string { return s[r.IntN(len(s))] }
	answers := 0
	const rounds = 150
	for range rounds {
		n := 3 + r.IntN(4)
		want := func() string {
			return fmt.Sprintf("p%d", r.IntN(n)) + pick("", "", "", "[x]") + pick("", ">=2", "<3", "!=2", "==1", "<=2", "==3")
		}
		all := map[string][]indextest.Wheel{}
		var files []indextest.File
		for i := range n {
			name := fmt.Sprintf("p%d", i)
			for v := 3; v > 0; v-- {
				w := indextest.Wheel{Name: name, Version: fmt.Sprint(v), Extras: []string{"x"}}
				for range r.IntN(4) {
					w.Requires = append(w.Requires, want()+pick("", "", "; extra == 'x'"))
				}
				all[name] = append(all[name], w)
				files = append(files, w.File())
			}
		}
		roots := []string{want(), want(), want()}
		src, _ := client(t, files...)
		got, err := Resolve(t.Context(), src, ask(t, roots...), sandbox)
		var open []requirement.Requirement
		for _, root := range roots {
			q, err := requirement.Parse(root)
			check(t, err)
			open = append(open, q)
		}
		switch {
		case err == nil:
			answers++
			valid(t, got, roots)
		case !errors.Is(err, ErrConflict):
			t.Fatal(err)
		case possible(all, map[string]string{}, map[string]bool{}, open):
			t.Errorf("seed %d: %q has an answer, and we say:\n%v", seed, roots, err)
		}
		src.Close()
	}
	t.Logf("%d of %d had an answer", answers, rounds)
}

// possible tries every version of everything that is open.
func possible(all map[string][]indextest.Wheel, pins map[string]string, extras map[string]bool, open []requirement.Requirement) bool {
	if len(open) == 0 {
		return true
	}
	q, rest := open[0], open[1:]
	for _, w := range all[q.Name] {
		pinned, there := pins[q.Name]
		if there && pinned != w.Version || !q.Specifiers.Match(requirement.MustVersion(w.Version)) {
			continue
		}
		more := rest[:len(rest):len(rest)]
		nowPins, nowExtras := map[string]string{q.Name: w.Version}, map[string]bool{}
		for k, v := range pins {
			nowPins[k] = v
		}
		for k := range extras {
			nowExtras[k] = true
		}
		x := len(q.Extras) > 0 && !extras[q.Name]
		if x {
			nowExtras[q.Name] = true
		}
		for _, text := range w.Requires {
			need, err := requirement.Parse(text)
			if err != nil {
				panic(err)
			}
			if always := need.Marker.IsZero(); always && !there || !always && x {
				more = append(more, need)
			}
		}
		if possible(all, nowPins, nowExtras, more) {
			return true
		}
	}
	return false
}
