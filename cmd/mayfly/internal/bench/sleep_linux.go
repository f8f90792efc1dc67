package bench

import (
	"time"

	"golang.org/x/sys/unix"
)

// sleepShort sleeps for less than a timer can be late, which Go rounds up to whole milliseconds where the process is idle (epoll_wait). It may
// return early.
func sleepShort(d time.Duration) {
	ts := unix.NsecToTimespec(d.Nanoseconds())
	_ = unix.Nanosleep(&ts, nil) // a signal ends it, which the caller sees by the clock
}
