package pyenv

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	configName = "pyvenv.cfg"
	// stagePrefix begins the names of folders in which environments are built, and files are written.
	stagePrefix = ".mayfly-venv-"
)

// content is what a folder is before an environment is made in it.
type content int

const (
	nothing content = iota // there is no folder
	empty
	environment
	other
)

// look says what is at dir. The error says what hinders an environment there.
func look(dir string) (content, error) {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(dir); err == nil {
			return 0, errors.New("there is a link that leads nowhere: remove it first")
		}
		return nothing, nil
	}
	if err != nil {
		return 0, err
	}
	if !info.IsDir() {
		return 0, errors.New("there is something that is no folder: choose another name, or remove it first")
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	is := empty
	for _, e := range entries {
		switch {
		case e.Name() == configName && isConfig(filepath.Join(dir, configName)):
			return environment, nil
		case !strings.HasPrefix(e.Name(), stagePrefix):
			is = other
		}
	}
	return is, nil
}

func isConfig(name string) bool {
	_, err := ReadConfigFile(name)
	return err == nil
}

// place makes the environment at target, an absolute path.
func (b *Builder) place(ctx context.Context, target string) error {
	is, err := look(target)
	switch {
	case err != nil:
		return err
	case b.Upgrade && is != environment:
		return detailf(ErrNotVenv, "there is no environment to be upgraded: make one without --upgrade")
	case b.Clear && is == other && !b.Force:
		return detailf(ErrNotVenv, "it is not cleared: it is no environment (it has no %s) and not empty; choose another folder, or delete its content all the same with --force", configName)
	case b.Clear && b.Force && is == other && isPrecious(target):
		return detailf(ErrNotVenv, "it is not cleared, --force or not: it is the root of the file system, or your home")
	case is == nothing:
		return b.placeNew(ctx, target)
	case b.Clear, is == empty:
		return b.placeInside(ctx, target)
	}
	return b.placeOver(ctx, target, is)
}

// isPrecious says whether a folder is one that nobody means to clear.
func isPrecious(dir string) bool {
	info, err := os.Stat(dir)
	if err != nil {
		return false
	}
	for _, other := range []func() (string, error){os.UserHomeDir, func() (string, error) { return filepath.VolumeName(dir) + string(filepath.Separator), nil }} {
		if name, err := other(); err == nil {
			if is, err := os.Stat(name); err == nil && os.SameFile(info, is) {
				return true
			}
		}
	}
	return false
}

// placeOver builds in a folder that has something in it, which stays.
func (b *Builder) placeOver(ctx context.Context, target string, is content) error {
	err := b.build(ctx, target, target)
	if err != nil && is == other {
		// With what it has of an environment, it must not pass for one.
		_ = os.Remove(filepath.Join(target, configName))
	}
	return err
}

// placeNew builds beside target, so that it is on the same file system, and renames.
func (b *Builder) placeNew(ctx context.Context, target string) (err error) {
	parent := filepath.Dir(target)
	made, err := makeParents(parent)
	defer func() {
		if err != nil {
			for _, dir := range made {
				_ = os.Remove(dir) // unless somebody has put something there
			}
		}
	}()
	if err != nil {
		return err
	}
	return staged(parent, target, func(built string) error {
		if err := b.build(ctx, built, target); err != nil {
			return err
		}
		err := os.Rename(built, target)
		// Windows says "access denied" where others say that something is there.
		if _, statErr := os.Lstat(target); err != nil && statErr == nil {
			return fmt.Errorf("something else has been made there meanwhile: %w", fs.ErrExist)
		}
		return err
	})
}

// makeParents makes a folder and those above it, and returns what was not there before, innermost first.
func makeParents(dir string) (made []string, err error) {
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Lstat(at); err == nil || at == filepath.Dir(at) {
			break
		}
		made = append(made, at)
	}
	return made, os.MkdirAll(dir, 0o755)
}

// placeInside builds in a folder of the target itself, and puts what was built in the place of what was there. pyvenv.cfg goes first and comes
// last: a process that is killed meanwhile leaves no environment, rather than half of one.
func (b *Builder) placeInside(ctx context.Context, target string) error {
	folder, err := os.Open(target)
	if err != nil {
		return err
	}
	defer folder.Close() // which gives up the lock
	if err := tryLock(folder); isHeld(err) {
		return errors.New("another process is making an environment there")
	} // where folders cannot be locked (Windows, some network file systems), two must not do it at once
	is, err := look(target)
	switch {
	case err != nil:
		return err
	case !b.Clear && is != empty: // another process was quicker
		return b.placeOver(ctx, target, is)
	}
	return staged(target, target, func(built string) error {
		if err := b.build(ctx, built, target); err != nil {
			return err
		}
		if err := os.Remove(filepath.Join(target, configName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		entries, err := os.ReadDir(target)
		if err != nil {
			return err
		}
		stage := filepath.Base(filepath.Dir(built))
		for _, e := range entries {
			if e.Name() == stage {
				continue
			}
			if err := os.RemoveAll(filepath.Join(target, e.Name())); err != nil {
				return err
			}
		}
		if entries, err = os.ReadDir(built); err != nil {
			return err
		}
		for _, e := range entries {
			if e.Name() == configName {
				continue
			}
			if err := os.Rename(filepath.Join(built, e.Name()), filepath.Join(target, e.Name())); err != nil {
				return err
			}
		}
		return os.Rename(filepath.Join(built, configName), filepath.Join(target, configName))
	})
}

// staged runs build with the name of a folder, called like target, that is to be made within dir, and removes what it leaves there. Only what
// is inside MkdirTemp's folder is moved: that one is private.
func staged(dir, target string, build func(built string) error) error {
	stage, err := os.MkdirTemp(dir, stagePrefix)
	if err != nil {
		return err
	}
	return errors.Join(build(filepath.Join(stage, filepath.Base(target))), os.RemoveAll(stage))
}
