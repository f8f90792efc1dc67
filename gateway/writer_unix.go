//go:build unix

package gateway

import (
	"errors"
	"net"
	"syscall"
)

// writer writes to a connection's socket what goes out at once.
type writer struct {
	raw syscall.RawConn // nil: there is no socket
}

func newWriter(c net.Conn) writer {
	if s, ok := c.(syscall.Conn); ok {
		if raw, err := s.SyscallConn(); err == nil {
			return writer{raw}
		}
	}
	return writer{}
}

// try writes as much of b as can be written without waiting.
func (w writer) try(b []byte) (n int, err error) {
	if w.raw == nil {
		return 0, nil
	}
	closed := w.raw.Write(func(fd uintptr) bool {
		n, err = syscall.Write(int(fd), b)
		return true
	})
	if closed != nil || errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EINTR) {
		err = closed
	}
	return max(n, 0), err
}
