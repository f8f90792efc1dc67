package image

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
)

// An image in a file, before it is compressed: magic, the length of a header as an unsigned varint, the header as JSON, the numbers of the
// pages of a delta as unsigned varints (the first one, then the distance from each to the next), and the pages. The image's digest is the
// SHA-256 of all that.
const magic = "mayfly image 1\n"

// header is what an image in a file begins with.
type header struct {
	Size    int64    `json:"size"`
	Globals []uint64 `json:"globals"`
	// Base is the digest of the image that this one is a delta of; "" where it is whole.
	Base  string `json:"base,omitempty"`
	Pages int    `json:"pages"`
	// Extra is what the image's owner keeps with it.
	Extra json.RawMessage `json:"extra,omitempty"`
}

// Limits on what is read from a file that may be damaged.
const (
	maxHeader = 16 << 20
	maxPages  = 1 << 20 // of 4 KiB: all that 32 bits can address
)

// ErrDamaged is what an image in a file is when it is none, or not the one it should be.
var ErrDamaged = errors.New("the image is damaged")

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

// Digest returns what identifies the image; "" before it was encoded or decoded.
func (i *Image) Digest() string { return i.digest }

// encode writes the image with extra, and sets its digest. A delta's base has one already.
func (i *Image) encode(w io.Writer, extra any) error {
	h := header{Size: i.size, Globals: i.globals, Pages: len(i.content) / pageSize}
	if i.base != nil {
		if h.Base = i.base.digest; h.Base == "" {
			return errors.New("encode image: its base has no digest yet")
		}
	}
	var err error
	if h.Extra, err = json.Marshal(extra); err != nil {
		return fmt.Errorf("encode image: %w", err)
	}
	text, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("encode image: %w", err)
	}
	head := binary.AppendUvarint([]byte(magic), uint64(len(text)))
	head = append(head, text...)
	last := 0
	for page := range i.differs.pages() {
		head = binary.AppendUvarint(head, uint64(page-last))
		last = page
	}
	sum := sha256.New()
	for _, part := range [][]byte{head, i.content} {
		sum.Write(part)
		if _, err := w.Write(part); err != nil {
			return fmt.Errorf("encode image: %w", err)
		}
	}
	i.digest = hex.EncodeToString(sum.Sum(nil))
	return nil
}

// hashing hashes what is read through it.
type hashing struct {
	r   *bufio.Reader
	sum hash.Hash
}

func (h *hashing) Read(p []byte) (int, error) {
	n, err := h.r.Read(p)
	h.sum.Write(p[:n])
	return n, err
}

func (h *hashing) ReadByte() (byte, error) {
	b, err := h.r.ReadByte()
	if err == nil {
		h.sum.Write([]byte{b})
	}
	return b, err
}

// decode reads an image and what was kept with it. A delta needs the base that it was taken from. What is no image, or not the one with that digest, is
// ErrDamaged.
func decode(r io.Reader, digest string, base *Image) (img *Image, extra json.RawMessage, err error) {
	in := &hashing{bufio.NewReaderSize(r, 64<<10), sha256.New()}
	h, err := decodeHeader(in)
	if err != nil {
		return nil, nil, err
	}
	img = &Image{size: h.Size, globals: h.Globals}
	switch {
	case h.Base == "" && int64(h.Pages)*pageSize != h.Size:
		return nil, nil, damaged("%d pages of %d bytes", h.Pages, h.Size)
	case h.Base == "":
	case base == nil || base.digest != h.Base:
		return nil, nil, damaged("it is a delta of another base")
	default:
		img.base = base
		if err := img.decodePages(in, h.Pages); err != nil {
			return nil, nil, err
		}
	}
	img.content = allocate(int64(h.Pages) * pageSize)
	if err := img.decodeContent(in, digest); err != nil {
		img.Close()
		return nil, nil, err
	}
	return img, h.Extra, nil
}

func (i *Image) decodeContent(in *hashing, digest string) error {
	if _, err := io.ReadFull(in, i.content); err != nil {
		return damaged("its pages: %v", err)
	}
	if n, err := io.Copy(io.Discard, in); n > 0 || err != nil {
		return damaged("%d bytes are left over (%v)", n, err)
	}
	if i.digest = hex.EncodeToString(in.sum.Sum(nil)); i.digest != digest {
		return damaged("its digest is %s and not %s", i.digest, digest)
	}
	return nil
}

func decodeHeader(in *hashing) (header, error) {
	var h header
	start := make([]byte, len(magic))
	if _, err := io.ReadFull(in, start); err != nil || !bytes.Equal(start, []byte(magic)) {
		return h, damaged("it does not begin as one")
	}
	n, err := binary.ReadUvarint(in)
	if err != nil || n > maxHeader {
		return h, damaged("its header has %d bytes (%v)", n, err)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(in, text); err != nil {
		return h, damaged("its header: %v", err)
	}
	if err := json.Unmarshal(text, &h); err != nil {
		return h, damaged("its header: %v", err)
	}
	if h.Size < 0 || h.Size%wasmPage != 0 || h.Size > maxPages*pageSize || h.Pages < 0 || h.Pages > maxPages {
		return h, damaged("%d bytes in %d pages", h.Size, h.Pages)
	}
	return h, nil
}

func (i *Image) decodePages(in io.ByteReader, n int) error {
	i.differs = makePageSet(pagesIn(i.size))
	page := uint64(0)
	for at := range n {
		step, err := binary.ReadUvarint(in)
		if err != nil {
			return damaged("its list of pages: %v", err)
		}
		if page += step; at > 0 && step == 0 || step > maxPages || page >= uint64(pagesIn(i.size)) {
			return damaged("page %d of %d", page, pagesIn(i.size))
		}
		i.differs.add(int(page))
	}
	i.countBefore()
	return nil
}
