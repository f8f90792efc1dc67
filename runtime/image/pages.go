package image

import (
	"iter"
	"math/bits"
)

// pageSize is what an image's parts are measured in.
const pageSize = 4096

func pagesIn(bytes int64) int { return int((bytes + pageSize - 1) / pageSize) }

// pageSet is a set of pages by number. The zero value is empty and takes none: see makePageSet.
type pageSet []uint64

// makePageSet returns an empty set for pages below n.
func makePageSet(n int) pageSet { return make(pageSet, (n+63)/64) }

func (s pageSet) has(n int) bool { return n>>6 < len(s) && s[n>>6]&(1<<(n&63)) != 0 }

func (s pageSet) add(n int) { s[n>>6] |= 1 << (n & 63) }

func (s pageSet) remove(n int) { s[n>>6] &^= 1 << (n & 63) }

// removeAll removes the pages of o.
func (s pageSet) removeAll(o pageSet) {
	for i := range min(len(s), len(o)) {
		s[i] &^= o[i]
	}
}

// addAll adds the pages of o. Those that s has no room for are left out.
func (s pageSet) addAll(o pageSet) {
	for i := range min(len(s), len(o)) {
		s[i] |= o[i]
	}
}

func (s pageSet) count() (n int) {
	for _, word := range s {
		n += bits.OnesCount64(word)
	}
	return n
}

// pages yields the pages in order.
func (s pageSet) pages() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, word := range s {
			for ; word != 0; word &= word - 1 {
				if !yield(i<<6 + bits.TrailingZeros64(word)) {
					return
				}
			}
		}
	}
}

// runs yields the pages as half-open ranges in order. Ranges that are at most gap pages apart are yielded as one.
func (s pageSet) runs(gap int) iter.Seq2[int, int] {
	return func(yield func(from, to int) bool) {
		from, to := 0, 0
		for n := range s.pages() {
			if to > 0 && n-to <= gap {
				to = n + 1
				continue
			}
			if to > 0 && !yield(from, to) {
				return
			}
			from, to = n, n+1
		}
		if to > 0 {
			yield(from, to)
		}
	}
}
