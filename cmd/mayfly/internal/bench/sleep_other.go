//go:build !linux

package bench

import "time"

// sleepShort sleeps. It may return early.
func sleepShort(d time.Duration) { time.Sleep(d) }
