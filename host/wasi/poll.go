package wasi

import (
	"context"
	"encoding/binary"
	"math"
	"time"
)

const (
	subscriptionSize = 48
	eventSize        = 32

	eventClock   = 0
	eventFDRead  = 1
	eventFDWrite = 2

	subscribeAbsolute = 1 << 0

	// maxSubscriptions bounds the work of one call.
	maxSubscriptions = 4096
)

// event is what a subscription is waiting for: it is due after wait, counted from when the call began.
type event struct {
	userdata []byte
	kind     byte
	errno    Errno
	bytes    uint64
	wait     time.Duration
}

// pollOneoff waits until one of the subscriptions has an event, or until ctx ends, which ends the guest.
//
// Descriptors of a sandbox never block, so a subscription to one has its event at once. Clocks may be relative or absolute (CPython's
// time.sleep uses absolute ones), and several may be waited for at a time.
func pollOneoff(ctx context.Context, p *Process, m memory, a []uint64) Errno {
	n := uint32(a[2])
	if n == 0 || n > maxSubscriptions {
		return EINVAL
	}
	in, errno := m.bytes(a[0], uint64(n)*subscriptionSize)
	if errno != 0 {
		return errno
	}
	out, errno := m.bytes(a[1], uint64(n)*eventSize)
	if errno != 0 {
		return errno
	}
	events := make([]event, n)
	shortest := time.Duration(math.MaxInt64)
	for i := range events {
		events[i] = p.subscribe(in[i*subscriptionSize:][:subscriptionSize])
		shortest = min(shortest, events[i].wait)
	}
	if shortest > 0 {
		p.wait(ctx, shortest)
	}
	// The guest's two buffers may overlap: nothing is written before all is read.
	var due uint32
	for i := range events {
		if e := &events[i]; e.wait <= max(shortest, 0) {
			e.put(out[due*eventSize:][:eventSize])
			due++
		}
	}
	return m.putUint32(a[3], due)
}

// subscribe reads one subscription record.
func (p *Process) subscribe(s []byte) event {
	e := event{userdata: append([]byte(nil), s[:8]...), kind: s[8]}
	switch e.kind {
	case eventClock:
		now, errno := p.now(uint64(binary.LittleEndian.Uint32(s[16:])))
		if errno != 0 {
			e.errno = errno
			break
		}
		timeout := int64(min(binary.LittleEndian.Uint64(s[24:]), math.MaxInt64))
		if binary.LittleEndian.Uint16(s[40:])&subscribeAbsolute != 0 {
			timeout -= now
		}
		e.wait = time.Duration(timeout)
	case eventFDRead, eventFDWrite:
		d, errno := p.descriptor(uint64(binary.LittleEndian.Uint32(s[16:])))
		if errno != 0 {
			e.errno = errno
			break
		}
		if d.kind == Regular && e.kind == eventFDRead {
			if st, errno := d.file.Stat(); errno == 0 && st.Size > d.offset {
				e.bytes = uint64(st.Size - d.offset)
			}
		}
	default:
		e.errno = EINVAL
	}
	return e
}

// put writes an event record.
func (e *event) put(b []byte) {
	clear(b)
	copy(b, e.userdata)
	binary.LittleEndian.PutUint16(b[8:], uint16(e.errno))
	b[10] = e.kind
	binary.LittleEndian.PutUint64(b[16:], e.bytes)
}

// wait lets d pass. The guest ends here when ctx does.
func (p *Process) wait(ctx context.Context, d time.Duration) {
	begin := max(1, time.Since(p.started))
	p.waiting.Store(int64(begin))
	defer func() {
		// In this order: between the two a wait may count twice for a moment, and not for nothing.
		p.waited.Add(int64(time.Since(p.started) - begin))
		p.waiting.Store(0)
	}()
	if p.Pauser != nil {
		p.Pauser.Pause()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		panic(&Interrupted{ctx.Err()})
	}
	if p.Pauser != nil {
		if err := p.Pauser.Resume(ctx); err != nil {
			panic(&Interrupted{err})
		}
	}
}
