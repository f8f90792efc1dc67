// Package image keeps and brings back the state of sandboxes: linear memory and mutable globals.
//
// An Instance is an instance of a module with a Memory of ours beneath it. An Image is taken of an instance at one moment and brought back
// into it, or into another of the same module, as often as needed: after each request, and when a sandbox is given to another function.
// An image is either whole, or a delta: the pages by which it differs from a whole one, its base.
//
// Bringing an image back takes time in proportion to what a request wrote, where the kernel can tell that (see Tracker), and to the
// size of memory where it cannot.
package image

import (
	"bytes"
	"math/bits"
)

// Image is an instance's state at one moment. It is immutable, and can be used by many sandboxes at a time.
type Image struct {
	base    *Image // nil for a whole image
	digest  string
	size    int64 // of linear memory, in bytes
	globals []uint64

	// content is the memory of a whole image; of a delta the pages in which it differs, one after the other.
	content []byte
	bytes   int64  // how many of content are in memory: pages of zeros are not, in an image that was taken whole
	memory  []byte // what content lies in, as allocate returned it
	differs pageSet
	before  []int32 // how many pages differ before each word of differs

	hot hotPages
}

// Digest returns what identifies the image: the SHA-256 of the file in which it is kept; "" before it was saved or loaded.
func (i *Image) Digest() string { return i.digest }

// Size returns how many bytes of linear memory a sandbox at the image has.
func (i *Image) Size() int64 { return i.size }

// Bytes returns how many bytes the image itself takes.
func (i *Image) Bytes() int64 { return i.bytes }

// Base returns the image that this one is a delta of; nil where it is whole.
func (i *Image) Base() *Image { return i.base }

// Hot returns how many pages requests keep writing to, so that they are copied back without asking.
func (i *Image) Hot() int { return i.hot.count() }

func (i *Image) root() *Image {
	if i.base != nil {
		return i.base
	}
	return i
}

// newWhole returns the whole image of a memory, which it copies.
func newWhole(memory []byte, globals []uint64) *Image {
	img := &Image{size: int64(len(memory)), globals: globals, memory: allocate(int64(len(memory)))}
	img.content = img.memory[:len(memory)]
	for from := 0; from < len(memory); from += pageSize {
		if page := memory[from : from+pageSize]; !same(page, nil) {
			img.bytes += int64(copy(img.content[from:], page))
		}
	}
	return img
}

// newDelta returns an image of a memory by its difference from base. Only the pages of changed can differ; nil stands for all.
func newDelta(base *Image, memory []byte, globals []uint64, changed pageSet) *Image {
	n := pagesIn(int64(len(memory)))
	img := &Image{base: base, size: int64(len(memory)), globals: globals, differs: makePageSet(n)}
	for page := range n {
		if changed != nil && !changed.has(page) {
			continue
		}
		if !same(memory[page*pageSize:(page+1)*pageSize], base.page(page)) {
			img.differs.add(page)
		}
	}
	img.countBefore()
	img.memory = allocate(int64(img.differs.count()) * pageSize)
	img.content = img.memory[:img.differs.count()*pageSize]
	img.bytes = int64(len(img.content))
	at := 0
	for page := range img.differs.pages() {
		at += copy(img.content[at:], memory[page*pageSize:(page+1)*pageSize])
	}
	return img
}

// allocate returns zeroed memory, of at least size bytes, that is not the garbage collector's, whose heap would be twice as large for it.
func allocate(size int64) []byte {
	b := reserve(uint64(pagesIn(size) * pageSize))
	if b == nil || commit(b) != nil {
		release(b)
		return make([]byte, size)
	}
	return b
}

// Close gives the image's memory back. No sandbox may stand at it, or at a delta of it.
func (i *Image) Close() {
	release(i.memory)
	i.memory, i.content = nil, nil
}

func (i *Image) countBefore() {
	i.before = make([]int32, len(i.differs))
	var n int32
	for word, pages := range i.differs {
		i.before[word] = n
		n += int32(bits.OnesCount64(pages))
	}
}

// page returns the content of a page; nil for zeros.
func (i *Image) page(n int) []byte {
	at := n
	if i.base != nil {
		if !i.differs.has(n) {
			if n >= pagesIn(i.size) {
				return nil
			}
			return i.base.page(n)
		}
		word := i.differs[n>>6]
		at = int(i.before[n>>6]) + bits.OnesCount64(word&(1<<(n&63)-1))
	}
	if from := at * pageSize; from < len(i.content) {
		return i.content[from : from+pageSize]
	}
	return nil
}

var zeros [pageSize]byte

// same reports whether a page holds content; nil stands for zeros.
func same(page, content []byte) bool {
	if content == nil {
		content = zeros[:]
	}
	return bytes.Equal(page, content)
}
