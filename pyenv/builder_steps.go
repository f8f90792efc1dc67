package pyenv

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// EnsureDirectories makes the folders, and says in c where they are.
func (b *Builder) EnsureDirectories(_ context.Context, c *Context) error {
	p := b.Python
	c.EnvName = filepath.Base(c.Target)
	c.Prompt = c.EnvName
	switch b.Prompt {
	case "":
	case ".":
		cwd, err := os.Getwd()
		if err != nil {
			return err
		}
		c.Prompt = filepath.Base(cwd)
	default:
		c.Prompt = b.Prompt
	}
	c.Executable = p.Executable
	c.PythonDir, c.PythonExe = p.split(p.Executable)
	if p.Windows {
		c.PythonExe = "python.exe"
	}
	c.IncPath, c.LibPath, c.BinPath = within(c, p.Include), within(c, p.Purelib), within(c, p.Scripts)
	c.BinName = filepath.FromSlash(p.Scripts)
	c.EnvExe = filepath.Join(c.BinPath, c.PythonExe)
	c.EnvExecCmd = c.EnvExe
	if err := os.MkdirAll(c.EnvDir, 0o755); err != nil { // which may be a link that the user made
		return err
	}
	for _, dir := range []string{c.IncPath, c.LibPath, c.BinPath} {
		if err := makeFolder(dir); err != nil {
			return err
		}
	}
	if !p.Lib64 || p.Windows {
		return nil
	}
	if err := os.Symlink("lib", filepath.Join(c.EnvDir, "lib64")); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

func within(c *Context, dir string) string { return filepath.Join(c.EnvDir, filepath.FromSlash(dir)) }

// makeFolder makes a folder and its parents. A link to one will not do: what is put into an environment must not land elsewhere.
func makeFolder(dir string) error {
	info, err := os.Lstat(dir)
	if err == nil && !info.IsDir() {
		return fmt.Errorf("%s is in the way: a folder is needed there", dir)
	}
	return os.MkdirAll(dir, 0o755)
}

// CreateIgnoreFiles tells source control systems that the environment is not to be committed.
func (b *Builder) CreateIgnoreFiles(_ context.Context, c *Context) error {
	if len(b.SCMIgnoreFiles) == 0 {
		return nil
	}
	const text = "# Made by mayfly: an environment is made again, not committed.\n*\n"
	return writeWhole(filepath.Join(c.EnvDir, ".gitignore"), []byte(text), 0o644)
}

// CreateConfiguration writes pyvenv.cfg.
func (b *Builder) CreateConfiguration(_ context.Context, c *Context) error {
	p := b.Python
	v, err := parseVersion(p.Version)
	if err != nil {
		return err
	}
	config := Config{
		Home: c.PythonDir, SystemSite: c.SystemSitePackages, Version: fmt.Sprintf("3.%d.%d", v.minor, v.micro),
		Build: p.Build, Write: b.Write, Command: b.Command,
	}
	if b.Prompt != "" {
		config.Prompt = c.Prompt
	}
	if v.minor >= 11 { // before that CPython's venv did not say
		config.Executable = p.Resolved
		if config.Command == "" && p.Build == "" {
			config.Command = b.command(c, v)
		}
	}
	var text strings.Builder
	if err := config.write(&text); err != nil {
		return err
	}
	c.CfgPath = filepath.Join(c.EnvDir, configName)
	return writeWhole(c.CfgPath, []byte(text.String()), 0o644)
}

// command is the command line of python -m venv that does the same, as that writes it.
func (b *Builder) command(c *Context, v version) string {
	words := []string{b.Python.Invoked, "-m", "venv"}
	for _, option := range []struct {
		text  string
		given bool
	}{
		{"--symlinks", b.Python.Windows && b.links()},
		{"--copies", !b.Python.Windows && !b.links()},
		{"--without-pip", !b.WithPip},
		{"--system-site-packages", c.SystemSitePackages},
		{"--clear", b.Clear},
		{"--upgrade", b.Upgrade},
		{"--upgrade-deps", b.UpgradeDeps},
		{`--prompt="` + b.Prompt + `"`, b.Prompt != ""},
		{"--without-scm-ignore-files", v.minor >= 13 && len(b.SCMIgnoreFiles) == 0},
	} {
		if option.given {
			words = append(words, option.text)
		}
	}
	return strings.Join(append(words, c.Target), " ")
}

// links says whether the interpreter is linked.
func (b *Builder) links() bool { return b.Symlinks || !b.Copies && !b.Python.Windows }

// SetupPython puts the interpreter into the environment.
func (b *Builder) SetupPython(_ context.Context, c *Context) error {
	switch p := b.Python; {
	case p.Program == "":
		return nil
	case p.Windows:
		return b.setupWindows(c)
	}
	if err := b.putPython(b.Python.Program, c.EnvExe); err != nil {
		return err
	}
	for _, name := range b.Python.names() {
		if name == c.PythonExe {
			continue
		}
		to := c.PythonExe // a link within the folder
		if !b.links() {
			to = b.Python.Program
		}
		if err := b.putPython(to, filepath.Join(c.BinPath, name)); err != nil {
			return err
		}
	}
	return nil
}

func (b *Builder) putPython(from, to string) error {
	if b.links() {
		return linkWhole(from, to)
	}
	return copyWhole(from, to, 0o755)
}

// setupWindows makes copies of CPython's launchers, which find the base by pyvenv.cfg, or links to the base and its libraries.
func (b *Builder) setupWindows(c *Context) error {
	p := b.Python
	if p.Build != "" {
		return b.putPython(p.Program, c.EnvExe)
	}
	dir := filepath.Dir(p.Program)
	if !b.links() {
		for name, launcher := range map[string]string{"python.exe": "venvlauncher.exe", "pythonw.exe": "venvwlauncher.exe"} {
			from := filepath.Join(p.Launchers, launcher)
			if _, err := os.Stat(from); err != nil {
				from = filepath.Join(p.Launchers, name) // before CPython 3.13
			}
			if err := copyWhole(from, filepath.Join(c.BinPath, name), 0o755); err != nil {
				return err
			}
		}
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := strings.ToLower(e.Name())
		dll := strings.HasSuffix(name, ".dll") && (strings.HasPrefix(name, "python") || strings.HasPrefix(name, "vcruntime"))
		if !dll && !slices.Contains([]string{"python.exe", "pythonw.exe"}, name) {
			continue
		}
		if err := linkWhole(filepath.Join(dir, e.Name()), filepath.Join(c.BinPath, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// SetupPip installs pip by the base's ensurepip, which has it with it.
func (b *Builder) SetupPip(ctx context.Context, c *Context) error {
	if err := b.run(ctx, c, "-m", "ensurepip", "--upgrade", "--default-pip"); err != nil {
		return fmt.Errorf("%w\nleave pip out (--without-pip), or add ensurepip to the base: Debian has it in python3-venv", err)
	}
	return nil
}

// PostSetup does nothing: it is there to be replaced, as EnvBuilder's is there to be overridden.
func (b *Builder) PostSetup(context.Context, *Context) error { return nil }

// UpgradeDependencies has pip bring itself to the newest version.
func (b *Builder) UpgradeDependencies(ctx context.Context, c *Context) error {
	args := []string{"-m", "pip", "install", "--upgrade", "pip"}
	if v, _ := parseVersion(b.Python.Version); v.minor < 12 {
		args = append(args, "setuptools")
	}
	return b.run(ctx, c, args...)
}

// run runs the environment's interpreter, without what would lead it to other packages.
func (b *Builder) run(ctx context.Context, c *Context, args ...string) error {
	cmd := exec.CommandContext(ctx, c.EnvExecCmd, args...)
	cmd.Dir = c.EnvDir
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return name == "PYTHONHOME" || name == "PYTHONPATH" || name == "VIRTUAL_ENV"
	}), "VIRTUAL_ENV="+c.EnvDir)
	out, err := cmd.CombinedOutput()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		said := strings.TrimSpace(string(out))
		if said != "" {
			said = "\n" + said
		}
		return fmt.Errorf("%s %s: %w%s", c.PythonExe, strings.Join(args, " "), err, said)
	}
	return nil
}
