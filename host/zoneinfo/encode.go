package zoneinfo

import (
	"encoding/binary"
	"slices"
	"time"
)

// lastYear is up to when transitions are written out. Rules for what follows, which the format has room for, are not known of a time.Location.
const lastYear = 2100

// kind is a local time type (RFC 8536 section 3.2).
type kind struct {
	offset int
	dst    bool
	name   string
}

// transition is the time from which on a kind, by its number, is in force.
type transition struct {
	at   int64
	kind int
}

// encode returns the TZif file, version 2, of a location.
func encode(l *time.Location) []byte {
	kinds, transitions := history(l)
	// A reader of version 1 gets no transitions.
	b := appendBlock(nil, kinds[:1], nil)
	b = appendBlock(b, kinds, transitions)
	return append(b, '\n', '\n')
}

// history returns the kinds of time that a location has had, the first of them from the beginning of time, and when each began.
func history(l *time.Location) (kinds []kind, transitions []transition) {
	last := -1
	for t := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).In(l); ; {
		name, offset := t.Zone()
		k := kind{offset, t.IsDST(), name}
		n := slices.Index(kinds, k)
		if n < 0 {
			n, kinds = len(kinds), append(kinds, k)
		}
		start, end := t.ZoneBounds()
		if last >= 0 && n != last {
			transitions = append(transitions, transition{start.Unix(), n})
		}
		last = n
		if end.IsZero() || t.Year() > lastYear {
			return kinds, transitions
		}
		if !end.After(t) { // package time says so on the last day of leap years to come
			end = t.Add(24 * time.Hour)
		}
		t = end
	}
}

// appendBlock appends a header and a data block (RFC 8536 sections 3.1 and 3.2) to b: the first of a file has times of 32 bits, of which there are none here.
func appendBlock(b []byte, kinds []kind, transitions []transition) []byte {
	var names []byte
	at := map[string]int{}
	for _, k := range kinds {
		if _, ok := at[k.name]; !ok {
			at[k.name] = len(names)
			names = append(append(names, k.name...), 0)
		}
	}
	b = append(b, "TZif2"...)
	b = append(b, make([]byte, 15)...)
	for _, count := range []int{0, 0, 0, len(transitions), len(kinds), len(names)} {
		b = binary.BigEndian.AppendUint32(b, uint32(count))
	}
	for _, t := range transitions {
		b = binary.BigEndian.AppendUint64(b, uint64(t.at))
	}
	for _, t := range transitions {
		b = append(b, byte(t.kind))
	}
	for _, k := range kinds {
		b = binary.BigEndian.AppendUint32(b, uint32(int32(k.offset)))
		dst := byte(0)
		if k.dst {
			dst = 1
		}
		b = append(b, dst, byte(at[k.name]))
	}
	return append(b, names...)
}
