package pyenv

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lockShared waits until nobody holds f's file exclusively, then holds it shared. Closing f, or the end of the process
// however it comes, gives it up.
func lockShared(f *os.File) error { return lockFile(f, 0) }

// tryLock holds f's file exclusively, or fails at once if anybody holds it.
func tryLock(f *os.File) error {
	return lockFile(f, windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY)
}

func lockFile(f *os.File, flags uint32) error {
	return windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, new(windows.Overlapped))
}

// isHeld says whether tryLock has failed since somebody else holds the file.
func isHeld(err error) bool { return errors.Is(err, windows.ERROR_LOCK_VIOLATION) }
