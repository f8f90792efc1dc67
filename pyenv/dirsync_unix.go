//go:build unix

package pyenv

import (
	"errors"
	"os"
	"syscall"
)

// syncDir makes the names in a folder last through a power cut. Some file systems cannot be asked, and say so.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}
