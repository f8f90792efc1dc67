//go:build unix

package store

import (
	"errors"
	"os"
	"syscall"
)

// syncDir makes the entries of a folder durable: the names of new, renamed and removed files (fsync(2), NOTES).
func syncDir(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	err = folder.Sync()
	// Some network and FUSE file systems do not know fsync of a folder. There is nothing better to do on them.
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil
	}
	return errors.Join(err, folder.Close())
}
