package runtime

import (
	"math"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// images bounds the memory of Python functions' images: the one that was used least recently goes first. It is on the disk, from where a cold start
// takes a millisecond more to get it.
type images struct {
	limit int64

	mu    sync.Mutex
	bytes int64                               // guarded by mu
	lru   *simplelru.LRU[*interpreter, int64] // guarded by mu; the bytes of each
}

// imagesShare is the part of Options.MemoryBytes that images can have: one in so many. Sandboxes have the rest.
const imagesShare = 8

func newImages(limit int64) *images {
	i := &images{limit: limit}
	var err error
	if i.lru, err = simplelru.NewLRU(math.MaxInt, func(_ *interpreter, bytes int64) { i.bytes -= bytes }); err != nil {
		panic(err) // its only error is a size that is not positive
	}
	return i
}

// add counts a function's image in, and lets go of others where they are too many.
func (i *images) add(e *interpreter, bytes int64) {
	i.mu.Lock()
	i.lru.Remove(e) // which Add would replace without counting it out
	i.lru.Add(e, bytes)
	i.bytes += bytes
	var out []*interpreter
	for i.bytes > i.limit && i.lru.Len() > 1 {
		if oldest, _, ok := i.lru.RemoveOldest(); ok {
			out = append(out, oldest)
		}
	}
	i.mu.Unlock()
	for _, e := range out {
		e.unload()
	}
}

// use notes that a function was called.
func (i *images) use(e *interpreter) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.lru.Get(e)
}

// remove counts a function's image out.
func (i *images) remove(e *interpreter) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.lru.Remove(e)
}

// held returns how many bytes the images have.
func (i *images) held() int64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.bytes
}
