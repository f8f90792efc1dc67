package prepare

import (
	"fmt"
	"iter"
	"unicode/utf8"
)

// reader reads the binary format. The first error stays: what is read after it is zero.
type reader struct {
	b       []byte
	at      int
	section string
	whole   bool // b is the whole input, not a section: where it ends early, the file does
	err     error
	named   uint64 // how many types heap types take for granted
}

func (r *reader) fail(at int, format string, args ...any) {
	if r.err == nil {
		r.err = &FormatError{Offset: at, Section: r.section, Msg: fmt.Sprintf(format, args...)}
	}
}

// failShort fails for want of bytes.
func (r *reader) failShort(at int, format string, args ...any) {
	if r.err != nil {
		return
	}
	e := &FormatError{Offset: at, Section: r.section, Msg: fmt.Sprintf(format, args...)}
	if r.whole {
		e.Err = ErrTruncated
	}
	r.err = e
}

// left returns how many bytes are left to read.
func (r *reader) left() int {
	if r.err != nil {
		return 0
	}
	return len(r.b) - r.at
}

func (r *reader) byte(what string) byte {
	if r.left() < 1 {
		r.failShort(len(r.b), "it ends within %s", what)
		return 0
	}
	r.at++
	return r.b[r.at-1]
}

// leb reads an unsigned LEB128 number of at most that many bits, in as few bytes as such a number can take
// (https://webassembly.github.io/spec/core/binary/values.html#integers).
func (r *reader) leb(bits int, what string) uint64 {
	start := r.at
	var v uint64
	for shift := 0; ; shift += 7 {
		c := r.byte(what)
		if r.err != nil {
			return 0
		}
		v |= uint64(c&0x7f) << shift
		if rest := bits - shift; rest < 7 && c>>rest != 0 {
			r.fail(start, "%s is longer than %d bits", what, bits)
			return 0
		}
		if c&0x80 == 0 {
			return v
		}
	}
}

func (r *reader) u32(what string) uint32 { return uint32(r.leb(32, what)) }

// skipSigned passes over a signed LEB128 number of at most that many bits.
func (r *reader) skipSigned(bits int, what string) {
	start := r.at
	for rest := bits; r.err == nil; rest -= 7 {
		c := r.byte(what)
		if rest <= 7 {
			// All bits from the sign's on must be alike, and the bit that says that more follows must not be set.
			sign, ones := c>>(rest-1), byte(0x7f)>>(rest-1)
			if sign != 0 && sign != ones {
				r.fail(start, "%s is longer than %d bits", what, bits)
			}
			return
		}
		if c&0x80 == 0 {
			return
		}
	}
}

// index reads the index of one of n things.
func (r *reader) index(what string, n uint32) uint32 {
	start := r.at
	i := r.u32("a " + what + " index")
	if i >= n {
		r.fail(start, "there is no %s %d: there are %d", what, i, n)
		return 0
	}
	return i
}

// heapType reads a heap type: an abstract one, which is negative, or a type's index (33 bits, signed).
func (r *reader) heapType(what string) {
	start := r.at
	r.skipSigned(33, what)
	if r.err != nil || r.b[r.at-1]&0x40 != 0 {
		return
	}
	var v uint64
	for i, c := range r.b[start:r.at] {
		v |= uint64(c&0x7f) << (7 * i)
	}
	r.named = max(r.named, v+1)
}

// checkTypes fails where a heap type has named more types than there are.
func (r *reader) checkTypes(n uint32) {
	if r.named > uint64(n) {
		r.fail(r.at, "there is no type %d: there are %d", r.named-1, n)
	}
}

// count reads how many items follow, each of at least one byte.
func (r *reader) count(what string, most uint32) uint32 {
	start := r.at
	n := r.u32(what)
	switch {
	case r.err != nil:
		return 0
	case uint64(n) > uint64(r.left()):
		r.fail(start, "%d %s are announced, and %d bytes are left", n, what, r.left())
		return 0
	case n > most:
		r.fail(start, "%d %s are announced: at most %d can be run", n, what, most)
		return 0
	}
	return n
}

// items reads how many items follow and counts them, as long as there is no error.
func (r *reader) items(what string, most uint32) iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		n := r.count(what, most)
		for i := uint32(0); i < n && r.err == nil; i++ {
			if !yield(i) {
				return
			}
		}
	}
}

func (r *reader) bytes(n uint32, what string) []byte {
	if r.err == nil && uint64(n) > uint64(r.left()) {
		r.failShort(r.at, "%s: %d bytes are announced, and %d are left", what, n, r.left())
	}
	if r.err != nil {
		return nil
	}
	r.at += int(n)
	return r.b[r.at-int(n) : r.at]
}

func (r *reader) name(what string) string {
	start := r.at
	b := r.bytes(r.u32(what), what)
	if r.err == nil && !utf8.Valid(b) {
		r.fail(start, "%s is not UTF-8", what)
		return ""
	}
	return string(b)
}
