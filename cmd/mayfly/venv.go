package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/mayfly-faas/mayfly/pyenv"
)

// venvOptions are the flags of mayfly venv that are not python -m venv's.
type venvOptions struct {
	pythonFolder
	python string
	force  bool
	noPip  bool
	noSCM  bool
}

func (a *app) venvCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "venv DIR...",
		Short: "Make Python environments",
		Long: `Make virtual environments, as python -m venv does and with its options. They stand on the newest CPython for WASI of the data
folder: .venv/bin/python runs it in a sandbox, which sees the folder that it is started in and nothing else. That it may write there, --write says,
or MAYFLY_PYTHON_WRITE=1 when it is started. Of your environment variables it gets PYTHON*, those of language, time zone and terminal, and those that
MAYFLY_PYTHON_ENV names (NAME,NAME or *).

--python takes a version, which may be installed for WASI or, if it is not, on the host; or an interpreter of the host's by its path or name
(/usr/bin/python3, python3.12), with which the environment is an ordinary one, and has pip.`,
		Example: `  mayfly venv .venv
  . .venv/bin/activate
  mayfly venv --python python3.12 --prompt app --clear .venv`,
		Args: cobra.ArbitraryArgs,
	}
	var b pyenv.Builder
	var o venvOptions
	flags := cmd.Flags()
	flags.BoolVar(&b.SystemSitePackages, "system-site-packages", false, "see the packages of the base, too")
	flags.BoolVar(&b.Symlinks, "symlinks", false, "link the interpreter (the default, but on Windows)")
	flags.BoolVar(&b.Copies, "copies", false, "copy the interpreter")
	flags.BoolVar(&b.Clear, "clear", false, "delete what is in the folder first, if that is an environment")
	flags.BoolVar(&b.Upgrade, "upgrade", false, "bring the environment to this version of Python")
	flags.BoolVar(&o.noPip, "without-pip", false, "leave pip out (there is none over a CPython for WASI)")
	flags.StringVar(&b.Prompt, "prompt", "", "what shells show while it is active: a `text`, or . for the name of this folder")
	flags.BoolVar(&b.UpgradeDeps, "upgrade-deps", false, "bring pip to its newest version")
	flags.BoolVar(&o.noSCM, "without-scm-ignore-files", false, "write no .gitignore")
	flags.StringVar(&o.python, "python", "", "the `version or path` of the Python that it stands on")
	flags.BoolVar(&o.force, "force", false, "with --clear: delete what is in the folder, whatever that is")
	flags.BoolVar(&b.Write, "write", false, "let the sandboxed python write into the folder that it is started in")
	flags.StringVar(&o.dataDir, "data-dir", defaultDataDir, "the `folder` that has everything the server keeps")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, dirs []string) error {
		switch {
		case len(dirs) == 0:
			return usage(cmd, "DIR is missing: %s", cmd.UseLine())
		case b.Clear && b.Upgrade:
			return usage(cmd, "--upgrade and --clear do not go together")
		case b.Copies && b.Symlinks:
			return usage(cmd, "--copies and --symlinks do not go together")
		case o.force && !b.Clear:
			return usage(cmd, "--force needs --clear")
		}
		b.Force = o.force
		if !o.noSCM {
			b.SCMIgnoreFiles = []string{"git"}
		}
		var made []madeVenv
		for _, dir := range dirs {
			m, err := o.make(cmd.Context(), b, dir)
			if err != nil {
				return err
			}
			made = append(made, m)
			if !*asJSON {
				if _, err := fmt.Fprintf(a.stdout, "%s: %s\n", dir, m.base()); err != nil {
					return err
				}
			}
		}
		if *asJSON {
			return writeJSON(a.stdout, map[string]any{"environments": made})
		}
		return nil
	}
	return cmd
}

// madeVenv is an environment as --json shows it.
type madeVenv struct {
	Dir     string `json:"dir"`
	Python  string `json:"python"` // to be started
	Version string `json:"version"`
	Home    string `json:"home,omitempty"`  // of a Python of the host's
	Build   string `json:"build,omitempty"` // of one for WASI
}

func (m madeVenv) base() string {
	if m.Build != "" {
		return fmt.Sprintf("CPython %s for WASI", m.Version)
	}
	return fmt.Sprintf("CPython %s of %s", m.Version, m.Home)
}

func (o *venvOptions) make(ctx context.Context, b pyenv.Builder, dir string) (madeVenv, error) {
	p, err := o.interpreter(ctx, b, dir)
	if err != nil {
		return madeVenv{}, err
	}
	b.Python = p
	m := madeVenv{Version: p.Version, Build: p.Build}
	if p.Build != "" {
		b.Command = commandLine()
	} else {
		b.WithPip = !o.noPip
		m.Home = filepath.Dir(p.Executable)
	}
	b.After = map[pyenv.Step]func(context.Context, *pyenv.Context) error{
		pyenv.SetupPython: func(_ context.Context, c *pyenv.Context) error {
			m.Dir, m.Python = c.Target, c.Placed(c.EnvExe)
			return nil
		},
	}
	return m, b.Create(ctx, dir)
}

// commandLine is this program's command line, for people who read pyvenv.cfg.
func commandLine() string {
	words := []string{"mayfly"}
	for _, word := range os.Args[min(1, len(os.Args)):] {
		switch {
		case strings.ContainsFunc(word, unicode.IsControl), !utf8.ValidString(word):
			word = strconv.QuoteToASCII(word)
		case word == "" || strings.ContainsAny(word, " \t'\"\\$`*?[]{}()<>|&;!~#"):
			word = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// interpreter finds what an environment is to stand on.
func (o *venvOptions) interpreter(ctx context.Context, b pyenv.Builder, dir string) (pyenv.Interpreter, error) {
	want := o.python
	if b.Upgrade && want == "" {
		// What it stands on has become newer.
		old, err := pyenv.ReadConfigFile(filepath.Join(dir, "pyvenv.cfg"))
		switch {
		case errors.Is(err, os.ErrNotExist):
			return pyenv.Interpreter{}, fmt.Errorf("%s: %w: there is no pyvenv.cfg: make it without --upgrade", dir, pyenv.ErrNotVenv)
		case err != nil:
			return pyenv.Interpreter{}, fmt.Errorf("%s: %w", dir, err)
		case old.Build == "":
			return pyenv.FindHost(ctx, cmp.Or(old.Executable, filepath.Join(old.Home, "python3")))
		}
		if major, rest, ok := strings.Cut(old.Version, "."); ok {
			minor, _, _ := strings.Cut(rest, ".")
			want = major + "." + minor
		}
	}
	base, err := o.bases().Find(want)
	if err == nil {
		return wasiInterpreter(base)
	}
	if want == "" || errors.Is(err, pyenv.ErrNoPython) && b.Upgrade && o.python == "" {
		return pyenv.Interpreter{}, err
	}
	if !errors.Is(err, pyenv.ErrNoPython) && !errors.Is(err, pyenv.ErrVersion) {
		return pyenv.Interpreter{}, err
	}
	return pyenv.FindHost(ctx, want)
}

func wasiInterpreter(base pyenv.Base) (pyenv.Interpreter, error) {
	program, err := launcherPath()
	if err != nil {
		return pyenv.Interpreter{}, err
	}
	if base.Dir, err = filepath.Abs(base.Dir); err != nil {
		return pyenv.Interpreter{}, err
	}
	return base.Interpreter(program), nil
}

// launcherPath is the path of this program as the user knows it, such as a link that a package manager keeps, rather than the version that it leads
// to today.
func launcherPath() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	called, err := exec.LookPath(os.Args[0])
	if err != nil {
		return self, nil //nolint:nilerr // it was started in another way
	}
	if called, err = filepath.Abs(called); err != nil {
		return "", err
	}
	a, errA := os.Stat(called)
	b, errB := os.Stat(self)
	if errA != nil || errB != nil || !os.SameFile(a, b) {
		return self, nil
	}
	return called, nil
}
