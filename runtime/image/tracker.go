package image

import "errors"

// Mode is how memory is brought back to an image.
type Mode string

const (
	// Tracked: the kernel notes which pages were written, and those are copied back.
	Tracked Mode = "tracked"
	// Copied: the whole image is copied.
	Copied Mode = "copied"
)

// ErrNoTracking is why there is no Tracker: this kernel, or what the process may ask of it, does not allow it.
var ErrNoTracking = errors.New("the kernel does not tell which pages of memory were written")

// region is a range of memory that was written to, as the kernel tells it: addresses, and a category that is always the same.
type region struct{ start, end, category uint64 }
