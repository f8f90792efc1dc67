package site

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/mayfly-faas/mayfly/pyenv/wheel"
)

// Requirement is what a requirement (PEP 508) means in an environment.
type Requirement struct {
	Project string
	Extras  []string                  // of the project, that it asks for
	Applies bool                      // whether its marker holds
	Allows  func(version string) bool // nil for any
}

// Evaluate reads a requirement as METADATA has it. extras are those of the requiring package that are asked for; one at a time
// is given, or "" for none.
type Evaluate func(requirement, extra string) (Requirement, error)

// Problem is a requirement that is not met.
type Problem struct {
	Name, Version string // of the package that requires something
	Requirement   string // as written
	Project       string // that is required; "" if the requirement cannot be read
	Installed     string // its version; "" if it is missing
	Err           error  // why the requirement cannot be read
}

// String is a sentence, in pip's words.
func (p Problem) String() string {
	switch {
	case p.Err != nil:
		return fmt.Sprintf("%s %s has requirement %s, which cannot be read: %v.", p.Name, p.Version, p.Requirement, p.Err)
	case p.Installed == "":
		return fmt.Sprintf("%s %s requires %s, which is not installed.", p.Name, p.Version, p.Project)
	}
	return fmt.Sprintf("%s %s has requirement %s, but you have %s %s.", p.Name, p.Version, p.Requirement, p.Project, p.Installed)
}

// Check finds the requirements of installed packages that are not met. Extras count where an installed package asks for them.
func (e *Environment) Check(ctx context.Context, evaluate Evaluate) ([]Problem, error) {
	list, err := e.List(ctx)
	if err != nil {
		return nil, err
	}
	return unmet(list, evaluate), nil
}

// edge is a requirement of an installed package that applies.
type edge struct {
	from *Distribution
	text string
	Requirement
	err error
}

func unmet(list []Distribution, evaluate Evaluate) []Problem {
	installed := map[string]*Distribution{}
	for i := range list {
		installed[wheel.NormalName(list[i].Name)] = &list[i]
	}
	var problems []Problem
	for _, r := range edges(list, evaluate) {
		p := Problem{Name: r.from.Name, Version: r.from.Version, Requirement: r.text, Project: r.Project, Err: r.err}
		if r.err == nil {
			d, ok := installed[wheel.NormalName(r.Project)]
			if ok && (r.Allows == nil || r.Allows(d.Version)) {
				continue
			}
			if ok {
				p.Installed = d.Version
			}
		}
		problems = append(problems, p)
	}
	return problems
}

// edges are all requirements that apply, in the order of the packages, with those of extras that are asked for.
func edges(list []Distribution, evaluate Evaluate) []edge {
	index := map[string]int{}
	for i := range list {
		index[wheel.NormalName(list[i].Name)] = i
	}
	type asked struct {
		at    int
		extra string
	}
	var queue []asked
	for i := range list {
		queue = append(queue, asked{i, ""})
	}
	done := map[asked]bool{}
	seen := map[int]map[string]bool{} // requirements that were added already
	found := map[int][]edge{}
	for len(queue) > 0 {
		a := queue[0]
		queue = queue[1:]
		if done[a] {
			continue
		}
		done[a] = true
		d := &list[a.at]
		if seen[a.at] == nil {
			seen[a.at] = map[string]bool{}
		}
		for _, text := range d.Metadata.RequiresDist {
			r, err := evaluate(text, a.extra)
			if err == nil && !r.Applies || seen[a.at][text] {
				continue
			}
			seen[a.at][text] = true
			found[a.at] = append(found[a.at], edge{d, text, r, err})
			if to, ok := index[wheel.NormalName(r.Project)]; ok && err == nil {
				for _, extra := range r.Extras {
					queue = append(queue, asked{to, extra})
				}
			}
		}
	}
	var all []edge
	for _, at := range slices.Sorted(maps.Keys(found)) {
		all = append(all, found[at]...)
	}
	return all
}

// Details are what is known of an installed package.
type Details struct {
	Distribution
	Location   string   // absolute path of site-packages
	Requires   []string // projects, sorted
	RequiredBy []string // installed ones, sorted
	Files      []string // relative to Location, as RECORD has them; nil if there is no RECORD
}

// Show tells about one package. The error is [ErrNotInstalled] if it is not installed.
func (e *Environment) Show(ctx context.Context, project string, evaluate Evaluate) (Details, error) {
	var d Details
	err := e.read(ctx, func(root *os.Root) error {
		list, err := e.list(root)
		if err != nil {
			return err
		}
		found := find(list, project)
		if len(found) == 0 {
			return detailf(ErrNotInstalled, "%s is not installed in %s", project, e.Dir)
		}
		d = Details{Distribution: found[0], Location: e.Lib()}
		entries, err := record(root, d.Distribution)
		if err != nil && !errors.Is(err, ErrNoRecord) && !errors.Is(err, wheel.ErrFormat) {
			return err
		}
		for _, r := range entries {
			d.Files = append(d.Files, r.Path)
		}
		for _, r := range edges(list, evaluate) {
			switch {
			case r.err != nil:
			case r.from.info == d.info:
				d.Requires = append(d.Requires, r.Project)
			case wheel.NormalName(r.Project) == wheel.NormalName(project):
				d.RequiredBy = append(d.RequiredBy, r.from.Name)
			}
		}
		return nil
	})
	for _, names := range []*[]string{&d.Requires, &d.RequiredBy} {
		slices.SortFunc(*names, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
		*names = slices.Compact(*names)
	}
	return d, err
}
