package image

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
)

// An image in a file, before it is compressed: magic, the length of a header as an unsigned varint, the header as JSON, the numbers of the
// pages of a delta as unsigned varints (the first one, then the distance from each to the next), and the pages.
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

// maxPages is how many pages of 4 KiB 32 bits can address.
const maxPages = 1 << 20

// ErrDamaged is what an image in a file is when it is none, or not the one it should be.
var ErrDamaged = errors.New("the image is damaged")

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

// encode returns the image with extra. A delta's base has a digest already.
func (i *Image) encode(extra any) ([]byte, error) {
	h := header{Size: i.size, Globals: i.globals, Pages: len(i.content) / pageSize}
	if i.base != nil {
		if h.Base = i.base.digest; h.Base == "" {
			return nil, errors.New("encode image: its base has no digest yet")
		}
	}
	var err error
	if h.Extra, err = json.Marshal(extra); err != nil {
		return nil, fmt.Errorf("encode image: %w", err)
	}
	text, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("encode image: %w", err)
	}
	b := make([]byte, 0, len(magic)+len(text)+16+4*h.Pages+len(i.content))
	b = append(b, magic...)
	b = binary.AppendUvarint(b, uint64(len(text)))
	b = append(b, text...)
	last := 0
	for page := range i.differs.pages() {
		b = binary.AppendUvarint(b, uint64(page-last))
		last = page
	}
	return append(b, i.content...), nil
}

// decode reads an image, whose pages stay where they are in b, and what was kept with it. A delta needs the base that it was taken from. What is no image, or one
// of another base, is ErrDamaged.
func decode(b []byte, base *Image) (*Image, json.RawMessage, error) {
	h, rest, err := decodeHeader(b)
	if err != nil {
		return nil, nil, err
	}
	img := &Image{size: h.Size, globals: h.Globals}
	switch {
	case h.Base == "" && int64(h.Pages)*pageSize != h.Size:
		return nil, nil, damaged("%d pages of %d bytes", h.Pages, h.Size)
	case h.Base == "":
	case base == nil || base.digest != h.Base:
		return nil, nil, damaged("it is a delta of another base")
	default:
		img.base = base
		if rest, err = img.decodePages(rest, h.Pages); err != nil {
			return nil, nil, err
		}
	}
	if len(rest) != h.Pages*pageSize {
		return nil, nil, damaged("%d bytes are not %d pages", len(rest), h.Pages)
	}
	img.content = rest
	return img, h.Extra, nil
}

func decodeHeader(b []byte) (h header, rest []byte, err error) {
	if len(b) < len(magic) || string(b[:len(magic)]) != magic {
		return h, nil, damaged("it does not begin as one")
	}
	b = b[len(magic):]
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return h, nil, damaged("its header has %d bytes", size)
	}
	b = b[n:]
	if err := json.Unmarshal(b[:size], &h); err != nil {
		return h, nil, damaged("its header: %v", err)
	}
	if h.Size < 0 || h.Size%wasmPage != 0 || h.Size > maxPages*pageSize || h.Pages < 0 || h.Pages > maxPages {
		return h, nil, damaged("%d bytes in %d pages", h.Size, h.Pages)
	}
	return h, b[size:], nil
}

func (i *Image) decodePages(b []byte, pages int) (rest []byte, err error) {
	i.differs = makePageSet(pagesIn(i.size))
	page := uint64(0)
	for at := range pages {
		step, n := binary.Uvarint(b)
		if n <= 0 {
			return nil, damaged("its list of pages ends early")
		}
		b = b[n:]
		if page += step; at > 0 && step == 0 || step > maxPages || page >= uint64(pagesIn(i.size)) {
			return nil, damaged("page %d of %d", page, pagesIn(i.size))
		}
		i.differs.add(int(page))
	}
	i.countBefore()
	return b, nil
}
