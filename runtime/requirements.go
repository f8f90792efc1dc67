package runtime

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"path"
	"strings"

	"github.com/mayfly-faas/mayfly/pyenv/index"
	"github.com/mayfly-faas/mayfly/pyenv/pylock"
	"github.com/mayfly-faas/mayfly/pyenv/requirement"
	"github.com/mayfly-faas/mayfly/pyenv/resolve"
)

// Where a folder says what it needs. The first that is there counts: a lock says all, and a pyproject.toml may be there for other tools.
const (
	lockFile         = "pylock.toml"
	requirementsFile = "requirements.txt"
	projectFile      = "pyproject.toml"
)

// wants is what an artifact asks for: a lock, or requirements.
type wants struct {
	from               string // the file that says so
	lock               *pylock.Lock
	roots, constraints []resolve.Root
	options            requirement.Options
	python             requirement.Specifiers
	vendored           map[string]*index.Metadata
}

// wants finds what a Python function needs installed; nil where it asks for nothing.
func (a *artifact) wants() (*wants, error) {
	w, err := a.readWants()
	if err != nil || w == nil || w.lock == nil && len(w.roots) == 0 && w.python.IsZero() {
		return nil, err
	}
	w.vendored = a.vendored()
	return w, nil
}

func (a *artifact) readWants() (*wants, error) {
	if a.files == nil {
		script, err := requirement.ParseScript(mainFile, a.source)
		if err != nil || script == nil {
			return nil, err
		}
		return &wants{from: "the script block", roots: resolve.List("the script block", script.Dependencies), python: script.RequiresPython}, nil
	}
	switch {
	case a.files[lockFile] != nil:
		text, err := readZipFile(a.files[lockFile])
		if err != nil {
			return nil, err
		}
		lock, err := pylock.Parse(lockFile, text)
		return &wants{from: lockFile, lock: lock}, err
	case a.files[requirementsFile] != nil:
		f, err := requirement.ReadFile(requirementsFile, requirement.FileOptions{Open: a.open, LookupEnv: a.lookupEnv})
		if err != nil {
			return nil, err
		}
		return &wants{from: requirementsFile, roots: resolve.Lines(f.Lines), constraints: resolve.Lines(f.Constraints), options: f.Options}, nil
	case a.files[projectFile] != nil:
		text, err := readZipFile(a.files[projectFile])
		if err != nil {
			return nil, err
		}
		p, err := requirement.ParseProject(projectFile, text)
		if err != nil {
			return nil, err
		}
		return &wants{from: projectFile, roots: resolve.List(projectFile, p.Dependencies), python: p.RequiresPython}, nil
	}
	return nil, nil
}

// open opens a file of the artifact, and none of the server's.
func (a *artifact) open(name string) (io.ReadCloser, error) {
	f := a.files[path.Clean(name)]
	if f == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fmt.Errorf("it is not in what was deployed: %w", fs.ErrNotExist)}
	}
	content, err := readZipFile(f)
	return io.NopCloser(bytes.NewReader(content)), err
}

// lookupEnv is what ${NAME} stands for in a requirements file: the manifest's variables, and none of the server's.
func (a *artifact) lookupEnv(name string) (string, bool) {
	value, ok := a.manifest.Env[name]
	return value, ok
}

// sources are where packages come from: the server's own sources, which may be folders of it, and those of a requirements file, which may not.
func (rt *Runtime) sources(more requirement.Options) (index.Options, error) {
	o := rt.options.Index
	if o.CacheDir == "" {
		o.CacheDir = rt.cacheDir("index")
	}
	o.NoFiles = true
	for _, s := range o.Indexes {
		o.NoFiles = o.NoFiles && isWeb(s)
	}
	for _, s := range o.FindLinks {
		o.NoFiles = o.NoFiles && isWeb(s)
	}
	asked := append(append([]string{}, more.ExtraIndexURLs...), more.FindLinks...)
	if more.IndexURL != "" {
		asked = append(asked, more.IndexURL)
	}
	for _, s := range asked {
		if !isWeb(s) {
			return o, refuse("%s is of the server, whose files cannot be used by a function: give an https:// URL", requirement.RedactURL(s))
		}
	}
	return o.With(more), nil
}

func isWeb(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http")
}

// vendored are the packages that lie in the artifact with their metadata, as pip install --target leaves them, by normalized name. They are what
// is imported, since the function's folder comes before its environment: so they count as installed.
func (a *artifact) vendored() map[string]*index.Metadata {
	found := map[string]*index.Metadata{}
	for name, f := range a.files {
		dir, base := path.Split(name)
		if base != "METADATA" || path.Ext(path.Clean(dir)) != ".dist-info" || strings.Count(name, "/") != 1 {
			continue
		}
		content, err := readZipFile(f)
		if err != nil {
			continue
		}
		if m, err := index.ParseMetadata(content); err == nil {
			found[requirement.Normalize(m.Name)] = m
		}
	}
	return found
}

// guarded has packages for a function: those that lie in its artifact, and else the index's. Files of the server cannot be named.
type guarded struct {
	*index.Client
	vendored map[string]*index.Metadata
}

// artifactScheme begins the URL of what lies in the artifact.
const artifactScheme = "artifact:"

// Project implements resolve.Source.
func (g guarded) Project(ctx context.Context, name string) (*index.Project, error) {
	m := g.vendored[requirement.Normalize(name)]
	if m == nil {
		return g.Client.Project(ctx, name)
	}
	name = requirement.Normalize(name)
	return &index.Project{Name: name, Files: []index.File{{
		Name: strings.ReplaceAll(name, "-", "_") + "-" + m.Version.String() + "-py3-none-any.whl", URL: artifactScheme + name, Kind: index.Wheel,
		Version: m.Version, Tags: []string{"py3-none-any"}, Index: "the artifact",
	}}}, nil
}

// Metadata implements resolve.Source.
func (g guarded) Metadata(ctx context.Context, f index.File) (*index.Metadata, error) {
	if name, ok := strings.CutPrefix(f.URL, artifactScheme); ok {
		return g.vendored[name], nil
	}
	return g.Client.Metadata(ctx, f)
}

// FileAt implements resolve.Source.
func (g guarded) FileAt(s string) (index.File, error) {
	if !isWeb(s) {
		return index.File{}, fmt.Errorf("%w: %s is neither https nor http, and a function can use no file of the server", index.ErrSource, requirement.RedactURL(s))
	}
	return g.Client.FileAt(s)
}

// checkPython refuses a function that is for another Python.
func (w *wants) checkPython(version string) error {
	v, err := requirement.ParseVersion(version)
	if err != nil {
		return err
	}
	if !w.python.Match(v) {
		return refuse("%s asks for Python %s, and the server has %s: install another with mayfly python install", w.from, w.python, version)
	}
	return nil
}
