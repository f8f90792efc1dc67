package wheelstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gofrs/flock"
)

// Pruned is what Prune has removed.
type Pruned struct {
	Wheels int
	Bytes  int64 // of the files
}

// Prune removes the wheels that no environment has links to, but for those of the digests in keep. What was copied from it does not need them. The error is [ErrBusy] if
// somebody is installing.
func (s Store) Prune(keep ...string) (Pruned, error) {
	var p Pruned
	names, err := os.ReadDir(s.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return p, err
	}
	l := flock.New(filepath.Join(s.Dir, lockName), flock.SetPermissions(0o644))
	ok, err := l.TryLock()
	if err != nil {
		return p, fmt.Errorf("lock the store of wheels %s: %w", s.Dir, err)
	}
	if !ok {
		return p, detailf(ErrBusy, "packages are being installed from %s: try again when that is done", s.Dir)
	}
	defer l.Close()
	for _, n := range names {
		dir := filepath.Join(s.Dir, n.Name())
		if strings.HasPrefix(n.Name(), tempPrefix) {
			if err := os.RemoveAll(dir); err != nil {
				return p, err
			}
			continue
		}
		if len(n.Name()) != 64 || !n.IsDir() || slices.Contains(keep, n.Name()) {
			continue
		}
		bytes, used, err := usage(dir)
		if err != nil {
			return p, err
		}
		if used {
			continue
		}
		// Renamed first, so that nobody finds half an entry.
		aside := filepath.Join(s.Dir, tempPrefix+n.Name())
		if err := os.Rename(dir, aside); err != nil {
			return p, err
		}
		if err := os.RemoveAll(aside); err != nil {
			return p, err
		}
		p.Wheels++
		p.Bytes += bytes
	}
	return p, nil
}

// usage is the bytes of an entry, and whether anything but the entry has its files.
func usage(dir string) (bytes int64, used bool, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		bytes += info.Size()
		used = used || linked(info)
		return nil
	})
	return bytes, used, err
}
