package files

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/mayfly-faas/mayfly/host/wasi"
)

// Input is a stream that a guest reads to its end, such as its standard input.
type Input struct {
	wasi.NoFile
	rest []byte
}

// Set puts data, which is not copied, in place of what is left to read.
func (s *Input) Set(data []byte) { s.rest = data }

// Stat implements wasi.File.
func (s *Input) Stat() (wasi.Stat, wasi.Errno) { return wasi.Stat{Links: 1}, 0 }

// ReadAt implements wasi.File.
func (s *Input) ReadAt(_ context.Context, p []byte, _ int64) (int, wasi.Errno) {
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, 0
}

// Output is a stream that a guest writes, kept up to a limit. Beyond it, writing fails (EFBIG) and Overflowed is true.
type Output struct {
	wasi.NoFile
	buf        bytes.Buffer
	limit      int
	overflowed bool
}

// Reset empties the stream and sets how many bytes it keeps.
func (s *Output) Reset(limit int) {
	s.buf.Reset()
	s.limit, s.overflowed = limit, false
}

// Bytes returns what was written. It is valid until the next Reset.
func (s *Output) Bytes() []byte { return s.buf.Bytes() }

// Overflowed reports whether the guest tried to write more than the limit.
func (s *Output) Overflowed() bool { return s.overflowed }

// Stat implements wasi.File.
func (s *Output) Stat() (wasi.Stat, wasi.Errno) { return wasi.Stat{Links: 1}, 0 }

// WriteAt implements wasi.File.
func (s *Output) WriteAt(_ context.Context, p []byte, _ int64) (int, wasi.Errno) {
	if s.buf.Len()+len(p) > s.limit {
		s.overflowed = true
		return 0, wasi.EFBIG
	}
	s.buf.Write(p)
	return len(p), 0
}

// Writer is a stream that goes to an io.Writer, such as a log.
type Writer struct {
	wasi.NoFile
	// W takes what the guest writes. It is used by one guest at a time.
	W io.Writer
}

// Stat implements wasi.File.
func (*Writer) Stat() (wasi.Stat, wasi.Errno) { return wasi.Stat{Links: 1}, 0 }

// WriteAt implements wasi.File.
func (w *Writer) WriteAt(_ context.Context, p []byte, _ int64) (int, wasi.Errno) {
	n, err := w.W.Write(p)
	return n, errnoOf(err)
}

// Reader is a stream that comes from an io.Reader, such as the standard input of the host's process.
type Reader struct {
	wasi.NoFile
	// R gives what the guest reads. It is used by one guest at a time, and may wait.
	R io.Reader
}

// Stat implements wasi.File.
func (*Reader) Stat() (wasi.Stat, wasi.Errno) { return wasi.Stat{Links: 1}, 0 }

// ReadAt implements wasi.File.
func (r *Reader) ReadAt(_ context.Context, p []byte, _ int64) (int, wasi.Errno) {
	for {
		n, err := r.R.Read(p)
		switch {
		case n > 0 || len(p) == 0 || errors.Is(err, io.EOF):
			return n, 0
		case err != nil:
			return 0, errnoOf(err)
		}
	}
}

// Terminal is a stream that the guest takes for a terminal.
type Terminal struct{ wasi.File }

// Stat implements wasi.File.
func (t Terminal) Stat() (wasi.Stat, wasi.Errno) {
	st, errno := t.File.Stat()
	st.Type = wasi.CharacterDevice
	return st, errno
}
