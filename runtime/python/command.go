package python

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/mayfly-faas/mayfly/host/files"
	"github.com/mayfly-faas/mayfly/host/wasi"
	"github.com/mayfly-faas/mayfly/runtime/image"
	"github.com/mayfly-faas/mayfly/runtime/interrupt"
)

// Command is one run of CPython as the command python3, by a user who sits before it: no image is taken, and nothing is remembered.
type Command struct {
	// Args are the arguments after the program's name.
	Args []string
	// Env is the environment as KEY=value.
	Env []string
	// Venv is the environment (pyvenv.cfg and what is beside it); it is at VenvDir. SitePackages is where it has its packages, within it.
	Venv         fs.FS
	SitePackages string
	// Folders are what the program sees of the host's files beside that, by absolute path. /tmp is private unless it is one of them.
	Folders map[string]wasi.FS
	// WorkDir is the working directory, one of Folders.
	WorkDir string
	// Streams are the standard streams: input, output, errors.
	Streams [3]wasi.File
	// MemoryBytes bounds the linear memory; TempBytes bounds /tmp.
	MemoryBytes, TempBytes int64
}

// workDirFile is where a sandbox's CPython is told its working directory.
const workDirFile = "_mayfly_workdir.pth"

// Run runs the command in a CPython of its own, and returns its exit code.
func (c *Command) Run(ctx context.Context, config *Config) (code int, err error) {
	t := files.NewMounts()
	for at, fsys := range c.Folders {
		t.Mount(at, fsys)
	}
	if c.Folders[TempDir] == nil {
		t.Mount(TempDir, files.NewTemp(TempDir, c.TempBytes))
	}
	t.Mount("/dev", files.Devices{})
	if config.Lib != nil {
		t.Mount(baseLibDir, config.Lib)
	}
	// WASI has no working directory: wasi-libc keeps one, which begins at the root. CPython runs the lines of .pth files that begin with import
	// before it looks for the script, so that from there on all is as if it had been started in the folder.
	line := fmt.Sprintf("import os; os.chdir(%s)\n", pyString(c.WorkDir))
	t.Mount(VenvDir, files.NewReadOnly(&withFile{FS: c.Venv, name: path.Join(c.SitePackages, workDirFile), content: line}))

	process, err := wasi.NewProcess(t)
	if err != nil {
		return 0, err
	}
	defer process.Close()
	for fd, stream := range c.Streams {
		process.SetStream(fd, stream)
	}
	process.Args = append([]string{executable}, c.arguments()...)
	process.Env = c.Env
	instance, err := image.NewInstance(ctx, config.Runtime, config.Compiled, config.Prepared, image.Options{Limit: c.MemoryBytes})
	if err != nil {
		return 0, fmt.Errorf("instantiate CPython: %w", err)
	}
	defer instance.Close()
	instance.Memory.Begin()
	process.Begin()
	call := config.Watchdog.Begin(ctx, interrupt.Limits{})
	defer call.End()
	call.Arm(interrupt.Of(instance.Module), process)
	_, err = instance.Module.ExportedFunction("_start").Call(wasi.NewContext(call, process))
	call.Disarm()
	if code, ok := wasi.IsExit(err); ok {
		return int(code), nil
	}
	switch {
	case err == nil:
		return 0, nil
	case ctx.Err() != nil:
		return 0, context.Cause(ctx)
	}
	trap, _, _ := strings.Cut(err.Error(), "\n")
	return 0, fmt.Errorf("CPython was ended: %s", trap)
}

// arguments are Args, with an absolute name of the script where CPython does not read .pth files before it opens that (-S).
func (c *Command) arguments() []string {
	i, site := Script(c.Args)
	if site || i < 0 || path.IsAbs(c.Args[i]) || c.Args[i] == "-" {
		return c.Args
	}
	args := append([]string(nil), c.Args...)
	args[i] = path.Join(c.WorkDir, args[i])
	return args
}

// Script finds the script in CPython's arguments: https://docs.python.org/3/using/cmdline.html#interface-options. It is -1 where there is
// none. site is false where -S is among the options.
func Script(args []string) (index int, site bool) {
	site = true
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "-" || !strings.HasPrefix(arg, "-"):
			return i, site
		case arg == "--check-hash-based-pycs":
			i++
			continue
		case strings.HasPrefix(arg, "--"):
			continue
		}
		for j, letter := range arg[1:] {
			if strings.ContainsRune("cm", letter) {
				return -1, site // the rest is the program's
			}
			if letter == 'S' {
				site = false
			}
			if strings.ContainsRune("WX", letter) {
				if j == len(arg)-2 { // its value is the next argument
					i++
				}
				break
			}
		}
	}
	return -1, site
}

// pyString writes a string as Python source, in ASCII.
func pyString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		fmt.Fprintf(&b, `\U%08x`, r)
	}
	b.WriteByte('"')
	return b.String()
}
