package python

import (
	"io/fs"
	"path"
	"strings"
	"time"
)

// withFile is a file system with one more file.
type withFile struct {
	fs.FS
	name, content string
}

// Open implements fs.FS.
func (w *withFile) Open(name string) (fs.File, error) {
	if name == w.name {
		return &textFile{Reader: strings.NewReader(w.content), info: w.info()}, nil
	}
	return w.FS.Open(name)
}

func (w *withFile) info() textInfo { return textInfo{path.Base(w.name), int64(len(w.content))} }

// Stat implements fs.StatFS.
func (w *withFile) Stat(name string) (fs.FileInfo, error) {
	if name == w.name {
		return w.info(), nil
	}
	return fs.Stat(w.FS, name)
}

// Lstat implements fs.ReadLinkFS.
func (w *withFile) Lstat(name string) (fs.FileInfo, error) {
	if name == w.name {
		return w.info(), nil
	}
	return fs.Lstat(w.FS, name)
}

// ReadLink implements fs.ReadLinkFS.
func (w *withFile) ReadLink(name string) (string, error) { return fs.ReadLink(w.FS, name) }

// ReadDir implements fs.ReadDirFS.
func (w *withFile) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(w.FS, name)
	if err == nil && name == path.Dir(w.name) {
		entries = append(entries, fs.FileInfoToDirEntry(w.info()))
	}
	return entries, err
}

// textFile is an open text.
type textFile struct {
	*strings.Reader
	info textInfo
}

func (f *textFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *textFile) Close() error               { return nil }

// textInfo describes a text as a file.
type textInfo struct {
	name string
	size int64
}

func (i textInfo) Name() string     { return i.name }
func (i textInfo) Size() int64      { return i.size }
func (textInfo) Mode() fs.FileMode  { return 0o444 }
func (textInfo) ModTime() time.Time { return time.Time{} }
func (textInfo) IsDir() bool        { return false }
func (textInfo) Sys() any           { return nil }
