// Package histogram counts values by size, so that percentiles can be told of any number of them.
//
// Buckets are exact below 8 and have a width of an eighth of the power of two below them from there on: a value is told to within 12.5 percent, whatever
// its size. A Histogram is written to by requests, at the cost of two atomic additions; a Distribution is what was counted, to be read.
package histogram

import (
	"iter"
	"math/bits"
	"sync/atomic"
)

const (
	subBits = 3
	sub     = 1 << subBits // buckets to a power of two
	octaves = 64 - subBits + 1
)

// bucket returns the number of the bucket of v.
func bucket(v uint64) int {
	if v < sub {
		return int(v)
	}
	shift := bits.Len64(v) - 1 - subBits
	return (shift+1)*sub + int(v>>shift&(sub-1))
}

// Bound returns the largest value in a bucket.
func Bound(bucket int) uint64 {
	if bucket < sub {
		return uint64(bucket)
	}
	shift := bucket/sub - 1
	return (sub+uint64(bucket%sub)+1)<<shift - 1
}

// Buckets is how many buckets there are.
const Buckets = octaves * sub

// Histogram counts values. The zero value is ready; it may be used by many goroutines at a time.
type Histogram struct {
	sum     atomic.Uint64
	octaves [octaves]atomic.Pointer[[sub]atomic.Uint64] // made when they are needed: values are much alike
}

// Add counts a value.
func (h *Histogram) Add(v uint64) {
	b := bucket(v)
	o := h.octaves[b/sub].Load()
	if o == nil {
		h.octaves[b/sub].CompareAndSwap(nil, new([sub]atomic.Uint64))
		o = h.octaves[b/sub].Load()
	}
	o[b%sub].Add(1)
	h.sum.Add(v)
}

// Take returns what was counted since it was last called, by bucket, and the sum of the values.
func (h *Histogram) Take() (counts map[int]uint64, sum uint64) {
	counts = map[int]uint64{}
	for i := range h.octaves {
		o := h.octaves[i].Load()
		if o == nil {
			continue
		}
		for j := range o {
			if n := o[j].Swap(0); n > 0 {
				counts[i*sub+j] = n
			}
		}
	}
	return counts, h.sum.Swap(0)
}

// Distribution is how many values there were of each size. The zero value is empty.
type Distribution struct {
	// Sum is the sum of all values.
	Sum    uint64
	counts [Buckets]uint64
	n      uint64
}

// Add counts n values in a bucket. A bucket that does not exist is passed over.
func (d *Distribution) Add(bucket int, n uint64) {
	if bucket >= 0 && bucket < Buckets {
		d.counts[bucket] += n
		d.n += n
	}
}

// Count returns how many values there were.
func (d *Distribution) Count() uint64 { return d.n }

// Mean returns the mean of the values; 0 where there were none.
func (d *Distribution) Mean() float64 { return float64(d.Sum) / float64(max(d.n, 1)) }

// Percentile returns a bound that p percent of the values did not exceed, to within a bucket; 0 where there were none.
func (d *Distribution) Percentile(p float64) uint64 {
	wanted := max(1, uint64(p/100*float64(d.n)+0.5))
	for bound, n := range d.All() {
		if n >= wanted {
			return bound
		}
		wanted -= n
	}
	return 0
}

// All yields the buckets that have values in them, in order: the largest value that belongs there, and how many there were.
func (d *Distribution) All() iter.Seq2[uint64, uint64] {
	return func(yield func(bound, n uint64) bool) {
		for b, n := range d.counts {
			if n > 0 && !yield(Bound(b), n) {
				return
			}
		}
	}
}
