package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/mayfly-faas/mayfly/pyenv"
	"github.com/mayfly-faas/mayfly/pyenv/requirement"
	"github.com/mayfly-faas/mayfly/pyenv/resolve"
	"github.com/mayfly-faas/mayfly/pyenv/site"
	"github.com/mayfly-faas/mayfly/pyenv/wheelstore"
)

func (a *app) pipCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pip",
		Short: "Install, list and remove Python packages",
		Long: `Install, list and remove the packages of a Python environment, as pip does and with its options: of one over a CPython for WASI, where pip
itself cannot run, and of one over a Python of the host's. Packages come as wheels; nothing is built. An environment is changed as a whole or not at
all.

The environment is the one of --python, else the one that is activated (VIRTUAL_ENV), else .venv. Wheels are kept unpacked in the data folder, once for all
environments, which have links to them.`,
		Example: `  mayfly pip install flask
  mayfly pip install -p .venv -r requirements.txt
  mayfly pip list`,
		Args: noSubcommand,
		RunE: showHelp,
	}
	var p pipFolders
	cmd.PersistentFlags().StringVarP(&p.python, "python", "p", "", "the `folder` of the environment, or its python (default: VIRTUAL_ENV, else .venv)")
	cmd.PersistentFlags().StringVar(&p.dataDir, "data-dir", defaultDataDir, "the `folder` that has everything the server keeps")
	cmd.AddCommand(
		a.pipInstallCommand(&p), a.pipListCommand(&p), a.pipFreezeCommand(&p), a.pipShowCommand(&p), a.pipCheckCommand(&p), a.pipUninstallCommand(&p),
		a.pipLockCommand(&p), a.pipSyncCommand(&p), a.pipDownloadCommand(&p), a.pipCacheCommand(&p),
	)
	return cmd
}

// pipFolders are the folders that the commands of mayfly pip work on.
type pipFolders struct{ python, dataDir string }

func (p *pipFolders) store() wheelstore.Store {
	return wheelstore.Store{Dir: filepath.Join(p.dataDir, "wheels")}
}

// indexCache is where pages of indexes and metadata are kept.
func (p *pipFolders) indexCache() string { return filepath.Join(p.dataDir, "cache", "index") }

// environment opens the environment that is meant.
func (p *pipFolders) environment() (*site.Environment, error) {
	dir, from := p.python, "--python"
	if dir == "" {
		dir, from = os.Getenv("VIRTUAL_ENV"), "VIRTUAL_ENV"
	}
	if dir == "" {
		if _, err := os.Stat(".venv"); err != nil {
			return nil, fmt.Errorf("%w: VIRTUAL_ENV is not set, and there is no .venv here: make one with `mayfly venv .venv`, or name one with --python FOLDER", site.ErrNotEnvironment)
		}
		dir, from = ".venv", ".venv"
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("%w: %s names %s, which is not there: make it with `mayfly venv %[3]s`", site.ErrNotEnvironment, from, dir)
	}
	if !info.IsDir() { // .venv/bin/python
		dir = filepath.Dir(filepath.Dir(dir))
	}
	return site.Open(dir)
}

// pipTarget is an environment, and what its Python takes.
type pipTarget struct {
	*site.Environment
	resolve.Target
	venv   string      // whose Python it is for
	python string      // that Python, as it is called on this machine
	base   *pyenv.Base // nil if that is a Python of the host's
}

// into makes the target a plain folder, for the same Python.
func (t *pipTarget) into(dir string) (err error) {
	t.Environment, err = site.OpenTarget(dir, t.Python, t.Minor)
	return err
}

// target opens the environment that is meant, and asks its Python what it takes.
func (p *pipFolders) target(ctx context.Context) (*pipTarget, error) {
	env, err := p.environment()
	if err != nil {
		return nil, err
	}
	config, err := pyenv.ReadConfigFile(filepath.Join(env.Dir, "pyvenv.cfg"))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", env.Dir, err)
	}
	t := &pipTarget{Environment: env, venv: env.Dir, python: env.Python}
	if config.Build == "" {
		if _, err := os.Stat(env.Python); err != nil {
			return nil, fmt.Errorf("%w: the Python that %s stands on is gone: bring it to another with `mayfly venv --upgrade --python VERSION %[2]s`", pyenv.ErrNoPython, env.Dir)
		}
		t.Target, err = resolve.Host(ctx, env.Python)
		return t, err
	}
	base, err := pyenv.OpenBase(config.Build)
	if err != nil {
		return nil, err
	}
	t.base, t.Target = &base, resolve.WASI(base.Version)
	return t, nil
}

// evaluate reads a requirement for the target's Python.
func (t *pipTarget) evaluate(text, extra string) (site.Requirement, error) {
	r, err := requirement.Parse(text)
	if err != nil {
		return site.Requirement{}, err
	}
	return site.Requirement{
		Project: r.Name, Extras: r.Extras, Applies: r.Marker.Holds(t.Target.Environment, extra),
		Allows: func(version string) bool {
			v, err := requirement.ParseVersion(version)
			return err != nil || r.Specifiers.Match(v)
		},
	}, nil
}

// installed are the packages by normalized name, and their versions. What has a version that is none has none there.
func (t *pipTarget) installed(ctx context.Context) (map[string]site.Distribution, map[string]requirement.Version, error) {
	list, err := t.List(ctx)
	if err != nil {
		return nil, nil, err
	}
	packages, versions := map[string]site.Distribution{}, map[string]requirement.Version{}
	for _, d := range list {
		name := requirement.Normalize(d.Name)
		packages[name] = d
		if v, err := requirement.ParseVersion(d.Version); err == nil {
			versions[name] = v
		}
	}
	return packages, versions, nil
}

// pipPackage is a package as --json shows it.
type pipPackage struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

func pipPackages(list []site.Distribution) []pipPackage {
	packages := []pipPackage{}
	for _, d := range list {
		packages = append(packages, pipPackage{d.Name, d.Version})
	}
	return packages
}

// plural is a number of things: 1 package, 2 packages.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
