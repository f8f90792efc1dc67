// Package bundle makes of what a user points at the artifact that is deployed: a folder becomes a zip, a file is taken as it is.
package bundle

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mayfly-faas/mayfly/runtime/manifest"
)

// ErrRefused occurs when the path is there and cannot be deployed: a folder with a symbolic link in it, a mistake in mayfly.toml,
// too much of everything. The error's text says what and where.
var ErrRefused = errors.New("cannot be deployed")

// maxBytes bounds what is read, so that the wrong folder is noticed before the memory is full.
const maxBytes = 1 << 30

// Bundle is an artifact, ready to be sent.
type Bundle struct {
	Content []byte
	// Name is what the function is called unless the user says otherwise: the manifest's name, or one made of the path's last part. It
	// may be no valid name.
	Name string
	// Files is how many files are in it.
	Files int
}

// Pack makes a bundle of the folder or the file at path. The same content gives the same bytes, whoever packs it and when.
// The error is fs.ErrNotExist where there is nothing at path, ErrRefused where it cannot be deployed.
func Pack(path string) (*Bundle, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	switch {
	case info.IsDir():
		return packFolder(path)
	case !info.Mode().IsRegular():
		return nil, refuse("%s is neither a file nor a folder", path)
	case info.Size() > maxBytes:
		return nil, refuse("%s is larger than %s", path, manifest.Size(maxBytes))
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if err := checkContent(path, content); err != nil {
		return nil, err
	}
	b := &Bundle{Content: content, Files: 1, Name: nameOf(path)}
	m, err := manifestOfZip(content)
	if err != nil {
		return nil, refuse("%s: %w", path, err)
	}
	if m != nil && m.Name != "" {
		b.Name = m.Name
	}
	return b, nil
}

// magics are what files of a kind begin with, by the end of their names.
var magics = map[string]struct {
	what   string
	begins []string
}{
	".wasm": {"a WebAssembly module", []string{"\x00asm"}},
	".zip":  {"a zip", []string{"PK\x03\x04", "PK\x05\x06"}},
}

// checkContent refuses a file that is not what its name says. The server, which is not told the name, would take text for Python.
func checkContent(path string, content []byte) error {
	ext := strings.ToLower(filepath.Ext(path))
	magic, ok := magics[ext]
	if !ok || slices.ContainsFunc(magic.begins, func(begin string) bool { return bytes.HasPrefix(content, []byte(begin)) }) {
		return nil
	}
	if len(content) == 0 {
		return refuse("%s is called %s, but is empty", path, ext)
	}
	return refuse("%s is called %s, but is not %s: it begins with %q", path, ext, magic.what, content[:min(len(content), 16)])
}

func packFolder(dir string) (*Bundle, error) {
	files, err := collect(dir)
	if err != nil {
		return nil, err
	}
	b := &Bundle{Name: nameOf(dir), Files: len(files)}
	text, err := os.ReadFile(filepath.Join(dir, manifest.FileName))
	if err == nil {
		m, err := manifest.Parse(text)
		if err != nil {
			return nil, refuse("%w", err)
		}
		if m.Name != "" {
			b.Name = m.Name
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	b.Content, err = zipFiles(dir, files)
	return b, err
}

// nameOf makes a function's name of a path's last part. What cannot be part of a name stays in it, to be named in the error.
func nameOf(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	name := strings.ToLower(filepath.Base(path))
	for _, ext := range []string{".py", ".wasm", ".zip"} {
		name = strings.TrimSuffix(name, ext)
	}
	return strings.Trim(strings.NewReplacer("_", "-", ".", "-", " ", "-").Replace(name), "-")
}

// manifestOfZip returns the manifest in a zip, nil where there is none, or no zip: what else is wrong the server says.
func manifestOfZip(content []byte) (*manifest.Manifest, error) {
	r, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil || !bytes.HasPrefix(content, []byte("PK")) {
		return nil, nil
	}
	f, err := r.Open(manifest.TopFolder(names(r)) + manifest.FileName)
	if err != nil {
		return nil, nil
	}
	defer f.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(f); err != nil {
		return nil, err
	}
	return manifest.Parse(text.Bytes())
}

func names(r *zip.Reader) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, f := range r.File {
			if !yield(f.Name) {
				return
			}
		}
	}
}

func refuse(format string, args ...any) error {
	return &refusal{fmt.Errorf(format, args...)}
}

// refusal is an ErrRefused whose text is for the user alone.
type refusal struct{ cause error }

func (e *refusal) Error() string   { return e.cause.Error() }
func (e *refusal) Unwrap() []error { return []error{ErrRefused, e.cause} }
