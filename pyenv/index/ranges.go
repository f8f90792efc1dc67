package index

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
)

const (
	rangeBytes    = 64 << 10
	maxRangedSize = 128 << 20 // bytes of a wheel that is read in parts: archive/zip allocates by what size it is told
)

// errNoRanges says that a server gives wheels as a whole only.
var errNoRanges = errors.New("no ranges")

// ranged reads METADATA by asking for the parts of the wheel that have it: its end, where the zip's directory is, and the member.
func (c *Client) ranged(ctx context.Context, f File) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, 2*c.o.Timeout, detailf(ErrUnavailable, "read %s in parts: it takes too long", f.Name))
	defer cancel()
	r := &rangeReader{ctx: ctx, c: c, f: f, left: c.limits.ranges}
	if err := r.get(fmt.Sprintf("bytes=-%d", rangeBytes)); err != nil {
		return nil, err
	}
	if r.size > maxRangedSize {
		return nil, errNoRanges
	}
	return c.unzipMetadata(r, r.size, f.Name)
}

// rangeReader reads a wheel at a server. It is for one goroutine.
type rangeReader struct {
	ctx    context.Context
	c      *Client
	f      File
	size   int64 // of the wheel
	chunks []chunk
	left   int64 // bytes that may still be asked for
}

type chunk struct {
	at   int64
	data []byte
}

// ReadAt reads from what is there already, and asks for what is missing in large pieces.
func (r *rangeReader) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for n < len(p) {
		at := off + int64(n)
		if at >= r.size {
			return n, io.EOF
		}
		i := slices.IndexFunc(r.chunks, func(c chunk) bool { return c.at <= at && at < c.at+int64(len(c.data)) })
		if i < 0 {
			end := min(r.size, max(at+rangeBytes, off+int64(len(p)))) - 1
			if err := r.get(fmt.Sprintf("bytes=%d-%d", at, min(end, at+r.left-1))); err != nil {
				return n, err
			}
			i = len(r.chunks) - 1
			if c := r.chunks[i]; at < c.at || at >= c.at+int64(len(c.data)) {
				return n, detailf(ErrIndex, "read %s in parts: the server gives another part than asked for", r.f.Name)
			}
		}
		c := r.chunks[i]
		n += copy(p[n:], c.data[at-c.at:])
	}
	return n, nil
}

// get asks for one range. The first tells the size.
func (r *rangeReader) get(what string) error {
	if r.left <= 0 {
		return detailf(ErrTooLarge, "read %s in parts: its directory is larger than %d bytes", r.f.Name, r.c.limits.ranges)
	}
	header := http.Header{"Range": {what}, "Accept-Encoding": {"identity"}}
	var got chunk
	err := r.c.fetch(r.ctx, request{url: r.f.URL, header: header, limit: 1 << 62, timeout: r.c.o.Timeout}, func(resp *http.Response, in io.Reader) error {
		if resp.StatusCode != http.StatusPartialContent {
			return errNoRanges
		}
		var first, last, total int64
		if n, err := fmt.Sscanf(resp.Header.Get("Content-Range"), "bytes %d-%d/%d", &first, &last, &total); n != 3 || err != nil || first < 0 || last < first || last >= total {
			return errNoRanges
		}
		if r.size != 0 && total != r.size {
			return detailf(ErrIndex, "read %s in parts: its size changes from %d to %d", r.f.Name, r.size, total)
		}
		if last-first+1 > r.left {
			return tooLarge(r.left)
		}
		data, err := io.ReadAll(io.LimitReader(in, last-first+1))
		if err == nil && int64(len(data)) != last-first+1 {
			err = errBody{io.ErrUnexpectedEOF}
		}
		r.size, got = total, chunk{first, data}
		return err
	})
	var status *statusError
	if errors.As(err, &status) && (status.status == http.StatusRequestedRangeNotSatisfiable || status.status == http.StatusNotImplemented) {
		return errNoRanges
	}
	if err != nil {
		return err
	}
	r.left -= int64(len(got.data))
	r.chunks = append(r.chunks, got)
	return nil
}
