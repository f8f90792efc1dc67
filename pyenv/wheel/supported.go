package wheel

import "fmt"

// Supported is what a Python can install: tags, the best first. The zero value supports nothing.
type Supported struct {
	tags []Tag
	rank map[Tag]int
}

// NewSupported takes tags, the best first, as packaging.tags.sys_tags() of a Python lists them.
func NewSupported(tags []Tag) Supported {
	s := Supported{rank: map[Tag]int{}}
	for _, t := range tags {
		if _, ok := s.rank[t]; !ok {
			s.rank[t] = len(s.tags)
			s.tags = append(s.tags, t)
		}
	}
	return s
}

// Tags are all tags, the best first.
func (s Supported) Tags() []Tag { return s.tags }

// Rank says how good a wheel is: 0 is the best. ok is false if it does not install.
func (s Supported) Rank(f FileName) (rank int, ok bool) {
	for _, t := range f.Tags {
		if r, has := s.rank[t]; has && (!ok || r < rank) {
			rank, ok = r, true
		}
	}
	return rank, ok
}

// Check is an [ErrUnsupported] that says what would install, if the wheel does not.
func (s Supported) Check(f FileName) error {
	if _, ok := s.Rank(f); ok {
		return nil
	}
	best := "nothing"
	if len(s.tags) > 0 {
		best = s.tags[0].String()
	}
	return refuse(ErrUnsupported, f.File, "it is for %s, and this Python takes %s or, without native code, py3-none-any: choose another wheel of %s",
		f.Tags[0], best, f.Project)
}

// CPython is what CPython 3.MINOR takes on platforms, the best first, as packaging.tags has it for the default build.
func CPython(minor int, platforms ...string) Supported {
	var tags []Tag
	add := func(python, abi string, platforms ...string) {
		for _, p := range platforms {
			tags = append(tags, Tag{python, abi, p})
		}
	}
	python := fmt.Sprintf("cp3%d", minor)
	add(python, python, platforms...)
	add(python, "abi3", platforms...)
	add(python, "none", platforms...)
	for m := minor - 1; m > 1; m-- { // the stable ABI began with 3.2 (PEP 384)
		add(fmt.Sprintf("cp3%d", m), "abi3", platforms...)
	}
	generic := []string{fmt.Sprintf("py3%d", minor), "py3"}
	for m := minor - 1; m >= 0; m-- {
		generic = append(generic, fmt.Sprintf("py3%d", m))
	}
	for _, g := range generic {
		add(g, "none", platforms...)
	}
	add(python, "none", "any")
	for _, g := range generic {
		add(g, "none", "any")
	}
	return NewSupported(tags)
}

// WASI is what CPython 3.MINOR for WASI takes: pure wheels, and those for its own platform. sysconfig.get_platform() says
// wasi-0.0.0-wasm32 there.
func WASI(minor int) Supported {
	return CPython(minor, "wasi_0_0_0_wasm32", "wasi_wasm32", "wasm32_wasi")
}
