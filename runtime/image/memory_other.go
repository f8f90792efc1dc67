//go:build !unix

package image

// reserve takes nothing ahead: memory is Go's own, and growing it copies.
func reserve(uint64) []byte { return nil }

// resize makes the first size bytes usable.
func resize(b []byte, size uint64) []byte {
	if size > uint64(len(b)) {
		return append(b, make([]byte, size-uint64(len(b)))...)
	}
	return b
}

func release([]byte) {}
