//go:build unix

package pyenv

import (
	"errors"
	"os"
	"syscall"
)

// lockShared waits until nobody holds f's file exclusively, then holds it shared. Closing f, or the end of the process
// however it comes, gives it up.
func lockShared(f *os.File) error { return flock(f, syscall.LOCK_SH) }

// tryLock holds f's file exclusively, or fails at once if anybody holds it.
func tryLock(f *os.File) error { return flock(f, syscall.LOCK_EX|syscall.LOCK_NB) }

func flock(f *os.File, how int) error {
	for {
		if err := syscall.Flock(int(f.Fd()), how); err != syscall.EINTR {
			return err
		}
	}
}

// isHeld says whether tryLock has failed since somebody else holds the file.
func isHeld(err error) bool { return errors.Is(err, syscall.EWOULDBLOCK) }
