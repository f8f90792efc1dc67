package store

import (
	"bytes"
	"os"
	"testing"
)

// pagesOf returns where the pages of a type begin, of those that are no continuation and have at least two elements.
func pagesOf(t *testing.T, data []byte, kind uint16) (starts []int) {
	t.Helper()
	size := os.Getpagesize()
	for start := 2 * size; start+size <= len(data); start += size {
		page := data[start:]
		if order.Uint64(page) == uint64(start/size) && order.Uint16(page[8:]) == kind && order.Uint16(page[10:]) >= 2 {
			starts = append(starts, start)
		}
	}
	if len(starts) == 0 {
		t.Fatalf("the database has no page of type %#x", kind)
	}
	return starts
}

// pageNumberAt is where the first element of a branch page has the number of its child.
const pageNumberAt = pageHeaderSize + 8

// An old copy of a page is changed in vain, so each kind of damage is done to all pages of the type.
func TestCheckFindsEachKindOfDamage(t *testing.T) {
	whole := filledDatabase(t)
	if err := checkPages(bytes.NewReader(whole), int64(len(whole)), os.Getpagesize()); err != nil {
		t.Fatalf("an undamaged database: %v", err)
	}
	for name, test := range map[string]struct {
		kind   uint16
		damage func(page []byte)
		text   string
	}{
		"branch that is its own child": {branchPage, func(p []byte) { copy(p[pageNumberAt:], p[:8]) }, "is used twice"},
		"two branches to one page": {branchPage, func(p []byte) {
			copy(p[pageNumberAt+elementSize:pageNumberAt+elementSize+8], p[pageNumberAt:])
		}, "is used twice"},
		"branch out of the file":  {branchPage, func(p []byte) { order.PutUint64(p[pageNumberAt:], 1<<40) }, "page 1099511627776 of "},
		"branch to a meta page":   {branchPage, func(p []byte) { order.PutUint64(p[pageNumberAt:], 1) }, "page 1 is used twice"},
		"branch without children": {branchPage, func(p []byte) { order.PutUint16(p[10:], 0) }, "with 0 elements"},
		"unknown type":            {leafPage, func(p []byte) { order.PutUint16(p[8:], 0x40) }, "type 0x40"},
		"more elements than fit":  {leafPage, func(p []byte) { order.PutUint16(p[10:], 0xffff) }, "65535 elements do not fit"},
		"the same key twice": {leafPage, func(p []byte) {
			first, second := p[pageHeaderSize:], p[pageHeaderSize+elementSize:]
			order.PutUint32(second[4:], order.Uint32(first[4:])-elementSize)
			order.PutUint32(second[8:], order.Uint32(first[8:]))
		}, "key out of order"},
		"empty key":              {leafPage, func(p []byte) { order.PutUint32(p[pageHeaderSize+8:], 0) }, "key out of order"},
		"value out of the page":  {leafPage, func(p []byte) { order.PutUint32(p[pageHeaderSize+12:], 1<<30) }, "reaches out of its page"},
		"overflow of the file":   {leafPage, func(p []byte) { order.PutUint32(p[12:], 1<<30) }, "page "},
		"free page that is used": {freelistPage, func(p []byte) { order.PutUint64(p[pageHeaderSize:], 0) }, "free list: page 0 is used twice"},
		"free page of no file":   {freelistPage, func(p []byte) { order.PutUint64(p[pageHeaderSize:], 1<<50) }, "free list: page 1125899906842624 of "},
		"more free than fit":     {freelistPage, func(p []byte) { order.PutUint16(p[10:], manyFree-1) }, "do not fit"},
		"many free, counted wrong": {freelistPage, func(p []byte) {
			order.PutUint16(p[10:], manyFree)
			order.PutUint64(p[pageHeaderSize:], 1<<62)
		}, "do not fit"},
	} {
		t.Run(name, func(t *testing.T) {
			data := bytes.Clone(whole)
			for _, start := range pagesOf(t, data, test.kind) {
				test.damage(data[start:])
			}
			err := checkPages(bytes.NewReader(data), int64(len(data)), os.Getpagesize())
			if err == nil {
				t.Fatal("nothing was found")
			}
			wantText(t, err, test.text)
		})
	}
}
