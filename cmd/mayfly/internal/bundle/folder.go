package bundle

import (
	"archive/zip"
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/mayfly-faas/mayfly/runtime/manifest"
)

// maxFiles is as many as the server takes.
const maxFiles = 20_000

// Ignored are the names of files and folders that no function needs at run time.
var Ignored = []string{
	".git", ".hg", ".svn", "__pycache__", ".venv", "node_modules", "mayfly-data", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".tox",
	".DS_Store",
}

// collect returns the slash-separated paths of the files in a folder, sorted.
func collect(dir string) ([]string, error) {
	var files []string
	var total int64
	// The folder itself may be a symbolic link, which only a path below it would be refused for.
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, err
	}
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		switch {
		case slices.Contains(Ignored, entry.Name()), entry.IsDir() && isEnvironment(path):
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case entry.IsDir(), filepath.Ext(path) == ".pyc":
			return nil
		case entry.Type() == fs.ModeSymlink:
			return refuse("%s is a symbolic link, which an artifact cannot hold: put the file itself in its place", path)
		case !entry.Type().IsRegular():
			return refuse("%s is not a regular file", path)
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		total += info.Size()
		if len(files) == maxFiles || total > maxBytes {
			return refuse("%s has more than %d files, or more than %s in them: is it the right folder?", dir, maxFiles, manifest.Size(maxBytes))
		}
		name, err := filepath.Rel(dir, path)
		files = append(files, filepath.ToSlash(name))
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, refuse("there is nothing to deploy in the folder %s", dir)
	}
	slices.Sort(files)
	return files, nil
}

// isEnvironment reports whether a folder is a Python virtual environment (PEP 405), whatever it is called: it is of this machine.
func isEnvironment(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "pyvenv.cfg"))
	return err == nil
}

// zipTime is the modification time of all members: the earliest that a zip can tell.
var zipTime = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

func zipFiles(dir string, names []string) ([]byte, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range names {
		if err := addFile(w, root, name); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func addFile(w *zip.Writer, root *os.Root, name string) error {
	f, err := root.Open(filepath.FromSlash(name))
	if err != nil {
		return err
	}
	defer f.Close()
	h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: zipTime}
	h.SetMode(0o644)
	member, err := w.CreateHeader(h)
	if err != nil {
		return err
	}
	_, err = io.Copy(member, f)
	return err
}
