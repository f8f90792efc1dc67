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
		w.partial = append(w.partial, p[:i]...)
		w.emit()
		p = p[i+1:]
	}
	w.partial = append(w.partial, p...)
	// A line without an end must not take all memory.
	for len(w.partial) > MaxLine {
		w.emit()
	}
	return n, nil
}

// End writes out a last line that had no newline.
func (w *Writer) End() {
	if len(w.partial) > 0 {
		w.emit()
	}
	w.line.Request = ""
}

func (w *Writer) emit() {
	line := w.line
	line.Time = time.Now()
	line.Text = strings.ToValidUTF8(strings.TrimSuffix(string(w.partial), "\r"), "\uFFFD")
	w.partial = w.partial[:0]
	w.log.Add(line)
}
