// Package indextest makes wheels and serves them as a simple index, for tests.
package indextest

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mayfly-faas/mayfly/pyenv/requirement"
)

// Wheel is a wheel with nothing but metadata.
type Wheel struct {
	Name, Version  string
	Requires       []string
	RequiresPython string
	Extras         []string
	Tag            string // "" is py3-none-any
	Metadata       string // in place of what the fields above would make
}

// Filename is the wheel's name.
func (w Wheel) Filename() string {
	tag := w.Tag
	if tag == "" {
		tag = "py3-none-any"
	}
	return strings.NewReplacer("-", "_", ".", "_").Replace(w.Name) + "-" + w.Version + "-" + tag + ".whl"
}

// METADATA is the text of the file of that name.
func (w Wheel) METADATA() string {
	if w.Metadata != "" {
		return w.Metadata
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Metadata-Version: 2.1\nName: %s\nVersion: %s\n", w.Name, w.Version)
	if w.RequiresPython != "" {
		fmt.Fprintf(&b, "Requires-Python: %s\n", w.RequiresPython)
	}
	for _, e := range w.Extras {
		fmt.Fprintf(&b, "Provides-Extra: %s\n", e)
	}
	for _, r := range w.Requires {
		fmt.Fprintf(&b, "Requires-Dist: %s\n", r)
	}
	return b.String() + "\nA description.\n"
}

// Bytes is the wheel itself.
func (w Wheel) Bytes() []byte {
	dir := strings.TrimSuffix(strings.Join(strings.SplitN(w.Filename(), "-", 3)[:2], "-"), ".whl") + ".dist-info/"
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range [][2]string{
		{dir + "METADATA", w.METADATA()}, {dir + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
		{dir + "RECORD", dir + "METADATA,,\n" + dir + "WHEEL,,\n" + dir + "RECORD,,\n"},
	} {
		out, err := z.Create(f[0])
		if err == nil {
			_, err = out.Write([]byte(f[1]))
		}
		if err != nil {
			panic(err)
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// File is one file of an index.
type File struct {
	Name           string
	Data           []byte
	RequiresPython string
	Yanked         bool
	YankedReason   string
	Uploaded       time.Time
	SHA256         string // said; "" is the right one, "-" none
	Metadata       []byte // METADATA beside the wheel; nil is none
}

// File is the wheel with its metadata beside it.
func (w Wheel) File() File {
	return File{Name: w.Filename(), Data: w.Bytes(), RequiresPython: w.RequiresPython, Metadata: []byte(w.METADATA())}
}

// Index is a simple index over loopback: /simple/NAME/ in HTML or JSON, /files/NAME.
type Index struct {
	*httptest.Server
	JSON bool // answer in JSON where that is accepted

	mu       sync.Mutex // guards what follows
	files    map[string][]File
	requests []string
	use      http.HandlerFunc
}

// Serve serves files until the test ends.
func Serve(t testing.TB, files ...File) *Index {
	i := &Index{files: map[string][]File{}}
	i.Add(files...)
	i.Server = httptest.NewServer(i)
	t.Cleanup(i.Close)
	return i
}

// Simple returns the URL of the index.
func (i *Index) Simple() string { return i.URL + "/simple/" }

// Add adds files.
func (i *Index) Add(files ...File) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, f := range files {
		name, _, _ := strings.Cut(f.Name, "-")
		name = requirement.Normalize(name)
		i.files[name] = append(i.files[name], f)
	}
}

// Requests are the paths that were asked for, in order, with "304 " before those that had not changed.
func (i *Index) Requests() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.requests)
}

// Use puts a handler in front, which may pass on to Answer.
func (i *Index) Use(h http.HandlerFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.use = h
}

func (i *Index) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	h := i.use
	i.mu.Unlock()
	if h == nil {
		h = i.Answer
	}
	h(w, r)
}

// Answer answers as an index does.
func (i *Index) Answer(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.requests = append(i.requests, r.URL.Path)
	if name, ok := strings.CutPrefix(r.URL.Path, "/simple/"); ok {
		files, ok := i.files[strings.TrimSuffix(name, "/")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		page, kind := i.html(files), "text/html; charset=utf-8"
		if i.JSON && strings.Contains(r.Header.Get("Accept"), "application/vnd.pypi.simple.v1+json") {
			page, kind = i.json(files), "application/vnd.pypi.simple.v1+json"
		}
		etag := `"` + digest(page)[:16] + `"`
		w.Header().Set("ETag", etag)
		if r.Header.Get("If-None-Match") == etag {
			i.requests[len(i.requests)-1] = "304 " + r.URL.Path
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write(page) // the client notices
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/files/")
	for _, files := range i.files {
		for _, f := range files {
			if f.Name == name {
				http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.Data))
				return
			}
			if f.Name+".metadata" == name && f.Metadata != nil {
				_, _ = w.Write(f.Metadata)
				return
			}
		}
	}
	http.NotFound(w, r)
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func (f File) said() string {
	if f.SHA256 == "" {
		return digest(f.Data)
	}
	return f.SHA256
}

func (i *Index) html(files []File) []byte {
	var b strings.Builder
	b.WriteString("<!DOCTYPE html><html><head><meta name=\"pypi:repository-version\" content=\"1.1\"></head><body>\n")
	for _, f := range files {
		fmt.Fprintf(&b, `<a href="../../files/%s`, f.Name)
		if f.said() != "-" {
			b.WriteString("#sha256=" + f.said())
		}
		b.WriteByte('"')
		if f.RequiresPython != "" {
			fmt.Fprintf(&b, ` data-requires-python="%s"`, html.EscapeString(f.RequiresPython))
		}
		if f.Yanked {
			fmt.Fprintf(&b, ` data-yanked="%s"`, html.EscapeString(f.YankedReason))
		}
		if f.Metadata != nil {
			fmt.Fprintf(&b, ` data-dist-info-metadata="sha256=%s" data-core-metadata="sha256=%[1]s"`, digest(f.Metadata))
		}
		fmt.Fprintf(&b, ">%s</a><br>\n", f.Name)
	}
	return []byte(b.String() + "</body></html>")
}

func (i *Index) json(files []File) []byte {
	var list []map[string]any
	for _, f := range files {
		j := map[string]any{"filename": f.Name, "url": "/files/" + f.Name, "hashes": map[string]string{}, "size": len(f.Data), "yanked": false}
		if f.said() != "-" {
			j["hashes"] = map[string]string{"sha256": f.said()}
		}
		if f.RequiresPython != "" {
			j["requires-python"] = f.RequiresPython
		}
		if f.Yanked {
			j["yanked"] = true
			if f.YankedReason != "" {
				j["yanked"] = f.YankedReason
			}
		}
		if f.Metadata != nil {
			j["core-metadata"] = map[string]string{"sha256": digest(f.Metadata)}
		}
		if !f.Uploaded.IsZero() {
			j["upload-time"] = f.Uploaded.UTC().Format(time.RFC3339Nano)
		}
		list = append(list, j)
	}
	data, err := json.Marshal(map[string]any{"meta": map[string]string{"api-version": "1.1"}, "name": "x", "files": list})
	if err != nil {
		panic(err)
	}
	return data
}
