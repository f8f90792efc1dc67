package resolve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/mayfly-faas/mayfly/pyenv/index"
	"github.com/mayfly-faas/mayfly/pyenv/requirement"
)

// provider tells the solver what there is. It is for one goroutine; what it fetches ahead is its own concern.
type provider struct {
	src         Source
	o           Options
	python      requirement.Version
	roots       []*req
	order       map[string]int // of the roots, by key
	constraints map[string][]Root
	hashes      map[string][]string // by name
	pools       map[string]*pool    // by name
	candidates  map[candidateID]*candidate
	rejected    map[*candidate]string // why, for people
	notes       []string

	ahead  context.Context // ends with the provider
	cancel context.CancelFunc
	slots  chan struct{} // for what is fetched ahead
	work   sync.WaitGroup
}

// req is something that is asked for.
type req struct {
	requirement.Requirement
	key    string // name, or name[extras]
	name   string // normalized
	from   string // of a root
	exact  *option
	option *option // at its URL
}

// option is one version of a package: its best file.
type option struct {
	version requirement.Version
	file    index.File
	url     string // if it is what a URL names
}

// candidate is an option, with extras or without. There is one for each key and option.
type candidate struct {
	key    string
	name   string
	extras []string
	option *option

	known bool // what follows is
	needs []*req
	err   error // why it cannot be taken
}

type candidateID struct {
	key    string
	option *option
}

// pool is what there is of a package.
type pool struct {
	options  []*option  // best first
	unusable []unusable // newest first
	missing  error      // the package itself is
	byURL    bool       // a root names the only file that will do, which is in provider.at
}

func newProvider(ctx context.Context, src Source, roots []Root, o Options) (*provider, error) {
	p := &provider{
		src: src, o: o, order: map[string]int{}, constraints: map[string][]Root{}, hashes: map[string][]string{}, pools: map[string]*pool{},
		candidates: map[candidateID]*candidate{}, rejected: map[*candidate]string{}, slots: make(chan struct{}, 8),
	}
	var err error
	if p.python, err = requirement.ParseVersion(strings.TrimSuffix(o.Target.Environment.PythonFullVersion, "+")); err != nil {
		return nil, detailf(ErrTarget, "resolve: the target's Python has no version: %v", err)
	}
	p.ahead, p.cancel = context.WithCancel(ctx)
	for _, r := range slices.Concat(roots, o.Constraints) {
		if r.Marker.Holds(o.Target.Environment) {
			p.hashes[r.Key()] = append(p.hashes[r.Key()], r.Hashes...)
			p.o.RequireHashes = p.o.RequireHashes || len(r.Hashes) > 0
		}
	}
	for _, c := range o.Constraints {
		if len(c.Extras) > 0 {
			return nil, detailf(ErrConflict, "%s: a constraint cannot have extras: %s", c.From, c.Redacted())
		}
		if c.Marker.Holds(o.Target.Environment) {
			p.constraints[c.Key()] = append(p.constraints[c.Key()], c)
		}
	}
	for _, r := range roots {
		if !r.Marker.Holds(o.Target.Environment) {
			p.note("%s is left out, for it is not for this target (%s)", r.Redacted(), r.From)
			continue
		}
		if p.o.RequireHashes && (r.URL == "" && !r.Specifiers.Pinned() || len(p.hashes[r.Key()]) == 0) {
			return nil, detailf(ErrHashes, "%s: %s is to have ==VERSION and --hash, as all have to have if one has", r.From, r.Redacted())
		}
		made, err := p.reqs(r.Requirement)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.From, err)
		}
		if r.URL != "" {
			p.pools[r.Key()] = &pool{byURL: true} // nothing else will do, so that the index need not know it
		}
		for _, m := range made {
			m.from = r.From
			if _, there := p.order[m.key]; !there {
				p.order[m.key] = len(p.order)
			}
			p.roots = append(p.roots, m)
		}
	}
	return p, nil
}

func (p *provider) close() {
	p.cancel()
	p.work.Wait()
}

// reqs is what a requirement asks for: of a package with extras, the package itself too.
func (p *provider) reqs(r requirement.Requirement) ([]*req, error) {
	name := r.Key()
	base := &req{Requirement: r, key: name, name: name}
	if r.URL != "" {
		f, err := p.src.FileAt(r.URL)
		if err != nil {
			return nil, err
		}
		w, err := index.ParseWheelName(f.Name)
		if err != nil {
			return nil, err
		}
		if w.Project != name {
			return nil, detailf(index.ErrMetadata, "%s is asked for as %s", f.Name, r.Name)
		}
		at := p.at(name)
		i := slices.IndexFunc(at.options, func(o *option) bool { return o.file.URL == f.URL })
		if i < 0 {
			at.options = append(at.options, &option{version: f.Version, file: f, url: r.URL})
			i = len(at.options) - 1
		}
		base.option = at.options[i]
	}
	if len(r.Extras) == 0 {
		return []*req{base}, nil
	}
	extra := *base
	extra.key = name + "[" + strings.Join(r.Extras, ",") + "]"
	return []*req{&extra, base}, nil
}

// at is the pool of what URLs name, which is apart from what the index has.
func (p *provider) at(name string) *pool {
	key := name + " @"
	if p.pools[key] == nil {
		p.pools[key] = &pool{}
	}
	return p.pools[key]
}

// load fetches the lists of several packages at once.
func (p *provider) load(ctx context.Context, names []string) error {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	names = slices.DeleteFunc(names, func(name string) bool { return p.pools[name] != nil })
	pools := make([]*pool, len(names))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(16)
	for i, name := range names {
		g.Go(func() error {
			project, err := p.src.Project(ctx, name)
			switch {
			case errors.Is(err, index.ErrNotFound):
				pools[i] = &pool{missing: err}
			case err != nil:
				return err
			default:
				pools[i] = p.pool(project)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i, name := range names {
		p.pools[name] = pools[i]
	}
	return nil
}

// pool sorts files by whether they can be used. It is called at once, and writes nothing of the provider.
func (p *provider) pool(project *index.Project) *pool {
	byVersion := map[string][]index.File{}
	var versions []requirement.Version
	for _, f := range project.Files {
		if f.Kind == index.Other {
			continue
		}
		key := canonical(f.Version)
		if byVersion[key] == nil {
			versions = append(versions, f.Version)
		}
		byVersion[key] = append(byVersion[key], f)
	}
	slices.SortStableFunc(versions, func(a, b requirement.Version) int { return b.Compare(a) })
	made := &pool{}
	for _, v := range versions {
		files := byVersion[canonical(v)]
		var best *index.File
		for i := range files {
			if p.usable(files[i]) && (best == nil || p.better(files[i], *best)) {
				best = &files[i]
			}
		}
		if best != nil {
			made.options = append(made.options, &option{version: best.Version, file: *best})
		} else {
			made.unusable = append(made.unusable, p.judge(v, files))
		}
	}
	return made
}

// canonical is the same for versions that are equal: 1.0 and 1.0.0.
func canonical(v requirement.Version) string {
	s := v.String()
	release := strings.Join(v.Release(), ".")
	short := release
	for strings.HasSuffix(short, ".0") {
		short = short[:len(short)-2]
	}
	return strings.Replace(s, release, short, 1)
}

func (p *provider) usable(f index.File) bool {
	return f.Kind == index.Wheel && p.o.Target.Rank(f) >= 0 && f.RequiresPython.Match(p.python) && p.hashed(f)
}

// hashed says whether the file can be one of those that are asked for. An index that does not say lets the download tell.
func (p *provider) hashed(f index.File) bool {
	want := p.hashes[requirement.Normalize(strings.SplitN(f.Name, "-", 2)[0])]
	if len(want) == 0 || len(f.Hashes) == 0 {
		return true
	}
	known := false
	for _, h := range want {
		algorithm, digest, _ := strings.Cut(h, ":")
		if have, ok := f.Hashes[algorithm]; ok {
			if known = true; have == digest {
				return true
			}
		}
	}
	return !known
}

// better prefers what is not yanked, then the target's order, then the higher build.
func (p *provider) better(a, b index.File) bool {
	if a.Yanked != b.Yanked {
		return b.Yanked
	}
	return cmp.Or(cmp.Compare(p.o.Target.Rank(a), p.o.Target.Rank(b)), -compareBuild(a.Build, b.Build)) < 0
}

func compareBuild(a, b string) int {
	if (a == "") != (b == "") {
		return cmp.Compare(len(a), len(b))
	}
	split := func(s string) (string, string) {
		rest := strings.TrimLeft(s, "0123456789")
		return strings.TrimLeft(s[:len(s)-len(rest)], "0"), rest
	}
	an, ar := split(a)
	bn, br := split(b)
	return cmp.Or(cmp.Compare(len(an), len(bn)), strings.Compare(an, bn), strings.Compare(ar, br))
}

// candidate is the one for a key and an option.
func (p *provider) candidate(key, name string, o *option) *candidate {
	id := candidateID{key, o}
	c := p.candidates[id]
	if c == nil {
		c = &candidate{key: key, name: name, option: o}
		if _, extras, ok := strings.Cut(strings.TrimSuffix(key, "]"), "["); ok {
			c.extras = strings.Split(extras, ",")
		}
		p.candidates[id] = c
	}
	return c
}

// kept is the installed version that is to stay.
func (p *provider) kept(name string) *requirement.Version {
	v, ok := p.o.Installed[name]
	if !ok || p.o.Upgrade || slices.ContainsFunc(p.o.UpgradePackages, func(s string) bool { return requirement.Normalize(s) == name }) {
		return nil
	}
	return &v
}

// matches are the candidates for a key that all infos and constraints allow, best first.
func (p *provider) matches(ctx context.Context, key, name string, infos []*info, incompatible map[*candidate]bool) ([]*candidate, error) {
	if err := p.load(ctx, []string{name}); err != nil {
		return nil, err
	}
	asked, options, direct := p.asked(name, infos), p.pools[name].options, false
	for _, i := range infos {
		if i.req.exact != nil || i.req.option != nil {
			direct = true
			options = []*option{cmp.Or(i.req.exact, i.req.option)}
		}
	}
	var found, held []*candidate
	pre := p.o.Pre || asked.Prereleases()
	pinned := asked.Pinned()
	for _, o := range options {
		if !asked.Match(o.version) || slices.ContainsFunc(infos, func(i *info) bool { return !i.allows(o) }) {
			continue
		}
		if o.file.Yanked && !pinned && !direct {
			continue
		}
		c := p.candidate(key, name, o)
		if incompatible[c] {
			continue
		}
		if o.version.IsPrerelease() && !pre && !direct {
			held = append(held, c)
		} else {
			found = append(found, c)
		}
	}
	if len(found) == 0 && !p.anyFinal(options, asked, infos) {
		found = held
	}
	if v := p.kept(name); v != nil {
		if i := slices.IndexFunc(found, func(c *candidate) bool { return c.option.version.Compare(*v) == 0 }); i > 0 {
			c := found[i]
			found = slices.Insert(slices.Delete(slices.Clone(found), i, i+1), 0, c)
		}
	}
	return found, nil
}

// anyFinal says whether a release that is none before its time would do, were it not for what it needs: then pre-releases are not for want of one.
func (p *provider) anyFinal(options []*option, asked requirement.Specifiers, infos []*info) bool {
	pinned := asked.Pinned()
	return slices.ContainsFunc(options, func(o *option) bool {
		return !o.version.IsPrerelease() && asked.Match(o.version) && (!o.file.Yanked || pinned) && !slices.ContainsFunc(infos, func(i *info) bool { return !i.allows(o) })
	})
}

// asked is the sum of specifiers.
func (p *provider) asked(name string, infos []*info) requirement.Specifiers {
	var s requirement.Specifiers
	for _, i := range infos {
		s = s.And(i.req.Specifiers)
	}
	for _, c := range p.constraints[name] {
		s = s.And(c.Specifiers)
	}
	return s
}

// expand finds what a candidate needs. What is wrong with the candidate itself is in err of the candidate; an error that is returned ends all.
func (p *provider) expand(ctx context.Context, c *candidate) error {
	if c.known {
		return nil
	}
	m, err := p.src.Metadata(ctx, c.option.file)
	switch {
	case errors.Is(err, index.ErrMetadata) || errors.Is(err, index.ErrHash):
		c.known, c.err = true, err
		return nil
	case err != nil:
		return err
	}
	c.known = true
	if !m.RequiresPython.Match(p.python) {
		c.err = detailf(ErrConflict, "it needs Python %s, and this is %s", m.RequiresPython, p.python)
		return nil
	}
	if len(c.extras) > 0 {
		c.needs = append(c.needs, &req{Requirement: requirement.Requirement{Name: m.Name}, key: c.name, name: c.name, exact: c.option})
	}
	if p.o.NoDeps {
		return nil
	}
	for _, r := range m.RequiresDist {
		if !r.Marker.Holds(p.o.Target.Environment, c.extras...) {
			continue
		}
		if strings.HasPrefix(strings.ToLower(r.URL), "file:") && !strings.HasPrefix(c.option.file.URL, "file:") {
			c.err = detailf(ErrConflict, "it asks for a file of this machine (%s): refused", r.Redacted())
			return nil
		}
		made, err := p.reqs(r)
		if err != nil {
			c.err = err
			return nil
		}
		c.needs = append(c.needs, made...)
	}
	return nil
}

// prefetch asks for the metadata of candidates that may be tried next.
func (p *provider) prefetch(candidates []*candidate, n int) {
	for _, c := range candidates[:min(n, len(candidates))] {
		if c.known {
			continue
		}
		p.work.Go(func() {
			select {
			case p.slots <- struct{}{}:
				defer func() { <-p.slots }()
				_, _ = p.src.Metadata(p.ahead, c.option.file) // the source keeps it; an error comes again when it matters
			case <-p.ahead.Done():
			}
		})
	}
}
