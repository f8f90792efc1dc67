package pylock

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mayfly-faas/mayfly/pyenv/index"
	"github.com/mayfly-faas/mayfly/pyenv/requirement"
	"github.com/mayfly-faas/mayfly/pyenv/resolve"
)

// Selected is a package that a target gets, and the file of it: hand that to [index.Client.Download], which checks its hashes.
type Selected struct {
	Package *Package
	File    index.File
	URL     string // as the lock has it, if it is an archive (PEP 610)
}

// Select picks what a target gets of a lock in the folder dir, with these extras and groups; without groups, the lock's default groups. Where dir is "", files of this machine are
// refused: that is for locks that others wrote. The error is [ErrTarget] if the lock is for
// others, or has no wheel that fits, and [ErrChosen] for an extra or a group that it does not have.
func (l *Lock) Select(dir string, t resolve.Target, chosen requirement.Chosen) ([]Selected, error) {
	if key, err := l.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	if chosen.Groups == nil {
		chosen.Groups = l.DefaultGroups
	}
	for what, lists := range map[string][2][]string{"extra": {chosen.Extras, l.Extras}, "dependency group": {chosen.Groups, slices.Concat(l.Groups, l.DefaultGroups)}} {
		for _, name := range lists[0] {
			if !slices.ContainsFunc(lists[1], func(s string) bool { return requirement.Normalize(s) == requirement.Normalize(name) }) {
				return nil, detailf(ErrChosen, "the lock has no %s %q", what, name)
			}
		}
	}
	chosen = requirement.Chosen{Extras: normalized(chosen.Extras), Groups: normalized(chosen.Groups)}
	python, err := requirement.ParseVersion(strings.TrimSuffix(t.Environment.PythonFullVersion, "+"))
	if err != nil {
		return nil, detailf(ErrTarget, "the target's Python has no version")
	}
	if s, _ := requirement.ParseSpecifiers(l.RequiresPython); !s.Match(python) {
		return nil, detailf(ErrTarget, "the lock is for Python %s, and this is %s", l.RequiresPython, python)
	}
	if len(l.Environments) > 0 && !slices.ContainsFunc(l.Environments, func(text string) bool {
		m, _ := requirement.ParseMarker(text)
		return m.HoldsFor(t.Environment, chosen)
	}) {
		return nil, detailf(ErrTarget, "the lock is for other targets than %s with Python %s: %s", t.Environment.SysPlatform, python, strings.Join(l.Environments, "; "))
	}
	var picked []Selected
	seen := map[string]bool{}
	for i := range l.Packages {
		p := &l.Packages[i]
		if m, _ := p.holds(); !m.HoldsFor(t.Environment, chosen) {
			continue
		}
		if seen[p.Name] {
			return nil, detailf(ErrLock, "%s is there more than once for this target", p.Name)
		}
		seen[p.Name] = true
		if s, _ := requirement.ParseSpecifiers(p.RequiresPython); !s.Match(python) {
			return nil, detailf(ErrTarget, "%s needs Python %s, and this is %s", p.Name, p.RequiresPython, python)
		}
		one, err := p.pick(dir, t)
		if err != nil {
			return nil, err
		}
		picked = append(picked, one)
	}
	slices.SortFunc(picked, func(a, b Selected) int { return strings.Compare(a.Package.Name, b.Package.Name) })
	return picked, nil
}

// pick finds the wheel that fits best.
func (p *Package) pick(dir string, t resolve.Target) (Selected, error) {
	files := p.Wheels
	if p.Archive != nil {
		files = []File{*p.Archive}
	}
	var best *index.File
	rank := -1
	var names []string
	for i := range files {
		f, err := files[i].file(dir)
		if err != nil {
			return Selected{}, err
		}
		names = append(names, f.Name)
		w, err := index.ParseWheelName(f.Name)
		if err != nil {
			continue
		}
		if w.Project != p.Name || p.Version != "" && w.Version.Compare(requirement.MustVersion(p.Version)) != 0 {
			return Selected{}, detailf(ErrLock, "%s has a wheel of another name or version: %s", strings.TrimSpace(p.Name+" "+p.Version), f.Name)
		}
		f.Kind, f.Version, f.Tags, f.Build = index.Wheel, w.Version, w.Tags, w.Build
		if r := t.Rank(f); r >= 0 && (rank < 0 || r < rank) {
			best, rank = &f, r
		}
	}
	if best == nil {
		if len(names) == 0 {
			names = []string{"no wheels"}
		}
		return Selected{}, detailf(ErrTarget, "%s has no wheel for %s with Python %s: the lock has %s",
			p.Name, t.Environment.SysPlatform, t.Environment.PythonVersion, strings.Join(names[:min(5, len(names))], ", "))
	}
	one := Selected{Package: p, File: *best}
	if p.Archive != nil {
		one.URL = p.Archive.URL
	}
	return one, nil
}

// file is what a client can download.
func (f *File) file(dir string) (index.File, error) {
	out := index.File{Name: f.Name, URL: f.URL, Size: f.Size, Hashes: map[string]string{}, Index: "the lock"}
	for algorithm := range strong {
		if h := f.Hashes[algorithm]; h != "" {
			out.Hashes[algorithm] = h
		}
	}
	if f.UploadTime != nil {
		out.Uploaded = *f.UploadTime
	}
	where := f.URL
	if where != "" {
		u, err := url.Parse(where)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "file" {
			return out, detailf(ErrLock, "the url of %s is neither https, http nor file", f.Name)
		}
		if u.Scheme == "file" && dir == "" {
			return out, detailf(ErrLock, "%s is a file of this machine: refused", u.Path)
		}
		where = u.Path
	} else if where = f.Path; dir == "" {
		return out, detailf(ErrLock, "%s is a file of this machine: refused", where)
	} else {
		full := filepath.FromSlash(where)
		if !filepath.IsAbs(full) {
			full = filepath.Join(dir, full)
		}
		full, err := filepath.Abs(full)
		if err != nil {
			return out, err
		}
		full = filepath.ToSlash(full)
		out.URL = (&url.URL{Scheme: "file", Path: "/" + strings.TrimPrefix(full, "/")}).String()
	}
	if out.Name == "" {
		out.Name = path.Base(where)
	}
	return out, nil
}

// Identity is a hash, in hex, of what an environment is made of: the target's Python and the packages with their files. Two that have the same are the same, whichever index they come
// from and whoever wrote the lock.
func Identity(t resolve.Target, picked []Selected) string {
	lines := make([]string, len(picked))
	for i, s := range picked {
		lines[i] = s.Package.Name
		for _, algorithm := range []string{"sha256", "sha512", "sha384"} {
			if h := s.File.Hashes[algorithm]; h != "" {
				lines[i] += " " + algorithm + ":" + h
				break
			}
		}
	}
	slices.Sort(lines)
	e := t.Environment
	sum := sha256.New()
	fmt.Fprintf(sum, "mayfly environment 1\n%s %s %s %s\n", e.ImplementationName, e.PythonFullVersion, e.SysPlatform, e.PlatformMachine)
	for _, line := range lines {
		fmt.Fprintln(sum, line)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func normalized(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = requirement.Normalize(n)
	}
	return out
}
