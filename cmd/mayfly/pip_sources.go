package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/mayfly-faas/mayfly/pyenv/index"
	"github.com/mayfly-faas/mayfly/pyenv/requirement"
	"github.com/mayfly-faas/mayfly/pyenv/resolve"
)

// pipSources are the flags that say what is wanted, and where it comes from.
type pipSources struct {
	files, constraints, editable []string
	index                        index.Options
	indexURL                     string
	extraIndexURLs               []string
	noDeps, pre, requireHashes   bool
}

func (s *pipSources) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVarP(&s.files, "requirement", "r", nil, "take what a requirements `file` or pyproject.toml asks for, too")
	flags.StringArrayVarP(&s.constraints, "constraint", "c", nil, "limit versions by this `file`")
	flags.StringArrayVarP(&s.editable, "editable", "e", nil, "a `folder`; is refused: what is installed must not change under a function that runs")
	flags.BoolVar(&s.noDeps, "no-deps", false, "take only what is asked for, not what that needs")
	flags.BoolVar(&s.pre, "pre", false, "take pre-releases, too")
	flags.BoolVar(&s.requireHashes, "require-hashes", false, "refuse what has no hash in a requirements file")
	flags.StringArray("only-binary", nil, "is accepted, and is always so: nothing is built from `source`")
	s.addIndexFlags(cmd)
}

// addIndexFlags adds those that say where packages come from.
func (s *pipSources) addIndexFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&s.indexURL, "index-url", "", "the `URL` of the package index (default: "+index.PyPI+")")
	flags.StringArrayVar(&s.extraIndexURLs, "extra-index-url", nil, "the `URL` of a further index")
	flags.StringArrayVar(&s.index.FindLinks, "find-links", nil, "a `folder` with wheels, or the URL of a page with links to them")
	flags.BoolVar(&s.index.NoIndex, "no-index", false, "ask no index, only what --find-links names")
	flags.BoolVar(&s.index.Offline, "offline", false, "ask no server: use what is kept from before")
}

// wanted is what is asked for.
type wanted struct {
	roots, constraints []resolve.Root
	options            index.Options
	pre, requireHashes bool
}

// read reads the arguments and files.
func (s *pipSources) read(cmd *cobra.Command, args []string) (*wanted, error) {
	if len(s.editable) > 0 {
		return nil, usage(cmd, "-e %.80s: %v: what is installed must not change under a function that runs; build a wheel of it (pip wheel) and install that",
			s.editable[0], requirement.ErrEditable)
	}
	if len(args) == 0 && len(s.files) == 0 {
		return nil, usage(cmd, "nothing is asked for: name packages, or a file with -r")
	}
	w := &wanted{options: s.options(), pre: s.pre, requireHashes: s.requireHashes}
	for _, arg := range args {
		r, err := parseArgument(arg)
		if err != nil {
			return nil, err
		}
		w.roots = append(w.roots, resolve.List("the command line", []requirement.Requirement{r})...)
	}
	for _, name := range s.files {
		if filepath.Base(name) == "pyproject.toml" {
			data, err := os.ReadFile(name)
			if err != nil {
				return nil, err
			}
			project, err := requirement.ParseProject(name, data)
			if err != nil {
				return nil, err
			}
			w.roots = append(w.roots, resolve.List(name, project.Dependencies)...)
			continue
		}
		f, err := w.file(name)
		if err != nil {
			return nil, err
		}
		w.roots = append(w.roots, resolve.Lines(f.Lines)...)
	}
	for _, name := range s.constraints {
		f, err := w.file(name)
		if err != nil {
			return nil, err
		}
		w.constraints = append(w.constraints, resolve.Lines(f.Lines)...)
	}
	return w, nil
}

func (w *wanted) file(name string) (*requirement.File, error) {
	f, err := requirement.ReadFile(name, requirement.FileOptions{})
	if err != nil {
		return nil, err
	}
	w.constraints = append(w.constraints, resolve.Lines(f.Constraints)...)
	w.options = w.options.With(f.Options)
	w.pre = w.pre || f.Options.Pre
	w.requireHashes = w.requireHashes || f.Options.RequireHashes
	return f, nil
}

// parseArgument reads a requirement of the command line, which may be the path of a wheel.
func parseArgument(arg string) (requirement.Requirement, error) {
	info, err := os.Stat(arg)
	switch {
	case err != nil || !strings.ContainsAny(arg, `/\.`):
	case info.IsDir():
		return requirement.Requirement{}, fmt.Errorf("%w: %s is a folder, which would have to be built: build a wheel of it (pip wheel) and give its path", requirement.ErrRequirement, arg)
	case strings.HasSuffix(arg, ".whl"):
		name, err := index.ParseWheelName(filepath.Base(arg))
		if err != nil {
			return requirement.Requirement{}, err
		}
		full, err := filepath.Abs(arg)
		return requirement.Requirement{Name: name.Project, URL: fileURL(full)}, err
	}
	return requirement.Parse(arg)
}

func (s *pipSources) options() index.Options {
	o := s.index
	if s.indexURL != "" || len(s.extraIndexURLs) > 0 {
		first := s.indexURL
		if first == "" {
			first = index.PyPI
		}
		o.Indexes = append([]string{first}, s.extraIndexURLs...)
	}
	return o
}

// open makes a client for these sources.
func (p *pipFolders) open(o index.Options) (*index.Client, error) {
	o.CacheDir, o.UserAgent = p.indexCache(), "mayfly"
	return index.New(o)
}

// watched is a source that says what it is asked for.
type watched struct {
	resolve.Source
	status *sharedStatus
}

func (w watched) Project(ctx context.Context, name string) (*index.Project, error) {
	w.status.show("resolving: %s", name)
	return w.Source.Project(ctx, name)
}

func (w watched) Metadata(ctx context.Context, f index.File) (*index.Metadata, error) {
	w.status.show("resolving: %s", f.Name)
	return w.Source.Metadata(ctx, f)
}

// sharedStatus is a status line for several goroutines.
type sharedStatus struct {
	mu sync.Mutex // guards s
	s  *status
}

func (s *sharedStatus) show(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.s.show("%.100s", printable(fmt.Sprintf(format, args...)))
}

func (s *sharedStatus) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.s.clear()
}
