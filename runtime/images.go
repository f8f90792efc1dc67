package runtime

import (
	"math"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// images bounds the memory of functions' images: the one that was used least recently goes first. A Python function's is on the disk, from where a cold start
// takes a millisecond more to get it; a command's is taken anew.
type images struct {
	limit int64

	mu    sync.Mutex
	bytes int64                         // guarded by mu
	lru   *simplelru.LRU[imaged, int64] // guarded by mu; the bytes of each
}

// imaged is what has an image.
type imaged interface {
	// evict lets go of it.
	evict()
}

// imagesShare is the part of Options.MemoryBytes that images can have: one in so many. Sandboxes have the rest.
const imagesShare = 8

func newImages(limit int64) *images {
	i := &images{limit: limit}
	var err error
	if i.lru, err = simplelru.NewLRU(math.MaxInt, func(_ imaged, bytes int64) { i.bytes -= bytes }); err != nil {
		panic(err) // its only error is a size that is not positive
	}
	return i
}

// add counts a function's image in, and lets go of others where they are too many.
func (i *images) add(l imaged, bytes int64) {
	i.mu.Lock()
	i.lru.Add(l, bytes)
	i.bytes += bytes
	var out []imaged
	for i.bytes > i.limit && i.lru.Len() > 1 {
		if oldest, _, ok := i.lru.RemoveOldest(); ok {
			out = append(out, oldest)
		}
	}
	i.mu.Unlock()
	for _, l := range out {
		l.evict()
	}
}

// use notes that a function was called.
func (i *images) use(l imaged) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.lru.Get(l)
}

// remove counts a function's image out.
func (i *images) remove(l imaged) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.lru.Remove(l)
}

// held returns how many bytes the images have.
func (i *images) held() int64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.bytes
}
