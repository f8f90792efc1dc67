package resolve

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
)

// The algorithm of resolvelib (https://github.com/sarugaku/resolvelib, resolvers.py), as pip uses it: pin one package after the other, the one with the strongest claim first, to the best
// candidate whose own needs leave every other package a candidate; and where there is none, go back to a pin that had a part in it, and take the next.

// info is a requirement, and who has it.
type info struct {
	req    *req
	parent *candidate // nil for a root
	via    *info      // one of those that ask for the parent
}

// allows says whether the option is one that the requirement names, where it names one.
func (i *info) allows(o *option) bool {
	return (i.req.exact == nil || i.req.exact == o) && (i.req.option == nil || i.req.option == o)
}

func (i *info) satisfied(c *candidate) bool {
	return i.req.Specifiers.Match(c.option.version) && i.allows(c.option)
}

// criterion is all that is asked of a key, and the candidates that are left. It does not change once it is in a state.
type criterion struct {
	name         string
	infos        []*info
	incompatible map[*candidate]bool
	candidates   []*candidate
}

// state is what is pinned so far. criteria and pins are its own maps.
type state struct {
	criteria map[string]*criterion
	pins     map[string]*candidate
	order    []string // of the pins, as they were made
	visited  []*candidate
}

func (s *state) clone() *state {
	return &state{criteria: maps.Clone(s.criteria), pins: maps.Clone(s.pins), order: slices.Clone(s.order)}
}

func (s *state) pin(key string, c *candidate) {
	s.unpin(key)
	s.pins[key] = c
	s.order = append(s.order, key)
}

func (s *state) unpin(key string) {
	if _, ok := s.pins[key]; ok {
		delete(s.pins, key)
		s.order = slices.DeleteFunc(s.order, func(k string) bool { return k == key })
	}
}

// conflict is a criterion without candidates.
type conflict struct{ crit *criterion }

func (*conflict) Error() string { return "conflict" }

type solver struct {
	p      *provider
	states []*state
	causes map[string]bool // keys that had a part in the last conflict
	jump   bool
	rounds int
}

func (s *solver) state() *state { return s.states[len(s.states)-1] }

// solve jumps back over pins that had no part in a conflict, as pip does. That can miss an answer, so what it finds impossible is tried once more, pin by pin,
// for a while.
func (p *provider) solve(ctx context.Context) (*state, error) {
	final, err := (&solver{p: p, jump: true, rounds: p.o.MaxRounds}).run(ctx)
	if errors.Is(err, ErrConflict) {
		if again, err := (&solver{p: p, rounds: min(2000, p.o.MaxRounds)}).run(ctx); err == nil {
			return again, nil
		}
	}
	return final, err
}

func (s *solver) run(ctx context.Context) (*state, error) {
	first := &state{criteria: map[string]*criterion{}, pins: map[string]*candidate{}}
	names := make([]string, len(s.p.roots))
	for i, r := range s.p.roots {
		names[i] = r.name
	}
	if err := s.p.load(ctx, names); err != nil {
		return nil, err
	}
	for _, r := range s.p.roots {
		err := s.add(ctx, first.criteria, &info{req: r})
		var c *conflict
		if errors.As(err, &c) {
			return nil, s.p.explain([]failure{{r.name, c.crit.infos, nil}})
		}
		if err != nil {
			return nil, err
		}
	}
	for _, crit := range first.criteria {
		s.p.prefetch(crit.candidates, 1)
	}
	s.states = []*state{first, first.clone()} // the first is what there is to go back to
	for range s.rounds {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		now := s.state()
		var open []string
		for key, crit := range now.criteria {
			if !satisfying(now, key, crit) {
				open = append(open, key)
			}
		}
		if len(open) == 0 {
			return now, nil
		}
		satisfied := map[string]bool{}
		for key := range now.criteria {
			satisfied[key] = !slices.Contains(open, key)
		}
		failures, err := s.pinOne(ctx, s.choose(now, open))
		if err != nil {
			return nil, err
		}
		if len(failures) == 0 {
			s.forgetUnpinned(now, satisfied)
			s.states = append(s.states, now.clone())
			continue
		}
		s.causes = map[string]bool{}
		for _, f := range failures {
			for _, i := range f.infos {
				s.causes[i.req.key] = true
				if i.parent != nil {
					s.causes[i.parent.key] = true
				}
			}
		}
		ok, err := s.back(ctx)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, s.p.explain(failures)
		}
	}
	return nil, detailf(ErrTooHard, "%d versions were tried, and no answer was found: pin the versions of some packages (NAME==VERSION), or give constraints", s.rounds)
}

func satisfying(s *state, key string, crit *criterion) bool {
	pin := s.pins[key]
	return pin != nil && !slices.ContainsFunc(crit.infos, func(i *info) bool { return !i.satisfied(pin) })
}

// forgetUnpinned takes back what those asked for whose pin a new one has undone.
func (s *solver) forgetUnpinned(now *state, satisfied map[string]bool) {
	undone := map[string]bool{}
	for key, crit := range now.criteria {
		if satisfied[key] && !satisfying(now, key, crit) {
			undone[key] = true
		}
	}
	if len(undone) == 0 {
		return
	}
	for key, crit := range now.criteria {
		kept := slices.DeleteFunc(slices.Clone(crit.infos), func(i *info) bool { return i.parent != nil && undone[i.parent.key] })
		if len(kept) != len(crit.infos) {
			changed := *crit
			changed.infos = kept
			now.criteria[key] = &changed
		}
	}
}

// choose finds the key with the strongest claim, in pip's order.
func (s *solver) choose(now *state, open []string) string {
	depths := map[string]float64{}
	return slices.MinFunc(open, func(a, b string) int {
		return s.claim(now, a, depths).compare(s.claim(now, b, depths))
	})
}

type claim struct {
	key                                       string
	last, notDirect, notPinned, notCause, any bool
	depth                                     float64
	order                                     int
}

func (c claim) compare(d claim) int {
	less := func(a, b bool) int {
		switch {
		case a == b:
			return 0
		case b:
			return -1
		}
		return 1
	}
	return cmp.Or(less(c.last, d.last), less(c.notDirect, d.notDirect), less(c.notPinned, d.notPinned), less(c.notCause, d.notCause),
		cmp.Compare(c.depth, d.depth), cmp.Compare(c.order, d.order), less(c.any, d.any), strings.Compare(c.key, d.key))
}

func (s *solver) claim(now *state, key string, depths map[string]float64) claim {
	crit := now.criteria[key]
	// setuptools has many versions, and is seldom asked for by one: pip has it wait.
	c := claim{key: key, last: crit.name == "setuptools", notDirect: true, notPinned: true, notCause: !s.causes[key], any: true, order: 1 << 30}
	for _, i := range crit.infos {
		c.notDirect = c.notDirect && i.req.option == nil && i.req.exact == nil
		text := i.req.Specifiers.String()
		c.notPinned = c.notPinned && !strings.Contains(","+text, ",==")
		c.any = c.any && text == ""
	}
	if n, ok := s.p.order[key]; ok {
		c.order = n
	}
	c.depth = depth(now, key, depths, 0)
	return c
}

// depth is how far a key is from the roots.
func depth(now *state, key string, depths map[string]float64, level int) float64 {
	if d, ok := depths[key]; ok {
		return d
	}
	depths[key] = 1 << 20 // for those that need each other
	d := float64(1 << 20)
	if crit := now.criteria[key]; crit != nil && level < 1000 {
		for _, i := range crit.infos {
			if i.parent == nil {
				d = 1
				break
			}
			d = min(d, depth(now, i.parent.key, depths, level+1)+1)
		}
	}
	depths[key] = d
	return d
}

// failure is why a candidate could not be pinned: what is asked of a package leaves none of it.
type failure struct {
	name  string // of the package
	infos []*info
	of    *candidate // nil if it is a root's requirement that failed
}

// pinOne pins a key to its first candidate that works. If none does, it returns what they failed for.
func (s *solver) pinOne(ctx context.Context, key string) (failures []failure, err error) {
	now := s.state()
	crit := now.criteria[key]
	for n, c := range crit.candidates {
		if n > 0 { // the first did not do: the others may be many
			s.p.prefetch(crit.candidates[n:], 8)
		}
		if err := s.p.expand(ctx, c); err != nil {
			return nil, err
		}
		if c.err != nil {
			s.p.reject(c, c.err.Error())
			failures = append(failures, failure{c.name, crit.infos, c})
			continue
		}
		names := make([]string, len(c.needs))
		for i, r := range c.needs {
			names[i] = r.name
		}
		if err := s.p.load(ctx, names); err != nil {
			return nil, err
		}
		criteria := maps.Clone(now.criteria)
		var via *info
		if len(crit.infos) > 0 {
			via = crit.infos[0]
		}
		var failed *conflict
		for _, r := range c.needs {
			if err := s.add(ctx, criteria, &info{r, c, via}); errors.As(err, &failed) {
				break
			} else if err != nil {
				return nil, err
			}
		}
		if failed != nil {
			s.p.reject(c, s.p.brief(failed.crit, c))
			failures = append(failures, failure{failed.crit.name, failed.crit.infos, c})
			continue
		}
		for _, r := range c.needs {
			if now.criteria[r.key] == nil {
				s.p.prefetch(criteria[r.key].candidates, 1)
			}
		}
		now.criteria = criteria
		now.pin(key, c)
		return nil, nil
	}
	if len(failures) == 0 {
		failures = []failure{{crit.name, crit.infos, nil}}
	}
	return failures, nil
}

// add puts what is asked for into criteria. The error is a *conflict if that leaves no candidate.
func (s *solver) add(ctx context.Context, criteria map[string]*criterion, i *info) error {
	crit := &criterion{name: i.req.name}
	if old := criteria[i.req.key]; old != nil {
		crit.infos, crit.incompatible = slices.Clone(old.infos), old.incompatible
	}
	crit.infos = append(crit.infos, i)
	all := crit.infos
	if i.req.key != i.req.name { // what is asked of the package is asked of it with extras
		if base := criteria[i.req.name]; base != nil {
			all = slices.Concat(all, base.infos)
		}
	}
	var err error
	if crit.candidates, err = s.p.matches(ctx, i.req.key, i.req.name, all, crit.incompatible); err != nil {
		return err
	}
	if len(crit.candidates) == 0 {
		crit.infos = all
		return &conflict{crit}
	}
	criteria[i.req.key] = crit
	return nil
}

// back goes back to the last pin that had a part in the conflict, and forbids it.
func (s *solver) back(ctx context.Context) (bool, error) {
	for len(s.states) >= 3 {
		s.states = s.states[:len(s.states)-1]
		var broken *state
		var key string
		var c *candidate
		for c == nil {
			broken = s.state()
			s.states = s.states[:len(s.states)-1]
			if len(broken.order) == 0 || len(s.states) == 0 {
				return false, nil
			}
			key = broken.order[len(broken.order)-1]
			c = broken.pins[key]
			broken.unpin(key)
			if s.jump && len(broken.order) > 0 && !slices.ContainsFunc(c.needs, func(r *req) bool { return s.causes[r.key] }) {
				c = nil // it needs nothing of what failed
			}
		}
		next := s.state().clone()
		s.states = append(s.states, next)
		forbidden := map[string]map[*candidate]bool{key: {c: true}}
		for k, crit := range broken.criteria {
			for i := range crit.incompatible {
				if forbidden[k] == nil {
					forbidden[k] = map[*candidate]bool{}
				}
				forbidden[k][i] = true
			}
		}
		if ok, err := s.forbid(ctx, next, forbidden); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// forbid takes candidates away. It is false if that leaves a key without.
func (s *solver) forbid(ctx context.Context, now *state, forbidden map[string]map[*candidate]bool) (bool, error) {
	for _, key := range slices.Sorted(maps.Keys(forbidden)) {
		crit := now.criteria[key]
		if crit == nil {
			continue
		}
		changed := *crit
		changed.incompatible = maps.Clone(forbidden[key])
		maps.Copy(changed.incompatible, crit.incompatible)
		var err error
		all := crit.infos
		if base := now.criteria[crit.name]; key != crit.name && base != nil {
			all = slices.Concat(all, base.infos)
		}
		if changed.candidates, err = s.p.matches(ctx, key, crit.name, all, changed.incompatible); err != nil {
			return false, err
		}
		if len(changed.candidates) == 0 {
			return false, nil
		}
		now.criteria[key] = &changed
	}
	return true, nil
}
