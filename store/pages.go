package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
)

// bbolt trusts its file: it answers a damaged page with a panic, a fault outside of the memory map, or an endless loop, and its own check
// does too. Hence this check of everything that bbolt follows or relies on, which reads the file by itself. The format is that of bbolt's
// version 2: https://github.com/etcd-io/bbolt/blob/v1.5.0/internal/common/page.go and meta.go beside it. Integers are in the byte order
// of the machine.
//
//	page    id 8, type 2, count 2, overflow 4 (more pages that belong to it); then what its type says, count times
//	meta    magic 4, version 4, page size 4, flags 4, root page 8, sequence 8, free list page 8, number of pages 8, transaction 8, checksum 8
//	branch  position 4 and length 4 of the key, page 8; positions count from the element
//	leaf    flags 4, position 4 and length 4 of the key, length 4 of the value, which follows the key
//	bucket  root page 8, sequence 8; as a value. With root page 0 a whole page follows, which has no number of its own
const (
	pageHeaderSize   = 16
	elementSize      = 16
	bucketHeaderSize = 16
	metaSize         = 64
	checksumOffset   = 56

	branchPage   = 0x01
	leafPage     = 0x02
	freelistPage = 0x10
	bucketFlag   = 0x01
	noFreelist   = ^uint64(0)
	manyFree     = 0xffff // as count: the first number is the count
)

var order = binary.NativeEndian

// pageChecker checks one database. Each page may be used once, which also ends every circle.
type pageChecker struct {
	file     io.ReaderAt
	pageSize uint64
	pages    uint64 // how many there are
	used     []bool // by page
}

// checkPages returns an error that says what is wrong with the newest committed state of a database of size bytes.
func checkPages(file io.ReaderAt, size int64, pageSize int) error {
	var newest []byte
	for page := range int64(2) {
		meta := make([]byte, metaSize)
		if _, err := file.ReadAt(meta, page*int64(pageSize)+pageHeaderSize); err != nil {
			return err
		}
		sum := fnv.New64a()
		_, _ = sum.Write(meta[:checksumOffset])
		valid := sum.Sum64() == order.Uint64(meta[checksumOffset:])
		if valid && (newest == nil || order.Uint64(meta[48:]) > order.Uint64(newest[48:])) {
			newest = meta
		}
	}
	if newest == nil {
		return errors.New("no valid meta page")
	}
	root, freelist, pages := order.Uint64(newest[16:]), order.Uint64(newest[32:]), order.Uint64(newest[40:])
	if pages < 2 || pages > uint64(size)/uint64(pageSize) {
		return fmt.Errorf("%d pages do not fit a file of %d bytes", pages, size)
	}
	c := &pageChecker{file: file, pageSize: uint64(pageSize), pages: pages, used: make([]bool, pages)}
	c.used[0], c.used[1] = true, true
	if err := c.checkFreelist(freelist); err != nil {
		return err
	}
	return c.checkTree(root, nil, nil)
}

func (c *pageChecker) use(id uint64) error {
	if id >= c.pages {
		return fmt.Errorf("page %d of %d", id, c.pages)
	}
	if c.used[id] {
		return fmt.Errorf("page %d is used twice", id)
	}
	c.used[id] = true
	return nil
}

// read returns a page with its overflow, all of it marked as used.
func (c *pageChecker) read(id uint64) ([]byte, error) {
	if err := c.use(id); err != nil {
		return nil, err
	}
	header := make([]byte, pageHeaderSize)
	if _, err := c.file.ReadAt(header, int64(id*c.pageSize)); err != nil {
		return nil, err
	}
	if self := order.Uint64(header); self != id {
		return nil, fmt.Errorf("page %d says it is %d", id, self)
	}
	overflow := uint64(order.Uint32(header[12:]))
	for i := range overflow {
		if err := c.use(id + 1 + i); err != nil {
			return nil, err
		}
	}
	page := make([]byte, (1+overflow)*c.pageSize)
	_, err := c.file.ReadAt(page, int64(id*c.pageSize))
	return page, err
}

func (c *pageChecker) checkFreelist(id uint64) error {
	if id == noFreelist {
		return nil
	}
	page, err := c.read(id)
	if err != nil {
		return fmt.Errorf("free list: %w", err)
	}
	if order.Uint16(page[8:]) != freelistPage {
		return fmt.Errorf("free list: page %d is of another type", id)
	}
	numbers, count := page[pageHeaderSize:], uint64(order.Uint16(page[10:]))
	if count == manyFree {
		numbers, count = numbers[8:], order.Uint64(numbers)
	}
	if count > uint64(len(numbers))/8 {
		return fmt.Errorf("free list: %d pages do not fit it", count)
	}
	for i := range count {
		if err := c.use(order.Uint64(numbers[8*i:])); err != nil {
			return fmt.Errorf("free list: %w", err)
		}
	}
	return nil
}

// checkTree checks a page and all below it; its keys are at least from and, unless that is nil, below to.
func (c *pageChecker) checkTree(id uint64, from, to []byte) error {
	page, err := c.read(id)
	if err == nil {
		err = c.checkElements(page, from, to)
	}
	if err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	return nil
}

func (c *pageChecker) checkElements(page, from, to []byte) error {
	kind, count := order.Uint16(page[8:]), int(order.Uint16(page[10:]))
	if kind != branchPage && kind != leafPage || kind == branchPage && count == 0 {
		return fmt.Errorf("type %#x with %d elements", kind, count)
	}
	if pageHeaderSize+count*elementSize > len(page) {
		return fmt.Errorf("%d elements do not fit it", count)
	}
	var lastKey []byte
	var lastChild uint64
	for i := range count {
		element := page[pageHeaderSize+i*elementSize:]
		var key, value []byte
		var err error
		if kind == branchPage {
			key, _, err = cut(element, order.Uint32(element), order.Uint32(element[4:]), 0)
		} else {
			key, value, err = cut(element, order.Uint32(element[4:]), order.Uint32(element[8:]), order.Uint32(element[12:]))
		}
		if err != nil {
			return fmt.Errorf("element %d: %w", i, err)
		}
		if len(key) == 0 || bytes.Compare(key, from) < 0 || to != nil && bytes.Compare(key, to) >= 0 || i > 0 && bytes.Compare(key, lastKey) <= 0 {
			return fmt.Errorf("element %d: key out of order", i)
		}
		switch {
		case kind == leafPage && order.Uint32(element)&bucketFlag != 0:
			err = c.checkBucket(value)
		case kind == branchPage && i > 0:
			err = c.checkTree(lastChild, lastKey, key)
		}
		if err != nil {
			return err
		}
		lastKey = key
		if kind == branchPage {
			lastChild = order.Uint64(element[8:])
		}
	}
	if kind == branchPage {
		return c.checkTree(lastChild, lastKey, to)
	}
	return nil
}

func (c *pageChecker) checkBucket(value []byte) error {
	if len(value) < bucketHeaderSize {
		return fmt.Errorf("bucket of %d bytes", len(value))
	}
	if root := order.Uint64(value); root != 0 {
		return c.checkTree(root, nil, nil)
	}
	inline := value[bucketHeaderSize:]
	if len(inline) < pageHeaderSize || order.Uint16(inline[8:]) != leafPage {
		return errors.New("bucket without a page")
	}
	return c.checkElements(inline, nil, nil)
}

func cut(element []byte, position, keySize, valueSize uint32) (key, value []byte, err error) {
	keyEnd := uint64(position) + uint64(keySize)
	end := keyEnd + uint64(valueSize)
	if end > uint64(len(element)) {
		return nil, nil, errors.New("reaches out of its page")
	}
	return element[position:keyEnd], element[keyEnd:end], nil
}
