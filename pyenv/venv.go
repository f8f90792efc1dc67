package pyenv

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// VenvOptions says which base an environment stands on. Paths are as the environment's own Python will see them, with slashes.
type VenvOptions struct {
	// Home is the absolute path of the folder with the base's interpreter. It is needed.
	Home string
	// Version is that of the base, whole: "3.12.0", as in Base.Version. It is needed.
	Version string
	// Executable is the base's interpreter. "" is python3.N in Home.
	Executable string
	// Command is the command line that the environment is made with, for people who read pyvenv.cfg. "" leaves it out.
	Command string
}

func (o VenvOptions) withDefaults(v version) VenvOptions {
	if o.Executable == "" {
		o.Executable = path.Join(o.Home, fmt.Sprintf("python3.%d", v.minor))
	}
	return o
}

func (o VenvOptions) validate() (version, error) {
	v, err := parseRunnable(o.Version)
	if err != nil {
		return version{}, err
	}
	if !path.IsAbs(o.Home) {
		return version{}, fmt.Errorf("the home of an environment has to be an absolute path, not %q", o.Home)
	}
	return v, nil
}

// Create makes a virtual environment (PEP 405) in the new folder dir, whose parents are made as needed. The error is fs.ErrExist if
// there is anything at dir already, [ErrVersion] if the version is none or too old. The environment appears whole or not at all;
// a process that is killed may leave a folder .mayfly-venv-* beside it.
//
// Its layout is that of CPython's venv on POSIX, on whatever system it is made: pyvenv.cfg, bin, include/python3.N,
// lib/python3.N/site-packages, the link lib64 where CPython makes it (64-bit systems but macOS), and .gitignore from 3.13 on.
//
// bin is empty as yet. CPython puts links to its interpreter there, and scripts that put them on PATH; an environment over a
// WASI base can be entered only through the sandbox, which mounts it at /venv and starts the base with argv[0] =
// /venv/bin/python3. That file need not exist for it: CPython looks for pyvenv.cfg one folder above by name alone.
func Create(dir string, o VenvOptions) error {
	v, err := o.validate()
	if err != nil {
		return fmt.Errorf("create environment %s: %w", dir, err)
	}
	if err := create(dir, o.withDefaults(v), v); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return detailf(fs.ErrExist, "create environment %s: there is something already: choose another folder, or remove it first", dir)
		}
		return fmt.Errorf("create environment %s: %w", dir, err)
	}
	return nil
}

func create(dir string, o VenvOptions, v version) error {
	dir, err := filepath.Abs(dir) // of "." too there is a parent
	if err != nil {
		return err
	}
	if _, err := os.Lstat(dir); err == nil {
		return fs.ErrExist
	}
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	// Beside dir, so that it is on the same file system. Only what is inside is renamed: MkdirTemp's own folder is private.
	stage, err := os.MkdirTemp(parent, ".mayfly-venv-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(stage)
	built := filepath.Join(stage, "venv")
	if err := fill(built, o, v); err != nil {
		return err
	}
	err = os.Rename(built, dir)
	if err == nil {
		return nil
	}
	// Windows says "access denied" where others say that something is there.
	if _, statErr := os.Lstat(dir); statErr == nil {
		return fs.ErrExist
	}
	return err
}

func fill(dir string, o VenvOptions, v version) error {
	python := fmt.Sprintf("python3.%d", v.minor)
	for _, sub := range []string{"bin", "include/" + python, "lib/" + python + "/site-packages"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.FromSlash(sub)), 0o755); err != nil {
			return err
		}
	}
	if hasLib64 {
		if err := os.Symlink("lib", filepath.Join(dir, "lib64")); err != nil {
			return err
		}
	}
	if v.minor >= 13 {
		ignore := []byte("# Made by mayfly: an environment is made again, not committed.\n*\n")
		if err := os.WriteFile(filepath.Join(dir, ".gitignore"), ignore, 0o644); err != nil {
			return err
		}
	}
	var config strings.Builder
	c := Config{Home: o.Home, Version: fmt.Sprintf("3.%d.%d", v.minor, v.micro), Executable: o.Executable, Command: o.Command}
	if err := c.write(&config); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "pyvenv.cfg"), []byte(config.String()), 0o644)
}
