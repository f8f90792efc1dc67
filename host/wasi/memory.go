package wasi

import (
	"encoding/binary"

	"github.com/tetratelabs/wazero/api"
)

// memory is a guest's linear memory. Whatever lies outside of it is EFAULT.
type memory struct{ api.Memory }

func (m memory) bytes(at, n uint64) ([]byte, Errno) {
	if m.Memory == nil {
		return nil, EFAULT
	}
	b, ok := m.Read(uint32(at), uint32(n))
	if !ok {
		return nil, EFAULT
	}
	return b, 0
}

func (m memory) string(at, n uint64) (string, Errno) {
	b, errno := m.bytes(at, n)
	return string(b), errno
}

func (m memory) putUint32(at uint64, v uint32) Errno {
	b, errno := m.bytes(at, 4)
	if errno != 0 {
		return errno
	}
	binary.LittleEndian.PutUint32(b, v)
	return 0
}

func (m memory) putUint64(at, v uint64) Errno {
	b, errno := m.bytes(at, 8)
	if errno != 0 {
		return errno
	}
	binary.LittleEndian.PutUint64(b, v)
	return 0
}

// maxVectors is IOV_MAX, the most vectors one read or write can have.
const maxVectors = 1024

// vector returns the i-th of the iovec (or ciovec) records at address at: eight bytes each, address and length.
func (m memory) vector(at uint64, i uint32) ([]byte, Errno) {
	b, errno := m.bytes(uint64(uint32(at)+8*i), 8)
	if errno != 0 {
		return nil, errno
	}
	return m.bytes(uint64(binary.LittleEndian.Uint32(b)), uint64(binary.LittleEndian.Uint32(b[4:])))
}

// putStrings writes strings with a NUL after each to buffer, and their addresses to table.
func (m memory) putStrings(table, buffer uint64, strings []string) Errno {
	for i, s := range strings {
		if errno := m.putUint32(table+uint64(4*i), uint32(buffer)); errno != 0 {
			return errno
		}
		b, errno := m.bytes(buffer, uint64(len(s)+1))
		if errno != 0 {
			return errno
		}
		b[copy(b, s)] = 0
		buffer += uint64(len(s) + 1)
	}
	return 0
}

// putStringSizes writes how many strings there are, and how many bytes putStrings needs for them.
func (m memory) putStringSizes(count, size uint64, strings []string) Errno {
	var n int
	for _, s := range strings {
		n += len(s) + 1
	}
	if errno := m.putUint32(count, uint32(len(strings))); errno != 0 {
		return errno
	}
	return m.putUint32(size, uint32(n))
}
