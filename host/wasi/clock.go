package wasi

import (
	"context"
	"time"
)

// The clock identifiers of https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#clockid.
const (
	clockRealtime   = 0
	clockMonotonic  = 1
	clockProcessCPU = 2
	clockThreadCPU  = 3
)

// epoch is where the monotonic clock of every process begins: one for all, so that a time that an image remembers is not
// ahead of the clock of the sandbox it is restored into.
var epoch = time.Now()

// now returns a clock's time in nanoseconds.
func (p *Process) now(clock uint64) (int64, Errno) {
	switch uint32(clock) {
	case clockRealtime:
		return time.Now().UnixNano(), 0
	case clockMonotonic:
		return int64(time.Since(epoch)), 0
	case clockProcessCPU, clockThreadCPU:
		return int64(time.Since(p.started) - p.Waited()), 0
	}
	return 0, EINVAL
}

func clockTimeGet(_ context.Context, p *Process, m memory, a []uint64) Errno {
	now, errno := p.now(a[0])
	if errno != 0 {
		return errno
	}
	return m.putUint64(a[2], uint64(now))
}

func clockResGet(_ context.Context, _ *Process, m memory, a []uint64) Errno {
	if uint32(a[0]) > clockThreadCPU {
		return EINVAL
	}
	return m.putUint64(a[1], 1)
}
