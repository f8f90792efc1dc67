// Package logs keeps what functions print: the last lines of each function in memory, and a feed of new ones to whoever follows.
package logs

import (
	"sync"
	"time"
)

// Line is one line that a function, or the server about it, has printed.
type Line struct {
	Time time.Time `json:"time"`
	// Version is the function's version; 0 while one is tried that is being deployed.
	Version uint64 `json:"version,omitempty"`
	// Request is the id of the request that was served; empty while the function was loaded.
	Request string `json:"request,omitempty"`
	// Stream is stdout, stderr, or system for what the server says of a call.
	Stream string `json:"stream"`
	Text   string `json:"text"`
}

// MaxLine is how many bytes of a line are kept.
const MaxLine = 16 << 10

// Log is the log of one function. It can be used by many goroutines at a time.
type Log struct {
	mu        sync.Mutex
	lines     []Line             // guarded by mu; a ring once it is full
	next      int                // guarded by mu; where the oldest line of a full ring is
	capacity  int                //
	followers map[chan Line]bool // guarded by mu
}

// New returns a log that keeps the last capacity lines.
func New(capacity int) *Log {
	return &Log{capacity: capacity, followers: map[chan Line]bool{}}
}

// Add appends a line. A follower that does not keep up misses lines; nobody waits for it.
func (l *Log) Add(line Line) {
	if len(line.Text) > MaxLine {
		line.Text = line.Text[:MaxLine] + " [cut]"
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.lines) < l.capacity {
		l.lines = append(l.lines, line)
	} else {
		l.lines[l.next] = line
		l.next = (l.next + 1) % l.capacity
	}
	for f := range l.followers {
		select {
		case f <- line:
		default:
		}
	}
}

// Last returns the last n lines, oldest first.
func (l *Log) Last(n int) []Line {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last(n)
}

func (l *Log) last(n int) []Line {
	n = max(0, min(n, len(l.lines)))
	out := make([]Line, 0, n)
	for i := len(l.lines) - n; i < len(l.lines); i++ {
		out = append(out, l.lines[(l.next+i)%len(l.lines)])
	}
	return out
}

// Follow returns the last n lines and a channel of those that come after them. stop ends it and must be called.
func (l *Log) Follow(n int) (last []Line, feed <-chan Line, stop func()) {
	const behind = 1024
	f := make(chan Line, behind)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.followers[f] = true
	return l.last(n), f, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.followers, f)
	}
}
