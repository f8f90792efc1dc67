package image

import (
	"fmt"
	"slices"

	"github.com/tetratelabs/wazero/experimental"
)

// Budget bounds what all memories of a server take together. Its methods are called by many goroutines at a time.
type Budget interface {
	// Take asks for so many bytes more; false says that there are none.
	Take(bytes int64) bool
	// Give gives bytes back.
	Give(bytes int64)
}

// Options say how a Memory is to work.
type Options struct {
	// Limit is how large the memory can become, in bytes. It can be changed later.
	Limit int64
	// Tracker tells which pages were written; nil: nobody does.
	Tracker *Tracker
	// Budget is asked before the memory grows; nil: nobody is.
	Budget Budget
	// Reserve is how much the memory takes of the budget from the start, in bytes, where that is more than the module begins with.
	Reserve int64
}

// Memory is a linear memory of bounded size, which can be brought back to an Image. It implements experimental.MemoryAllocator for one
// instance, and the experimental.LinearMemory that it hands out. It is used by one goroutine at a time.
type Memory struct {
	limit    uint64
	budget   Budget
	buf      []byte // reserved, or Go's own where nothing could be
	reserved bool
	size     uint64 // what the instance has of buf
	paid     uint64 // what was taken from the budget
	refused  uint64
	short    bool // it was the budget that refused

	tracker  *Tracker // nil: the image is copied whole
	broken   error    // why the tracker was given up
	at       *Image   // where the last restore brought it; nil before the first one
	touched  bool     // since then a guest may have written
	open     pageSet  // pages that are writable without a fault, as far as is known: they count as written
	regions  []region // room for what the kernel tells
	restores int      // since the last probe
	probing  bool     // everything was protected after the last restore
}

// regionsAtOnce is how many ranges one look at written pages returns.
const regionsAtOnce = 256

// NewMemory returns a memory that takes nothing until it is instantiated.
func NewMemory(o Options) *Memory {
	return &Memory{limit: uint64(o.Limit), budget: o.Budget, tracker: o.Tracker}
}

// Allocate implements experimental.MemoryAllocator.
func (m *Memory) Allocate(_, maxBytes uint64) experimental.LinearMemory {
	m.buf = reserve(maxBytes)
	m.reserved = m.buf != nil
	if !m.reserved {
		m.tracker = nil
	}
	if m.tracker != nil {
		m.giveUp(m.tracker.register(m.buf))
	}
	return m
}

// giveUp stops tracking where err is not nil: from then on images are copied whole.
func (m *Memory) giveUp(err error) {
	if err != nil {
		m.tracker, m.broken = nil, err
	}
}

// Reallocate implements experimental.LinearMemory. Beyond the limit it returns nil, by which memory.grow answers -1.
func (m *Memory) Reallocate(size uint64) []byte {
	if size > m.limit {
		m.refused = max(m.refused, size)
		return nil
	}
	if !m.pay(size) {
		m.refused, m.short = max(m.refused, size), true
		return nil
	}
	if !m.reserved {
		if size > uint64(len(m.buf)) {
			m.buf = append(m.buf, make([]byte, size-uint64(len(m.buf)))...)
		}
	} else if err := commit(m.buf[m.size:size]); err != nil {
		m.refused = max(m.refused, size)
		return nil
	}
	m.size = size
	return m.buf[:size:size]
}

// Reserve has the memory take so many bytes of the budget, all in all, before it is that large: growing to it is not refused then. False says that there are
// none.
func (m *Memory) Reserve(bytes int64) bool { return m.pay(uint64(bytes)) }

// pay takes from the budget what a memory of that size needs beyond what it has.
func (m *Memory) pay(size uint64) bool {
	if size <= m.paid {
		return true
	}
	if m.budget != nil && !m.budget.Take(int64(size-m.paid)) {
		return false
	}
	m.paid = size
	return true
}

// Free implements experimental.LinearMemory. It can be called again.
func (m *Memory) Free() {
	if m.reserved {
		release(m.buf)
	}
	if m.budget != nil {
		m.budget.Give(int64(m.paid))
	}
	m.buf, m.size, m.paid, m.reserved, m.at = nil, 0, 0, false, nil
}

// Size returns how large the instance's memory is, in bytes. It never shrinks; what a guest takes for its size is
// Instance.Size.
func (m *Memory) Size() int64 { return int64(m.size) }

// SetLimit changes how large the memory can become, in bytes.
func (m *Memory) SetLimit(bytes int64) { m.limit = uint64(bytes) }

// Refused returns the largest size in bytes that was asked for and refused since the last Begin, and whether it was the budget of all that
// refused it; 0 when nothing was.
func (m *Memory) Refused() (bytes int64, byBudget bool) { return int64(m.refused), m.short }

// Begin is to be called before a guest runs: it will write to the memory. What was refused before is forgotten.
func (m *Memory) Begin() { m.touched, m.refused, m.short = true, 0, false }

// Mode returns how the memory is brought back, and where it is Copied after all, what was in the way of tracking it.
func (m *Memory) Mode() (Mode, error) {
	if m.tracker != nil {
		return Tracked, nil
	}
	return Copied, m.broken
}

// keepGrown is how much of what a request has grown, in bytes, is cleared and kept: that costs 21 us a MiB, and its faults would
// cost 370. What is beyond is given back to the system.
const keepGrown = 64 << 20

// Restored tells what a restore had to do.
type Restored struct {
	// Pages is how many pages of 4 KiB were written back. Where memory is tracked those are the pages that the request wrote, and the hot ones.
	Pages int
	// Hot is how many of the image's pages are hot.
	Hot int
}

// restore brings memory to an image. It is at least as large as the image. used is how large the guest took it to be, in bytes.
func (m *Memory) restore(to *Image, used int64) Restored {
	if m.at == to && !m.touched {
		return Restored{Hot: to.Hot()}
	}
	if m.tracker != nil && m.at != nil && m.at.root() == to.root() {
		pages, err := m.restoreWritten(to, used)
		if err == nil {
			m.at, m.touched = to, false
			return Restored{Pages: pages, Hot: to.Hot()}
		}
		m.giveUp(err)
	}
	m.restoreAll(to)
	return Restored{Pages: pagesIn(int64(m.size))}
}

// restoreAll copies the whole image.
func (m *Memory) restoreAll(to *Image) {
	live := m.buf[:m.size]
	if m.at == nil {
		populate(live[:to.size])
	}
	root := to.root()
	n := copy(live[:to.size], root.content)
	clear(live[n:to.size])
	if to != root {
		for page := range to.differs.pages() {
			copy(live[page*pageSize:], to.page(page))
		}
	}
	kept := min(m.size, uint64(to.size)+keepGrown)
	clear(live[to.size:kept])
	giveBack(live[kept:])
	m.stand(to)
}

// stand notes that memory is at an image, and protects all of it.
func (m *Memory) stand(at *Image) {
	m.at, m.touched, m.probing, m.restores = at, false, false, 0
	m.open = makePageSet(pagesIn(int64(m.size)))
	if m.tracker != nil {
		m.giveUp(m.tracker.protect(m.buf[:m.size]))
	}
}

// restoreWritten restores the pages that were written since the last restore, and those in which the image is not the one at which memory stood.
func (m *Memory) restoreWritten(to *Image, used int64) (restored int, err error) {
	if n := pagesIn(int64(m.size)); n > len(m.open)*64 {
		m.open = append(m.open, makePageSet(n-len(m.open)*64)...)
	}
	if to != m.at {
		return m.move(to)
	}
	var written pageSet // of a probe
	if m.probing {
		written = makePageSet(pagesIn(int64(m.size)))
	}
	keep := pagesIn(to.size + keepGrown)
	// Pages that earlier requests have grown into and this one has not are left as cold as they were: there can be many.
	grown := pagesIn(max(to.size, used))
	unused, beyond := false, false
	err = m.eachWritten(func(from, end int) error {
		unused, beyond = unused || end > grown, beyond || end > keep
		end = min(end, keep)
		for page := from; page < end; page++ {
			m.restorePage(to, page)
			if written != nil {
				written.add(page)
			}
		}
		restored += max(0, end-from)
		return m.coolDown(to, from, end, grown)
	})
	if err != nil {
		return restored, err
	}
	if unused {
		to.hot.forget(grown)
	}
	if beyond {
		giveBack(m.buf[keep*pageSize : m.size])
	}
	if written != nil {
		to.hot.probed(written)
		m.probing = false
	}
	if m.restores++; m.restores >= probeEvery {
		m.restores, m.probing = 0, true
		clear(m.open)
		err = m.tracker.protect(m.buf[:m.size])
	}
	return restored, err
}

// coolDown protects the pages of a range that was written, all but the hot ones. From grown on none is.
func (m *Memory) coolDown(to *Image, from, end, grown int) error {
	cold := from // begins the pages that are to be protected
	for page := from; page <= end; page++ {
		if page < end && (page >= grown || !to.hot.has(page) && !to.hot.warm(page)) {
			m.open.remove(page)
			continue
		}
		if cold < page {
			if err := m.tracker.protect(m.buf[cold*pageSize : page*pageSize]); err != nil {
				return err
			}
		}
		if cold = page + 1; page < end {
			m.open.add(page)
		}
	}
	return nil
}

// move brings memory from the image at which it stands to another one with the same base. What differs between them is made writable
// before it is copied, and so are the hot pages: faults cost more than that. The first restore after it protects what is not hot.
func (m *Memory) move(to *Image) (restored int, err error) {
	n := pagesIn(int64(m.size))
	changed := makePageSet(n)
	changed.addAll(m.at.differs)
	changed.addAll(to.differs)
	wanted := slices.Clone(changed)
	to.hot.addTo(wanted)
	if m.touched {
		if err := m.eachWritten(func(from, end int) error {
			for page := from; page < end; page++ {
				changed.add(page)
				m.open.add(page)
			}
			return nil
		}); err != nil {
			return 0, err
		}
	}
	wanted.removeAll(m.open)
	const gap = 16 // pages that cost less to copy once than another system call
	for from, end := range wanted.runs(gap) {
		if from >= n { // hot in a sandbox whose memory has grown further
			break
		}
		end = min(end, n)
		if err := m.tracker.unprotect(m.buf[from*pageSize : end*pageSize]); err != nil {
			return 0, err
		}
		for page := from; page < end; page++ {
			m.open.add(page)
		}
	}
	for page := range changed.pages() {
		m.restorePage(to, page)
		restored++
	}
	m.probing, m.restores = false, 0
	return restored, nil
}

func (m *Memory) restorePage(to *Image, page int) {
	live := m.buf[page*pageSize : (page+1)*pageSize]
	if content := to.page(page); content != nil {
		copy(live, content)
	} else {
		clear(live)
	}
}

// eachWritten calls f with the ranges of pages that were written since they were protected, in order.
func (m *Memory) eachWritten(f func(from, end int) error) error {
	if m.regions == nil {
		m.regions = make([]region, regionsAtOnce)
	}
	for at := 0; at < int(m.size); {
		live := m.buf[at:m.size]
		n, end, err := m.tracker.scan(live, m.regions)
		if err != nil {
			return err
		}
		if end <= 0 {
			return fmt.Errorf("PAGEMAP_SCAN stopped at %d of %d bytes", at, m.size)
		}
		begin := address(m.buf)
		for _, r := range m.regions[:n] {
			if err := f(int(r.start-begin)/pageSize, int(r.end-begin)/pageSize); err != nil {
				return err
			}
		}
		at += end
	}
	return nil
}

// written returns how many pages were written since the last restore. Where nobody tracks that, it is how many differ from the image.
func (m *Memory) written() (pages int) {
	if m.tracker != nil {
		err := m.eachWritten(func(from, end int) error {
			pages += end - from
			return nil
		})
		if err == nil {
			return pages
		}
		m.giveUp(err)
		pages = 0
	}
	for page := range pagesIn(int64(m.size)) {
		if !same(m.buf[page*pageSize:(page+1)*pageSize], m.at.page(page)) {
			pages++
		}
	}
	return pages
}

// writtenPages returns the pages that may differ from the image at which memory stands; nil for all.
func (m *Memory) writtenPages() pageSet {
	if m.tracker == nil {
		return nil
	}
	set := makePageSet(pagesIn(int64(m.size)))
	err := m.eachWritten(func(from, end int) error {
		for page := from; page < end; page++ {
			set.add(page)
		}
		return nil
	})
	if err != nil {
		m.giveUp(err)
		return nil
	}
	set.addAll(m.at.differs)
	return set
}
