package python

import (
	"errors"

	"github.com/tetratelabs/wazero/api"
)

// Where CPython's structs have their fields on wasm32, in bytes: PyObject, PyVarObject, PyBytesObject, PyListObject and PyTypeObject of
// CPython's Include/object.h, cpython/bytesobject.h, cpython/listobject.h and cpython/object.h.
const (
	typeOffset    = 4
	sizeOffset    = 8
	hashOffset    = 12
	contentOffset = 16
	itemsOffset   = 12
	tpCallOffset  = 64
)

// mailbox is where frames are handed over in CPython's own memory: a call of os.read and one of os.write would take a tenth of a small request's time.
// The host writes a request's frame into a bytes object, and takes the response's from the bytes object that is the item of a list. See sdk/mayfly/_serve.py,
// which copies the one and makes the other.
type mailbox struct {
	Frame  uint32 `json:"frame"`  // address of the bytes object
	Room   uint32 `json:"room"`   // its size
	Answer uint32 `json:"answer"` // address of the list
	Bytes  uint32 `json:"bytes"`  // address of the type bytes
}

// greeting is what lies in the list when CPython has been started.
const greeting = "mayfly"

// errLayout is returned for a CPython whose objects lie otherwise in memory.
var errLayout = errors.New("its objects are not laid out as in CPython 3.8 to 3.13")

// check finds out whether the objects are where they should be, and what the type bytes is.
func (b *mailbox) check(m api.Memory) error {
	size, ok := m.ReadUint32Le(b.Frame + sizeOffset)
	typ, typed := m.ReadUint32Le(b.Frame + typeOffset)
	if !ok || !typed || size != b.Room {
		return errLayout
	}
	b.Bytes = typ
	if answer, ok := b.take(m); !ok || string(answer) != greeting {
		return errLayout
	}
	return nil
}

// put hands over a request's frame; false says that it is too large, and the guest is told to read it from /dev/call. A byte is added to it, which
// the guest leaves out: so it copies the rest, where it would else be given the object itself.
func (b *mailbox) put(m api.Memory, frame []byte) bool {
	fits := len(frame) < int(b.Room)
	if !fits {
		frame = nil
	}
	content := b.Frame + contentOffset
	m.WriteUint32Le(b.Frame+sizeOffset, uint32(len(frame)+1))
	m.WriteUint32Le(b.Frame+hashOffset, ^uint32(0)) // not known
	m.Write(content, frame)
	m.WriteUint16Le(content+uint32(len(frame)), 0) // what is added, and the NUL at the end of every bytes object
	return fits
}

// take returns the response's frame, which is valid until the guest runs again; false where there is none.
func (b *mailbox) take(m api.Memory) (frame []byte, ok bool) {
	items, ok1 := m.ReadUint32Le(b.Answer + itemsOffset)
	object, ok2 := m.ReadUint32Le(items)
	typ, ok3 := m.ReadUint32Le(object + typeOffset)
	size, ok4 := m.ReadUint32Le(object + sizeOffset)
	if !ok1 || !ok2 || !ok3 || !ok4 || typ != b.Bytes {
		return nil, false
	}
	return m.Read(object+contentOffset, size)
}
