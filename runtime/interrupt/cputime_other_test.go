//go:build !unix

package interrupt

import "time"

var start = time.Now()

// cpuTime returns the time on the clock: this system is not asked for more.
func cpuTime() time.Duration { return time.Since(start) }
