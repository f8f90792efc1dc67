package image

import "github.com/tetratelabs/wazero/experimental"

// Memory is a linear memory of bounded size. It implements experimental.MemoryAllocator for one instance, and the
// experimental.LinearMemory that it hands out. It is used by one goroutine at a time.
type Memory struct {
	limit   uint64
	buf     []byte
	size    uint64
	refused uint64
}

// NewMemory returns a memory that grows to at most limit bytes.
func NewMemory(limit int64) *Memory { return &Memory{limit: uint64(limit)} }

// Allocate implements experimental.MemoryAllocator.
func (m *Memory) Allocate(_, maxBytes uint64) experimental.LinearMemory {
	m.buf = reserve(min(m.limit, maxBytes))
	return m
}

// Reallocate implements experimental.LinearMemory. Beyond the limit it returns nil, by which memory.grow answers -1.
func (m *Memory) Reallocate(size uint64) []byte {
	if size > m.limit {
		m.refused = max(m.refused, size)
		return nil
	}
	m.buf = resize(m.buf, size)
	m.size = size
	return m.buf[:size:size]
}

// Free implements experimental.LinearMemory.
func (m *Memory) Free() {
	release(m.buf)
	m.buf, m.size = nil, 0
}

// Size returns how large the memory is, in bytes.
func (m *Memory) Size() int64 { return int64(m.size) }

// Refused returns the largest size in bytes that was asked for and refused since the last ClearRefused; 0 when none was.
func (m *Memory) Refused() int64 { return int64(m.refused) }

// ClearRefused forgets what was refused: a new request begins.
func (m *Memory) ClearRefused() { m.refused = 0 }
