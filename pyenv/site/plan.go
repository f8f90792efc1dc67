package site

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mayfly-faas/mayfly/pyenv/wheel"
	"github.com/mayfly-faas/mayfly/pyenv/wheelstore"
)

// plan is a change in the making. All paths are relative to the environment. Nothing is written before it is complete.
type plan struct {
	e       *Environment
	root    *os.Root
	removed []Distribution
	staying []Distribution
	remove  map[string]bool
	add     map[string]source
	folders map[string]bool   // known to be there, or to be made
	make    []string          // folders, parents first
	owners  map[string]string // of the staying packages' files; nil until it is asked for
}

// source is where an added file comes from: content, or the path of a file of the store.
type source struct {
	file       string
	content    []byte
	executable bool
	of         string // the wheel
	source     string // of byte code: the .py file, relative to the environment
	recorded   wheel.RecordEntry
}

// plan works out what is to be removed.
func (e *Environment) plan(root *os.Root, c Change, entries []wheelstore.Entry) (*plan, error) {
	p := &plan{e: e, root: root, remove: map[string]bool{}, add: map[string]source{}, folders: map[string]bool{".": true}}
	list, err := e.list(root)
	if err != nil {
		return nil, err
	}
	gone := map[string]bool{}
	for _, name := range c.Remove {
		if len(find(list, name)) == 0 {
			return nil, detailf(ErrNotInstalled, "%s is not installed in %s", name, e.Dir)
		}
		gone[wheel.NormalName(name)] = true
	}
	for _, entry := range entries {
		gone[wheel.NormalName(entry.Project)] = true
	}
	for _, d := range list {
		if gone[wheel.NormalName(d.Name)] {
			p.removed = append(p.removed, d)
		} else {
			p.staying = append(p.staying, d)
		}
	}
	for _, d := range p.removed {
		if err := p.uninstall(d); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// stage puts the new files beside the environment's and returns what is to be done with them.
func (p *plan) stage(o Options) (journal, error) {
	j := journal{Make: p.make}
	for _, dir := range []string{newDir, oldDir} {
		if err := p.root.MkdirAll(dir, 0o755); err != nil {
			return j, err
		}
	}
	for f := range p.remove {
		j.Remove = append(j.Remove, f)
	}
	for f := range p.add {
		j.Add = append(j.Add, f)
	}
	slices.Sort(j.Remove)
	slices.Sort(j.Add)
	for i, f := range j.Add {
		if err := p.add[f].stage(p.root, numbered(newDir, i), o); err != nil {
			return j, err
		}
	}
	j.Sweep = p.sweep()
	return j, nil
}

func (s source) stage(root *os.Root, to string, o Options) error {
	if s.file != "" && !o.Copy {
		return wheelstore.Place(s.file, filepath.Join(root.Name(), filepath.FromSlash(to)))
	}
	mode := os.FileMode(0o644)
	if s.executable {
		mode = 0o755
	}
	if s.file != "" {
		data, err := os.ReadFile(s.file)
		if err != nil {
			return err
		}
		s.content = data
	}
	return root.WriteFile(to, s.content, mode)
}

// sweep is the folders that may be empty after the change, children first. Those that each environment has are kept.
func (p *plan) sweep() []string {
	keep := map[string]bool{".": true, "include": true, p.e.scripts: true}
	for d := p.e.lib; d != "."; d = path.Dir(d) {
		keep[d] = true
	}
	seen := map[string]bool{}
	var dirs []string
	for f := range p.remove {
		for d := path.Dir(f); !keep[d] && !seen[d]; d = path.Dir(d) {
			seen[d] = true
			dirs = append(dirs, d)
		}
	}
	slices.SortFunc(dirs, func(a, b string) int { return strings.Compare(b, a) })
	return dirs
}
