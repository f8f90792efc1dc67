package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/mayfly-faas/mayfly/pyenv/index"
	"github.com/mayfly-faas/mayfly/pyenv/requirement"
	"github.com/mayfly-faas/mayfly/pyenv/resolve"
	"github.com/mayfly-faas/mayfly/pyenv/site"
)

// installedScheme marks a file that is installed, and so is never fetched.
const installedScheme = "installed:"

// withInstalled is a source that has what is installed too, which need not be at any index: it came from a URL, or from another index.
type withInstalled struct {
	resolve.Source
	target    resolve.Target
	installed map[string]site.Distribution // by normalized name

	mu    sync.Mutex // guards notes
	notes []string
}

// Project implements [resolve.Source].
func (s *withInstalled) Project(ctx context.Context, name string) (*index.Project, error) {
	p, err := s.Source.Project(ctx, name)
	d, ok := s.installed[name]
	if !ok {
		return p, err
	}
	version, versionErr := requirement.ParseVersion(d.Version)
	if versionErr != nil {
		return p, err
	}
	switch {
	case err == nil:
	case errors.Is(err, index.ErrUnavailable):
		s.note("%s %s is all that is known of it: %v", name, version, err)
		p = &index.Project{Name: name}
	case errors.Is(err, index.ErrNotFound) || errors.Is(err, index.ErrOffline):
		p = &index.Project{Name: name}
	default:
		return nil, err
	}
	if slices.ContainsFunc(p.Files, func(f index.File) bool {
		return f.Kind == index.Wheel && f.Version.Compare(version) == 0 && s.target.Rank(f) >= 0
	}) {
		return p, nil
	}
	f := index.File{
		Name: strings.ReplaceAll(name, "-", "_") + "-" + version.String() + "-py3-none-any.whl", URL: installedScheme + name,
		Kind: index.Wheel, Version: version, Tags: s.target.Tags[:1], Index: "what is installed",
	}
	return &index.Project{Name: p.Name, Files: append(slices.Clone(p.Files), f)}, nil
}

// Metadata implements [resolve.Source].
func (s *withInstalled) Metadata(ctx context.Context, f index.File) (*index.Metadata, error) {
	name, ok := strings.CutPrefix(f.URL, installedScheme)
	if !ok {
		return s.Source.Metadata(ctx, f)
	}
	from := s.installed[name].Metadata
	m := &index.Metadata{Name: from.Name, Version: f.Version}
	for _, e := range from.ProvidesExtra {
		m.ProvidesExtra = append(m.ProvidesExtra, requirement.Normalize(e))
	}
	var err error
	if m.RequiresPython, err = requirement.ParseSpecifiers(from.RequiresPython); err != nil {
		return nil, fmt.Errorf("%w: %s, which is installed: %w", index.ErrMetadata, name, err)
	}
	for _, text := range from.RequiresDist {
		r, err := requirement.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("%w: %s, which is installed: %w", index.ErrMetadata, name, err)
		}
		m.RequiresDist = append(m.RequiresDist, r)
	}
	return m, nil
}

func (s *withInstalled) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}

// said are the notes, once nothing is under way any more.
func (s *withInstalled) said() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.Sort(s.notes)
	return slices.Compact(s.notes)
}
