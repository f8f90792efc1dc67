package wheel

import (
	"compress/flate"
	"context"
	"errors"
	"io"
)

// indexReader limits how much archive/zip reads before it knows how many members there are. A negative left is no limit.
type indexReader struct {
	r    io.ReaderAt
	left int64
}

func (r *indexReader) ReadAt(p []byte, off int64) (int, error) {
	if r.left >= 0 {
		if r.left -= int64(len(p)); r.left < 0 {
			return 0, errors.New("its list of members is too long")
		}
	}
	return r.r.ReadAt(p, off)
}

// contextReader reads until ctx ends.
type contextReader struct {
	ctx context.Context // of one copy, which the reader does not outlive
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

func isDeflate(err error) bool {
	var corrupt flate.CorruptInputError
	return errors.As(err, &corrupt)
}
