package pyenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Builder makes virtual environments (PEP 405) by the steps of CPython's venv.EnvBuilder, and with its options:
// https://docs.python.org/3/library/venv.html#api. What it makes, python -m venv of the same interpreter would have made.
//
// It differs where that leaves things half done. A new environment, one in an empty folder, and one that is cleared first are built aside and
// put in their place when they are finished; Clear deletes nothing but environments; files are replaced whole.
type Builder struct {
	// Python is what the environments stand on. It is needed.
	Python Interpreter

	// SystemSitePackages lets the environment see the packages of its base.
	SystemSitePackages bool
	// Clear deletes what is in the folder first, if that is an environment. The error is [ErrNotVenv] if it is anything else.
	Clear bool
	// Force lets Clear delete any folder's content.
	Force bool
	// Copies copies the interpreter, where links are made otherwise; on Windows, Symlinks is the other way round.
	Copies, Symlinks bool
	// Upgrade brings an existing environment to Python, which is a newer one of its base: pyvenv.cfg and the interpreter are made again. The error is
	// [ErrNotVenv] if there is none.
	Upgrade bool
	// WithPip installs pip, by the ensurepip of a CPython of the host's. A build for WASI has none.
	WithPip bool
	// Prompt is what shells show while the environment is active; "" is the folder's name, "." that of the working directory.
	Prompt string
	// UpgradeDeps brings pip (and, before CPython 3.12, setuptools) to the newest versions of the index that pip is configured for.
	UpgradeDeps bool
	// SCMIgnoreFiles are the source control systems that are told to ignore the environment: "git".
	SCMIgnoreFiles []string

	// Write, for a build for WASI, lets the environment's python write into the folder in which it is started.
	Write bool
	// Command is the command line that pyvenv.cfg shows. "" is the one of python -m venv that does the same; none for a build for WASI.
	Command string

	// Replace has what is done in place of a step, which may call the Builder's own method for it. After has what is done after it.
	Replace, After map[Step]func(context.Context, *Context) error
}

// Step is one of the steps of Create. Each is a method of Builder of the same name.
type Step string

// The steps in their order. SetupScripts and PostSetup are left out of an upgrade, as CPython has it. CreateConfiguration is done
// twice with SystemSitePackages, so that pip is installed while the environment sees its own packages only.
const (
	EnsureDirectories   Step = "ensure directories"
	CreateIgnoreFiles   Step = "create ignore files"
	CreateConfiguration Step = "create configuration"
	SetupPython         Step = "set up python"
	SetupPip            Step = "set up pip"
	SetupScripts        Step = "set up scripts"
	PostSetup           Step = "post setup"
	UpgradeDependencies Step = "upgrade dependencies"
)

// Context is what the steps know of the environment that is being made, by the names of
// https://docs.python.org/3/library/venv.html#venv.EnvBuilder.ensure_directories.
//
// Paths are those at which files are now. What is written into files has to be as it will be: see Placed.
type Context struct {
	EnvDir     string // the environment
	EnvName    string // its folder's name
	Prompt     string // what shells show
	Executable string // the base's interpreter
	PythonDir  string // its folder
	PythonExe  string // its name
	IncPath    string // for headers
	LibPath    string // site-packages
	BinPath    string // for programs and scripts
	BinName    string // the same, relative to EnvDir
	EnvExe     string // the environment's interpreter
	EnvExecCmd string // how it is started
	CfgPath    string // pyvenv.cfg, once that has been written

	// Target is where the environment will be: EnvDir, unless it is built aside.
	Target string
	// SystemSitePackages is what CreateConfiguration writes.
	SystemSitePackages bool
}

// Placed returns where a path within EnvDir will be when the environment is in its place.
func (c *Context) Placed(path string) string {
	if rest, ok := strings.CutPrefix(path, c.EnvDir); ok {
		return c.Target + rest
	}
	return path
}

// Create makes an environment in the folder dir, whose parents are made as needed. A folder that is there already is used, with what is in it.
// Where it fails, a new folder is not there, and an empty one or one to be cleared is as it was.
//
// Several may be made at a time, and by several processes. One that is killed may leave a folder .mayfly-venv-* beside dir, or in it.
func (b *Builder) Create(ctx context.Context, dir string) error {
	if err := b.create(ctx, dir); err != nil {
		return fmt.Errorf("create environment %s: %w", dir, err)
	}
	return nil
}

func (b *Builder) create(ctx context.Context, dir string) error {
	made := *b
	var err error
	if made.Python, err = b.Python.withDefaults(); err != nil {
		return err
	}
	if err := made.validate(); err != nil {
		return err
	}
	if dir == "" {
		return errors.New("the folder has no name")
	}
	target, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if strings.ContainsRune(target, os.PathListSeparator) {
		return fmt.Errorf("the path has %q in it, which separates the folders of PATH: choose another", os.PathListSeparator)
	}
	return made.place(ctx, target)
}

func (b *Builder) validate() error {
	switch {
	case b.Clear && b.Upgrade:
		return errors.New("an environment can be upgraded or cleared, not both")
	case b.Copies && b.Symlinks:
		return errors.New("the interpreter can be linked or copied, not both")
	case b.Python.Build != "" && b.WithPip:
		return errors.New("a CPython for WASI has no ensurepip: leave pip out")
	case b.Python.Build != "" && b.UpgradeDeps:
		return errors.New("an environment over a CPython for WASI has no pip that could be upgraded")
	case b.Python.Build == "" && b.Write:
		return errors.New("a CPython of the host's can write wherever you can: only one for WASI can be told not to")
	case strings.ContainsFunc(b.Prompt, isControl):
		return fmt.Errorf("the prompt %q has control characters", b.Prompt)
	}
	for _, scm := range b.SCMIgnoreFiles {
		if !strings.EqualFold(scm, "git") {
			return fmt.Errorf("there are ignore files for git only, not for %q", scm)
		}
	}
	return nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// build does the steps. The environment is built in dir, and will be in target.
func (b *Builder) build(ctx context.Context, dir, target string) error {
	c := &Context{EnvDir: dir, Target: target}
	type do struct {
		step Step
		own  func(context.Context, *Context) error
		when bool
		site bool
	}
	for _, s := range []do{
		{EnsureDirectories, b.EnsureDirectories, true, false},
		{CreateIgnoreFiles, b.CreateIgnoreFiles, true, false},
		{CreateConfiguration, b.CreateConfiguration, true, false},
		{SetupPython, b.SetupPython, true, false},
		{SetupPip, b.SetupPip, b.WithPip, false},
		{SetupScripts, b.SetupScripts, !b.Upgrade, false},
		{PostSetup, b.PostSetup, !b.Upgrade, false},
		{CreateConfiguration, b.CreateConfiguration, b.SystemSitePackages, true},
		{UpgradeDependencies, b.UpgradeDependencies, b.UpgradeDeps, b.SystemSitePackages},
	} {
		if !s.when {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		c.SystemSitePackages = s.site
		run := s.own
		if replaced := b.Replace[s.step]; replaced != nil {
			run = replaced
		}
		err := run(ctx, c)
		if after := b.After[s.step]; err == nil && after != nil {
			err = after(ctx, c)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", s.step, err)
		}
	}
	return relocate(c)
}
