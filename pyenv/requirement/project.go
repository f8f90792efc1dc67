package requirement

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

const maxProject = 4 << 20 // bytes of a pyproject.toml or a script

// Project is what pyproject.toml says of a project's needs.
type Project struct {
	Name           string // "" if there is no [project]
	Version        string // "" if it is dynamic
	RequiresPython Specifiers
	Dependencies   []Requirement
	Optional       map[string][]Requirement // by normalized extra

	file   string
	groups map[string]group // by normalized name
}

type group struct {
	name  string // as it is written
	items []any
}

// ParseProject reads a pyproject.toml; file is how errors name it. Dependencies that a build would compute are an error that is [ErrProject].
func ParseProject(file string, data []byte) (*Project, error) {
	if len(data) > maxProject {
		return nil, &PlaceError{File: file, Err: detailf(ErrProject, "it is longer than %d bytes", maxProject)}
	}
	var doc struct {
		Project *struct {
			Name           any            `toml:"name"`
			Version        any            `toml:"version"`
			RequiresPython any            `toml:"requires-python"`
			Dependencies   any            `toml:"dependencies"`
			Optional       map[string]any `toml:"optional-dependencies"`
			Dynamic        []string       `toml:"dynamic"`
		} `toml:"project"`
		Groups map[string]any `toml:"dependency-groups"`
	}
	if err := unmarshal(file, data, &doc); err != nil {
		return nil, err
	}
	p := &Project{file: file, Optional: map[string][]Requirement{}, groups: map[string]group{}}
	if t := doc.Project; t != nil {
		for _, key := range []string{"dependencies", "optional-dependencies"} {
			if slices.Contains(t.Dynamic, key) {
				return nil, p.errorf("project.dynamic", "%s is computed by a build, which is not run here: write the list out, or give a requirements.txt", key)
			}
		}
		p.Name, _ = t.Name.(string)
		if !validName(p.Name) {
			return nil, p.errorf("project.name", "it is missing, or no name of letters, digits, '.', '_' and '-'")
		}
		p.Version, _ = t.Version.(string)
		var err error
		if p.RequiresPython, err = requiresPython(file, "project.requires-python", t.RequiresPython); err != nil {
			return nil, err
		}
		if p.Dependencies, err = requirements(file, "project.dependencies", t.Dependencies); err != nil {
			return nil, err
		}
		for _, extra := range slices.Sorted(maps.Keys(t.Optional)) {
			key := "project.optional-dependencies." + extra
			if !validName(extra) {
				return nil, p.errorf(key, "%q is no name of an extra", extra)
			}
			if _, twice := p.Optional[Normalize(extra)]; twice {
				return nil, p.errorf(key, "the extra %s is there twice", Normalize(extra))
			}
			if p.Optional[Normalize(extra)], err = requirements(file, key, t.Optional[extra]); err != nil {
				return nil, err
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(doc.Groups)) {
		items, ok := doc.Groups[name].([]any)
		if _, twice := p.groups[Normalize(name)]; twice || !ok || !validName(name) {
			return nil, p.errorf("dependency-groups."+name, "it is no list, its name is not one, or it is there twice")
		}
		p.groups[Normalize(name)] = group{name, items}
	}
	for _, name := range p.GroupNames() {
		if _, err := p.Group(name); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// Extra returns what an extra adds to Dependencies. An extra of the project that it names itself is resolved too: all = ["me[a,b]"]. The error is [ErrGroup].
func (p *Project) Extra(name string) ([]Requirement, error) {
	return p.extra(name, nil)
}

func (p *Project) extra(name string, within []string) ([]Requirement, error) {
	name = Normalize(name)
	list, ok := p.Optional[name]
	if !ok {
		return nil, p.groupError("project.optional-dependencies", "extra", name, slices.Sorted(maps.Keys(p.Optional)))
	}
	if slices.Contains(within, name) {
		return nil, nil // what it needs is in the list already
	}
	var all []Requirement
	for _, r := range list {
		if r.Key() != Normalize(p.Name) || len(r.Extras) == 0 {
			all = append(all, r)
			continue
		}
		for _, e := range r.Extras {
			more, err := p.extra(e, append(within, name))
			if err != nil {
				return nil, err
			}
			all = append(all, more...)
		}
	}
	return all, nil
}

// GroupNames lists the dependency groups, normalized and sorted.
func (p *Project) GroupNames() []string { return slices.Sorted(maps.Keys(p.groups)) }

// Group returns what a dependency group has, with the groups that it includes (PEP 735). The error is [ErrGroup].
func (p *Project) Group(name string) ([]Requirement, error) {
	budget := 100_000
	return p.group(name, nil, &budget)
}

// group spends the budget on each requirement, so that groups that include others twice each do not grow without end.
func (p *Project) group(name string, within []string, budget *int) ([]Requirement, error) {
	g, ok := p.groups[Normalize(name)]
	if !ok {
		return nil, p.groupError("dependency-groups", "group", name, p.GroupNames())
	}
	key := "dependency-groups." + g.name
	if i := slices.Index(within, Normalize(name)); i >= 0 {
		return nil, &PlaceError{File: p.file, Key: key, Err: detailf(ErrGroup, "it includes itself: %s", strings.Join(append(within[i:], Normalize(name)), " -> "))}
	}
	within = append(within, Normalize(name))
	var list []Requirement
	for i, item := range g.items {
		if *budget--; *budget < 0 {
			return nil, &PlaceError{File: p.file, Key: key, Err: detailf(ErrGroup, "it includes more than 100000 requirements")}
		}
		switch item := item.(type) {
		case string:
			r, err := Parse(item)
			if err != nil {
				return nil, &PlaceError{File: p.file, Key: fmt.Sprintf("%s[%d]", key, i), Err: err}
			}
			list = append(list, r)
		case map[string]any:
			other, ok := item["include-group"].(string)
			if !ok || len(item) != 1 {
				return nil, p.errorf(fmt.Sprintf("%s[%d]", key, i), `a table here is {include-group = "NAME"}, and nothing else`)
			}
			more, err := p.group(other, within, budget)
			if err != nil {
				return nil, err
			}
			list = append(list, more...)
		default:
			return nil, p.errorf(fmt.Sprintf("%s[%d]", key, i), `write a requirement in quotes, or {include-group = "NAME"}`)
		}
	}
	return list, nil
}

func (p *Project) groupError(key, what, name string, there []string) error {
	text := "there are none"
	if len(there) > 0 {
		text = "there are " + strings.Join(there, ", ")
	}
	return &PlaceError{File: p.file, Key: key, Err: detailf(ErrGroup, "no %s is called %q: %s", what, name, text)}
}

func (p *Project) errorf(key, format string, args ...any) error {
	return &PlaceError{File: p.file, Key: key, Err: detailf(ErrProject, format, args...)}
}

// unmarshal tells the line of what is wrong.
func unmarshal(file string, data []byte, v any) error {
	err := toml.Unmarshal(data, v)
	if err == nil {
		return nil
	}
	place := &PlaceError{File: file, Err: detailf(ErrProject, "%s", strings.TrimPrefix(err.Error(), "toml: "))}
	if decode := (*toml.DecodeError)(nil); errors.As(err, &decode) {
		place.Line, _ = decode.Position()
		place.Key = strings.Join(decode.Key(), ".")
	}
	return place
}

func requiresPython(file, key string, v any) (Specifiers, error) {
	if v == nil {
		return Specifiers{}, nil
	}
	text, ok := v.(string)
	if !ok {
		return Specifiers{}, &PlaceError{File: file, Key: key, Err: detailf(ErrProject, `write it in quotes: ">=3.12"`)}
	}
	s, err := ParseSpecifiers(text)
	if err != nil {
		return Specifiers{}, &PlaceError{File: file, Key: key, Err: err}
	}
	return s, nil
}

// requirements reads a list of strings.
func requirements(file, key string, v any) ([]Requirement, error) {
	if v == nil {
		return nil, nil
	}
	items, ok := v.([]any)
	if !ok {
		return nil, &PlaceError{File: file, Key: key, Err: detailf(ErrProject, `write a list: ["flask>=3", "click"]`)}
	}
	var list []Requirement
	for i, item := range items {
		text, ok := item.(string)
		if !ok {
			return nil, &PlaceError{File: file, Key: fmt.Sprintf("%s[%d]", key, i), Err: detailf(ErrProject, `write it in quotes: "flask>=3"`)}
		}
		r, err := Parse(text)
		if err != nil {
			return nil, &PlaceError{File: file, Key: fmt.Sprintf("%s[%d]", key, i), Err: err}
		}
		list = append(list, r)
	}
	return list, nil
}
