package pyenv

import (
	"context"
	"errors"
	"io"
	"os"
)

// damaged is an error of reading the archive, unless it says already what it is.
func (a *archive) damaged(err error) error {
	if errors.Is(err, ErrSource) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return detailf(ErrSource, "%s is damaged, or not the kind of file that it seems to be: %v", a.shown, err)
}

func (a *archive) tooLarge() error {
	return detailf(ErrSource, "%s unpacks to more than %d bytes: not a CPython build", a.shown, a.limits.unpacked)
}

func (a *archive) tooMany() error {
	return detailf(ErrSource, "%s has more than %d members: not a CPython build", a.shown, a.limits.members)
}

// checkedReader reads from an archive until ctx ends or, if it counts, the archive's limit is reached.
type checkedReader struct {
	ctx    context.Context // of one walk, which the reader does not outlive
	a      *archive
	r      io.Reader
	counts bool
}

func (c *checkedReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(p)
	if c.counts {
		if c.a.left -= int64(n); c.a.left < 0 {
			return 0, c.a.tooLarge()
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = c.a.damaged(err)
	}
	return n, err
}

// indexReader limits how much archive/zip reads before it knows how many members there are. A negative left is no limit.
type indexReader struct {
	f    *os.File
	left int64
}

func (r *indexReader) ReadAt(p []byte, off int64) (int, error) {
	if r.left >= 0 {
		if r.left -= int64(len(p)); r.left < 0 {
			return 0, errors.New("its list of members is too long")
		}
	}
	return r.f.ReadAt(p, off)
}
