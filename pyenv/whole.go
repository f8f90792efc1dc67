package pyenv

import (
	"io"
	"os"
	"path/filepath"
)

// These put a file, or a link, in its place in one step: who looks finds the one before or the new one, and never a part. What is there already, a link
// too, is replaced and not written through.

func writeWhole(name string, data []byte, mode os.FileMode) error {
	return whole(name, func(temp string) error { return os.WriteFile(temp, data, mode) })
}

func copyWhole(from, to string, mode os.FileMode) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	return whole(to, func(temp string) error {
		dst, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		if err != nil {
			return err
		}
		if _, err := io.Copy(dst, src); err != nil {
			dst.Close()
			return err
		}
		return dst.Close()
	})
}

func linkWhole(to, name string) error {
	if at, err := os.Readlink(name); err == nil && at == to {
		return nil
	}
	return whole(name, func(temp string) error { return os.Symlink(to, temp) })
}

func whole(name string, make func(temp string) error) error {
	// A folder of its own gives a name that nobody else has.
	dir, err := os.MkdirTemp(filepath.Dir(name), stagePrefix)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	temp := filepath.Join(dir, filepath.Base(name))
	if err := make(temp); err != nil {
		return err
	}
	return os.Rename(temp, name)
}
