// Package resolve finds the versions that go together: for what is asked for, all that it needs, and what an index has for a target.
//
// [Resolve] does it as pip does: the newest version of everything that fits, with pip's order of trying and its backjumping (resolvelib), over wheels only. What cannot be is
// told as a [*ConflictError]: who asked for what, and what each package has instead of a wheel that fits.
//
// # Why not deps.dev/util/resolve
//
// Its pypi resolver was looked at first (version of 2026-07). It evaluates markers for one machine that is compiled in (CPython 3.9 on Linux), so that none of them could be
// asked of the sandbox. It says that a resolution is impossible as a text of version lists, without who asked. It has neither URLs nor constraints nor backjumping (it is pip
// 21.1's), orders versions by deps.dev/util/semver (see package requirement), fetches one thing at a time, brings grpc and its stubs along, and does not build with the versions that its own go.mod asks for. So resolvelib's algorithm is here
// anew, in solver.go, and is compared with pip itself on random packages (pip_test.go).
package resolve

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mayfly-faas/mayfly/pyenv/index"
	"github.com/mayfly-faas/mayfly/pyenv/requirement"
)

// Source has packages: [*index.Client]. Its methods are called at once, and for the same more than once.
type Source interface {
	// Project lists the files of a package. The error is index.ErrNotFound if there is none of this name.
	Project(ctx context.Context, name string) (*index.Project, error)

	// Metadata tells what a wheel needs. The error is index.ErrMetadata if it is broken: then another version is taken.
	Metadata(ctx context.Context, f index.File) (*index.Metadata, error)

	// FileAt is the wheel at a URL.
	FileAt(url string) (index.File, error)
}

// Root is what somebody asks for.
type Root struct {
	requirement.Requirement
	Hashes []string // "sha256:HEX": the file has to have one of them
	From   string   // who asks, as errors say it: "requirements.txt:3", "the command line"
}

// Lines are the roots that a requirements file asks for.
func Lines(lines []requirement.Line) []Root {
	roots := make([]Root, len(lines))
	for i, l := range lines {
		roots[i] = Root{l.Requirement, l.Hashes, l.Place()}
	}
	return roots
}

// List are the roots that a list asks for: that of a pyproject.toml, or of a command line.
func List(from string, list []requirement.Requirement) []Root {
	roots := make([]Root, len(list))
	for i, r := range list {
		roots[i] = Root{Requirement: r, From: from}
	}
	return roots
}

// Options say what may be taken.
type Options struct {
	// Target is what the packages are for. It has to be given.
	Target Target

	// Constraints limit the versions of what is needed anyway. They ask for nothing.
	Constraints []Root

	// Pre takes pre-releases too.
	Pre bool

	// NoDeps takes only what is asked for.
	NoDeps bool

	// RequireHashes wants a hash for everything, and so a single version of it. A root that has a hash asks for this too.
	RequireHashes bool

	// Installed are versions that are there by normalized name, and stay if they fit.
	Installed map[string]requirement.Version

	// Upgrade takes the newest whatever is installed; UpgradePackages does for these only.
	Upgrade         bool
	UpgradePackages []string

	// MaxRounds is how many versions are tried in all. 0 is 100,000.
	MaxRounds int
}

// Package is one package to install.
type Package struct {
	Name       string // normalized
	Version    requirement.Version
	Extras     []string // that are asked for
	File       index.File
	Metadata   *index.Metadata
	Hashes     []string // that are asked for: hand them to [index.Client.Download]
	Requested  bool     // by a root (PEP 376: REQUESTED)
	URL        string   // of a root or dependency of the form NAME @ URL, with what credentials it has (PEP 610: direct_url.json)
	Needs      []string // names of the packages it needs
	RequiredBy []string // who needs it: names, or From of roots
}

// Resolution is what goes together.
type Resolution struct {
	Packages []Package // by name
	Notes    []string  // what a user may wonder about: why an older version was taken
}

// Resolve finds what goes together. The error is [ErrConflict] or [ErrHashes] if nothing does; those of the source come as they are.
func Resolve(ctx context.Context, src Source, roots []Root, o Options) (*Resolution, error) {
	if o.Target.Environment.PythonVersion == "" || len(o.Target.Tags) == 0 {
		return nil, detailf(ErrTarget, "resolve: no target is given")
	}
	if o.MaxRounds == 0 {
		o.MaxRounds = 100_000
	}
	p, err := newProvider(ctx, src, roots, o)
	if err != nil {
		return nil, err
	}
	defer p.close()
	final, err := p.solve(ctx)
	if err != nil {
		return nil, err
	}
	r, err := p.result(ctx, final)
	if err != nil {
		return nil, err
	}
	return r, p.checkHashes(r)
}

// result keeps what can be reached from the roots.
func (p *provider) result(ctx context.Context, s *state) (*Resolution, error) {
	packages := map[string]*Package{}
	var visit func(c *candidate, by string) error
	visit = func(c *candidate, by string) error {
		pkg, seen := packages[c.name]
		if !seen {
			m, err := p.src.Metadata(ctx, c.option.file)
			if err != nil {
				return err
			}
			pkg = &Package{Name: c.name, Version: c.option.version, File: c.option.file, Metadata: m, Hashes: p.hashes[c.name], URL: c.option.url}
			packages[c.name] = pkg
		}
		if by != c.name && !slices.Contains(pkg.RequiredBy, by) {
			pkg.RequiredBy = append(pkg.RequiredBy, by)
		}
		if seen && len(c.extras) == 0 || len(c.extras) > 0 && slices.Contains(s.visited, c) {
			return nil
		}
		s.visited = append(s.visited, c)
		for _, e := range c.extras {
			if !slices.Contains(pkg.Extras, e) {
				pkg.Extras = append(pkg.Extras, e)
			}
			if !slices.Contains(pkg.Metadata.ProvidesExtra, e) {
				p.note("%s %s has no extra %q", c.name, c.option.version, e)
			}
		}
		for _, r := range c.needs {
			if to := s.pins[r.key]; to != nil {
				if to.name != c.name && !slices.Contains(pkg.Needs, to.name) {
					pkg.Needs = append(pkg.Needs, to.name)
				}
				if err := visit(to, c.name); err != nil {
					return err
				}
			}
		}
		return nil
	}
	for _, r := range p.roots {
		c := s.pins[r.key]
		if err := visit(c, r.from); err != nil {
			return nil, err
		}
		packages[c.name].Requested = true
	}
	r := &Resolution{}
	for _, name := range slices.Sorted(maps.Keys(packages)) {
		pkg := packages[name]
		slices.Sort(pkg.Extras)
		slices.Sort(pkg.Needs)
		r.Packages = append(r.Packages, *pkg)
		p.noteOlder(s.criteria[name], s.pins[name])
	}
	r.Notes = p.notes
	return r, nil
}

func (p *provider) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(p.notes, text) {
		p.notes = append(p.notes, text)
	}
}

// noteOlder says why a newer version that was asked for is not the one that was taken.
func (p *provider) noteOlder(crit *criterion, taken *candidate) {
	if taken.option.url != "" || p.kept(taken.name) != nil {
		return
	}
	var asked requirement.Specifiers
	for _, i := range crit.infos {
		asked = asked.And(i.req.Specifiers)
	}
	pool := p.pools[taken.name]
	pre := p.o.Pre || asked.Prereleases()
	newer := func(v requirement.Version) bool {
		return v.Compare(taken.option.version) > 0 && asked.Match(v) && (pre || !v.IsPrerelease())
	}
	for _, u := range pool.unusable {
		if newer(u.version) && u.why != yanked {
			p.note("%s %s and not %s: %s%s", taken.name, taken.option.version, u.version, u.reason(p.o.Target), hint(taken.name))
			return
		}
	}
	for _, c := range slices.SortedFunc(maps.Keys(p.rejected), func(a, b *candidate) int {
		return cmp.Or(strings.Compare(a.key, b.key), b.option.version.Compare(a.option.version))
	}) {
		if c.name == taken.name && newer(c.option.version) {
			p.note("%s %s and not %s: %s", taken.name, taken.option.version, c.option.version, p.rejected[c])
			return
		}
	}
}

// checkHashes sees that in hash mode nothing comes in without one.
func (p *provider) checkHashes(r *Resolution) error {
	if !p.o.RequireHashes {
		return nil
	}
	for _, pkg := range r.Packages {
		if len(pkg.Hashes) > 0 {
			continue
		}
		line := fmt.Sprintf("%s==%s", pkg.Name, pkg.Version)
		if h := pkg.File.Hashes["sha256"]; h != "" {
			line += " --hash=sha256:" + h
		}
		return detailf(ErrHashes, "%s is needed by %s, and has no hash, which all have to have if one has: if you trust the index, add the line: %s",
			pkg.Name, strings.Join(pkg.RequiredBy, ", "), line)
	}
	return nil
}
