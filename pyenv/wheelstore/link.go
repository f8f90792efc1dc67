package wheelstore

import (
	"errors"
	"io"
	"os"
)

// Place makes the new file to have the content of from, a file of the store: as a hard link, or else (on another file system, on Windows, or
// where links are not allowed) as a copy that may be written.
func Place(from, to string) error {
	if hardLinks && os.Link(from, to) == nil {
		return nil
	}
	return copyFile(from, to)
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, info.Mode().Perm()|0o200)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
