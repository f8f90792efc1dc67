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

// startupFile is where CPython is told what it cannot know of itself: see start.
const startupFile = "_mayfly.pth"

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
	args, startup := c.start()
	t.Mount(VenvDir, files.NewReadOnly(&withFile{FS: c.Venv, name: path.Join(c.SitePackages, startupFile), content: startup}))

	process, err := wasi.NewProcess(t)
	if err != nil {
		return 0, err
	}
	defer process.Close()
	for fd, stream := range c.Streams {
		process.SetStream(fd, stream)
	}
	process.Args = append([]string{executable}, args...)
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

// start returns the arguments that CPython is started with, and a line that it runs before anything of the user's.
//
// WASI has no working directory: wasi-libc keeps one, which begins at the root. CPython makes the script's name absolute while it is still there, so that
// is done before; the line, in a .pth file, goes to the working directory and gives sys.argv the name back. With -S there are no .pth files: then the
// working directory stays the root.
func (c *Command) start() (args []string, line string) {
	line = fmt.Sprintf("import os; os.chdir(%s)", pyString(c.WorkDir))
	args = append([]string(nil), c.Args...)
	if i := Script(args); i >= 0 && args[i] != "-" && !path.IsAbs(args[i]) {
		line += fmt.Sprintf("; import sys; sys.argv[0] = sys.orig_argv[%d] = %s", i+1, pyString(args[i]))
		args[i] = path.Join(c.WorkDir, args[i]) // without what is roundabout: for WASI, CPython does not take that out of sys.path[0]
	}
	return args, line + "\n"
}

// Script finds the script in CPython's arguments: https://docs.python.org/3/using/cmdline.html#interface-options. It is -1 where there is
// none.
func Script(args []string) int {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "-" || !strings.HasPrefix(arg, "-"):
			return i
		case arg == "--check-hash-based-pycs":
			i++
			continue
		case strings.HasPrefix(arg, "--"):
			continue
		}
		for j, letter := range arg[1:] {
			if strings.ContainsRune("cm", letter) {
				return -1 // the rest is the program's
			}
			if strings.ContainsRune("WX", letter) {
				if j == len(arg)-2 { // its value is the next argument
					i++
				}
				break
			}
		}
	}
	return -1
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
