package resolve

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mayfly-faas/mayfly/pyenv/index"
	"github.com/mayfly-faas/mayfly/pyenv/requirement"
)

// ConflictError says why no versions go together. It is [ErrConflict].
type ConflictError struct {
	Reasons []Reason
}

// Reason is what is asked of one package, and what there is of it.
type Reason struct {
	Package string
	Asked   []Asked
	Has     []string // what the sources have instead, a sentence each
}

// Asked is a requirement, and the chain of those who asked: the first has it, the last is a root's From.
type Asked struct {
	Requirement string
	By          []string // "flask 3.0.0", "requirements.txt:1"
}

// Error tells it all, over several lines.
func (e *ConflictError) Error() string {
	var b strings.Builder
	for i, r := range e.Reasons {
		if i > 0 {
			b.WriteByte('\n')
		}
		if len(r.Asked) == 1 {
			fmt.Fprintf(&b, "no version of %s can be taken:", r.Package)
		} else {
			fmt.Fprintf(&b, "no version of %s is what all want who ask for it:", r.Package)
		}
		for _, a := range r.Asked {
			fmt.Fprintf(&b, "\n  %s is asked for by %s", a.Requirement, strings.Join(a.By, ", which is asked for by "))
		}
		for _, h := range r.Has {
			b.WriteString("\n  " + h)
		}
	}
	return b.String()
}

// Is makes errors.Is(err, ErrConflict) true.
func (e *ConflictError) Is(target error) bool { return target == ErrConflict }

// maxReasons bounds what is told: after long backtracking much has a part in it.
const maxReasons = 6

// explain groups what failed by the package that none is left of. Of several versions of one package that failed for the same, which are alternatives, the first is told.
func (p *provider) explain(failures []failure) error {
	e := &ConflictError{}
	told := map[string]int{}       // by package, its place in Reasons
	alike := map[string][]string{} // by package, other versions of what failed for it
	of := map[string]string{}
	for _, f := range failures {
		if _, there := told[f.name]; there {
			if f.of != nil && f.of.name == of[f.name] && f.of.name != f.name {
				alike[f.name] = append(alike[f.name], f.of.option.version.String())
			}
			continue
		}
		if len(e.Reasons) == maxReasons {
			continue
		}
		if f.of != nil {
			of[f.name] = f.of.name
		}
		told[f.name] = len(e.Reasons)
		e.Reasons = append(e.Reasons, p.reason(f))
	}
	for name, versions := range alike {
		r := &e.Reasons[told[name]]
		r.Has = append(r.Has, fmt.Sprintf("nor does it go with %s %s", of[name], few(versions)))
	}
	return e
}

func (p *provider) reason(f failure) Reason {
	r := Reason{Package: f.name, Has: p.has(f.name, f.infos)}
	for _, i := range f.infos {
		a := Asked{Requirement: i.text()}
		for ; i != nil; i = i.via {
			a.By = append(a.By, i.from())
		}
		if !slices.ContainsFunc(r.Asked, func(b Asked) bool { return b.Requirement == a.Requirement && slices.Equal(a.By, b.By) }) {
			r.Asked = append(r.Asked, a)
		}
	}
	for _, c := range p.constraints[f.name] {
		r.Asked = append(r.Asked, Asked{c.Redacted(), []string{"the constraint at " + c.From}})
	}
	return r
}

func (i *info) text() string {
	if i.req.exact != nil {
		return i.req.name + "==" + i.req.exact.version.String()
	}
	r := i.req.Requirement
	if i.req.key == i.req.name {
		r.Extras = nil
	}
	r.Marker = requirement.Marker{}
	return r.Redacted()
}

// has tells what there is of a package, for somebody to whom no version could be given.
func (p *provider) has(name string, infos []*info) (has []string) {
	pool := p.pools[name]
	if pool == nil {
		return nil
	}
	if pool.missing != nil {
		return []string{pool.missing.Error()}
	}
	if pool.byURL {
		for _, o := range p.at(name).options {
			has = append(has, fmt.Sprintf("what is at %s is version %s", o.file.URL, o.version))
		}
		return has
	}
	if len(pool.options)+len(pool.unusable) == 0 {
		return []string{"its page at the index lists no files of it"}
	}
	asked := p.asked(name, infos)
	var fits, held, others []string
	for _, o := range pool.options {
		switch {
		case !asked.Match(o.version):
			others = append(others, o.version.String())
		case o.file.Yanked && !asked.Pinned():
			held = append(held, fmt.Sprintf("%s %s was withdrawn by its authors%s: ask for it by ==%s if you want it nevertheless", name, o.version, because(o.file.YankedReason), o.version))
		default:
			fits = append(fits, o.version.String())
			if why := p.rejected[p.candidate(name, name, o)]; why != "" && len(held) < 3 {
				held = append(held, fmt.Sprintf("%s %s: %s", name, o.version, why))
			}
		}
	}
	if len(fits) == 0 {
		for _, u := range pool.unusable {
			if asked.Match(u.version) {
				has = append(has, fmt.Sprintf("%s %s cannot be used: %s%s", name, u.version, u.reason(p.o.Target), hint(name)))
				if last := p.lastUsable(pool, u.version); last != "" {
					has = append(has, last)
				}
				break
			}
		}
	}
	has = append(has, held[:min(3, len(held))]...)
	if len(has) == 0 && len(fits) == 0 && len(others) > 0 {
		has = append(has, "there are "+few(others))
	}
	return has
}

// lastUsable says since when there is nothing to take.
func (p *provider) lastUsable(pool *pool, before requirement.Version) string {
	for _, o := range pool.options {
		if o.version.Compare(before) < 0 && !o.version.IsPrerelease() {
			return fmt.Sprintf("the last version that has a wheel for this target is %s%s", o.version, on(o.file.Uploaded))
		}
	}
	return "no version has ever had a wheel for this target"
}

func on(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(" (2006-01-02)")
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	if len(reason) > 200 {
		reason = reason[:200]
	}
	return fmt.Sprintf(" (%q)", reason)
}

// few lists versions, newest first.
func few(versions []string) string {
	if len(versions) > 8 {
		return fmt.Sprintf("%s, and %d older", strings.Join(versions[:8], ", "), len(versions)-8)
	}
	return strings.Join(versions, ", ")
}

// reject remembers why a candidate was passed over the first time.
func (p *provider) reject(c *candidate, why string) {
	if _, there := p.rejected[c]; !there {
		p.rejected[c] = why
	}
}

// brief says in one sentence why a candidate cannot be had.
func (p *provider) brief(crit *criterion, c *candidate) string {
	var own, others []string
	for _, i := range crit.infos {
		if i.parent == c {
			own = append(own, i.text())
		} else if by := i.from(); len(others) < 3 {
			others = append(others, i.text()+" ("+by+")")
		}
	}
	text := "it needs " + strings.Join(own, ", ")
	if has := p.has(crit.name, crit.infos); len(others) == 0 && len(has) > 0 {
		return text + "; " + has[0]
	}
	if len(others) > 0 {
		text += ", beside " + strings.Join(others, ", ")
	}
	return text
}

func (i *info) from() string {
	if i.parent == nil {
		return i.req.from
	}
	return i.parent.name + " " + i.parent.option.version.String()
}

// why a version cannot be used.
type why int

const (
	sdistOnly why = iota
	nativeOnly
	otherTags // pure, but not for this Python
	python
	hashes
	yanked
)

type unusable struct {
	version requirement.Version
	why     why
	files   []index.File
}

// judge finds what is in the way.
func (p *provider) judge(v requirement.Version, files []index.File) unusable {
	u := unusable{version: v, why: sdistOnly, files: files}
	for _, f := range files {
		if f.Kind != index.Wheel {
			continue
		}
		switch {
		case p.o.Target.Rank(f) < 0:
			if u.why == sdistOnly || u.why == otherTags {
				if u.why = otherTags; native(f) {
					u.why = nativeOnly
				}
			}
		case !f.RequiresPython.Match(p.python):
			u.why = python
		default:
			u.why = hashes
		}
	}
	return u
}

func (u unusable) reason(t Target) string {
	names := make([]string, 0, 3)
	for _, f := range u.files {
		if len(names) == 3 {
			names = append(names, fmt.Sprintf("%d more", len(u.files)-3))
			break
		}
		names = append(names, f.Name)
	}
	files := strings.Join(names, ", ")
	switch u.why {
	case nativeOnly:
		return fmt.Sprintf("it has native code, and no wheel for %s (it has %s)", t.Environment.SysPlatform, files)
	case otherTags:
		return fmt.Sprintf("its wheels are for another Python than %s (it has %s)", t.Environment.PythonVersion, files)
	case python:
		return fmt.Sprintf("it needs Python %s, and this is %s", u.files[0].RequiresPython, t.Environment.PythonFullVersion)
	case hashes:
		return "none of its files has a hash that is asked for"
	}
	return fmt.Sprintf("it has no wheel, only %s, which would have to be built", files)
}
