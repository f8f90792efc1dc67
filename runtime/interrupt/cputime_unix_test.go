//go:build unix

package interrupt

import (
	"syscall"
	"time"
)

// cpuTime returns for how long the process has computed, which other programs on the machine disturb less than the time on the clock.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
