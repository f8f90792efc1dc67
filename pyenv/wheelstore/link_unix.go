//go:build unix

package wheelstore

import (
	"io/fs"
	"syscall"
)

const hardLinks = true

// linked says whether a file has other names.
func linked(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && st.Nlink > 1
}
