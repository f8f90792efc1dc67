package gateway

import (
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// listener hands out connections that know what is to be done after an answer.
type listener struct{ net.Listener }

// Accept implements net.Listener.
func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return newConn(c), nil
}

// conn is a connection, which one goroutine serves. Sandboxes are brought back on that goroutine when the answer has been written: a hand-over to another
// one would cost more than some functions do.
type conn struct {
	net.Conn
	writer        writer
	remote, local string      // the addresses
	after         func()      // what is to be done when the answer has been written; nil: nothing
	unread        atomic.Bool // there may be more of the request than was read
}

func newConn(c net.Conn) *conn {
	return &conn{Conn: c, writer: newWriter(c), remote: c.RemoteAddr().String(), local: c.LocalAddr().String()}
}

// Write implements net.Conn. What waits for the answer to be written does not wait for a client that does not take it.
func (c *conn) Write(b []byte) (int, error) {
	if c.after == nil {
		return c.Conn.Write(b)
	}
	n, err := c.writer.try(b)
	if err != nil || n == len(b) {
		return n, err
	}
	c.answered()
	m, err := c.Conn.Write(b[n:])
	return n + m, err
}

// How much of a request is read, and for how long, after an answer that did not wait for it.
const (
	lingerBytes = 64 << 20
	lingerTime  = 2 * time.Second
)

// Close implements net.Conn. Where a client still sends, it reads on for a while: closing a socket with something in it resets the connection, and the
// client would lose the answer (RFC 9112 section 9.6).
func (c *conn) Close() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok && c.unread.Load() && half.CloseWrite() == nil && c.SetReadDeadline(time.Now().Add(lingerTime)) == nil {
		_, _ = io.CopyN(io.Discard, c.Conn, lingerBytes)
	}
	return c.Conn.Close()
}

// answered does what is to be done after an answer.
func (c *conn) answered() {
	if after := c.after; after != nil {
		c.after = nil
		after()
	}
}

// stateChanged is told by fasthttp when an answer has been written, and when the connection has been closed before that.
func stateChanged(c net.Conn, state fasthttp.ConnState) {
	if state == fasthttp.StateIdle {
		c.(*conn).unread.Store(false)
	}
	if state == fasthttp.StateIdle || state == fasthttp.StateClosed {
		c.(*conn).answered()
	}
}
