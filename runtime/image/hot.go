package image

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// How pages become hot, and cool down. A page that was written in hotAfter requests stays writable from then on and is copied back after each: a
// fault on a protected page costs ten times as much. Once in probeEvery requests of a sandbox everything is protected, to see which of them
// are still written; a page that is not, hotAfter times running, is hot no more.
const (
	hotAfter   = 3
	probeEvery = 256
)

// hotPages are the pages of an image that requests keep writing to. They belong to the image, and not to a sandbox, so that a new
// sandbox begins with them. There can be some beyond the image's end: in what requests grow.
type hotPages struct {
	set atomic.Pointer[[]atomic.Uint64] // a page set, read without mu

	mu   sync.Mutex
	heat []uint8 // guarded by mu; by page, as far as set goes
}

func (h *hotPages) words() []atomic.Uint64 {
	if set := h.set.Load(); set != nil {
		return *set
	}
	return nil
}

func (h *hotPages) has(page int) bool {
	set := h.words()
	return page>>6 < len(set) && set[page>>6].Load()&(1<<(page&63)) != 0
}

func (h *hotPages) count() (n int) {
	set := h.words()
	for i := range set {
		n += bits.OnesCount64(set[i].Load())
	}
	return n
}

// addTo adds the hot pages to a set. Those that s has no room for are left out.
func (h *hotPages) addTo(s pageSet) {
	set := h.words()
	for i := range min(len(set), len(s)) {
		s[i] |= set[i].Load()
	}
}

// warm notes that a page was written, and reports whether it is hot now.
func (h *hotPages) warm(page int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.grow(page + 1)
	h.heat[page] = min(h.heat[page]+1, hotAfter)
	if h.heat[page] == hotAfter {
		h.words()[page>>6].Or(1 << (page & 63))
	}
	return h.heat[page] == hotAfter
}

// forget has the pages from one on be cold.
func (h *hotPages) forget(from int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	set := h.words()
	for page := from; page < len(h.heat); page++ {
		if h.heat[page] > 0 {
			h.heat[page] = 0
			set[page>>6].And(^uint64(1 << (page & 63)))
		}
	}
}

// grow makes room for so many pages. It is called with mu held.
func (h *hotPages) grow(pages int) {
	if pages <= len(h.heat) {
		return
	}
	old := h.words()
	set := make([]atomic.Uint64, max((pages+63)/64, len(old)*3/2))
	for i := range old {
		set[i].Store(old[i].Load())
	}
	h.set.Store(&set)
	h.heat = append(h.heat, make([]uint8, len(set)*64-len(h.heat))...)
}

// probed takes what a probe found: the pages that were really written in a request. The others cool down.
func (h *hotPages) probed(written pageSet) {
	h.mu.Lock()
	defer h.mu.Unlock()
	set := h.words()
	for page, heat := range h.heat {
		switch {
		case heat == 0:
		case !written.has(page):
			h.heat[page]--
			if heat == 1 {
				set[page>>6].And(^uint64(1 << (page & 63)))
			}
		case set[page>>6].Load()&(1<<(page&63)) != 0:
			h.heat[page] = hotAfter
		}
	}
}
