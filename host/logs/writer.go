package logs

import (
	"bytes"
	"strings"
	"time"
)

// Writer makes lines of what one sandbox prints on one stream. It is used by one goroutine at a time.
type Writer struct {
	log     *Log
	line    Line
	partial []byte
}

// NewWriter returns a writer to l.
func NewWriter(l *Log, stream string) *Writer {
	return &Writer{log: l, line: Line{Stream: stream}}
}

// Begin says to which request of which version what comes next belongs.
func (w *Writer) Begin(version uint64, request string) {
	w.line.Version, w.line.Request = version, request
}

// Write implements io.Writer. It never fails.
func (w *Writer) Write(p []byte) (int, error) {
	n := len(p)
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			break
		}
		w.add(p[:i])
		w.emit()
		p = p[i+1:]
	}
	w.add(p)
	return n, nil
}

// End writes out a last line that had no newline.
func (w *Writer) End() {
	if len(w.partial) > 0 {
		w.emit()
	}
	w.line.Request = ""
}

// add appends to the line. One that is too long goes on in another, so that it does not take all memory.
func (w *Writer) add(p []byte) {
	for len(w.partial)+len(p) > MaxLine {
		n := MaxLine - len(w.partial)
		w.partial = append(w.partial, p[:n]...)
		w.emit()
		p = p[n:]
	}
	w.partial = append(w.partial, p...)
}

func (w *Writer) emit() {
	line := w.line
	line.Time = time.Now()
	line.Text = strings.ToValidUTF8(strings.TrimSuffix(string(w.partial), "\r"), "\uFFFD")
	w.partial = w.partial[:0]
	w.log.Add(line)
}
