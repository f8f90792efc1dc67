package index

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mayfly-faas/mayfly/pyenv/index/indextest"
)

// hostile serves by a handler, and returns a client with small limits whose cache is empty.
func hostile(t *testing.T, h http.HandlerFunc) (*Client, string) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	cache := filepath.Join(t.TempDir(), "cache")
	c := open(t, Options{Indexes: []string{server.URL + "/simple/"}, CacheDir: cache, Timeout: 5 * time.Second, DownloadTimeout: 5 * time.Second})
	c.limits = limits{page: 1 << 20, files: 1000, metadata: 64 << 10, wheel: 1 << 20, ranges: 256 << 10}
	return c, cache
}

func page(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, body)
	}
}

func endless(w io.Writer, text string) {
	block := bytes.Repeat([]byte(text), 1000)
	for {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

func TestHostilePages(t *testing.T) {
	for name, c := range map[string]struct {
		h    http.HandlerFunc
		is   error
		text string
	}{
		"endless body": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			endless(w, "<p>x</p>")
		}, ErrTooLarge, "longer than 1048576 bytes"},
		"endless gzip": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("Content-Encoding", "gzip")
			gz := gzipWriter(w)
			endless(gz, strings.Repeat("a", 1000))
		}, ErrTooLarge, "longer than 1048576 bytes"},
		"a tag that does not end": {page("<a href='" + strings.Repeat("x", 1<<20-100)), nil, ""},
		"too many links":          {page(strings.Repeat("<a href=x-1.tar.gz>", 2000)), ErrIndex, "has more than 1000 links"},
		"nested tags":             {page(strings.Repeat("<div><b>", 100_000)), nil, ""},
		"many attributes":         {page("<a " + strings.Repeat("a=b ", 200_000) + ">"), nil, ""},
		"many entities":           {page("<a href='" + strings.Repeat("&amp;", 100_000) + "'>"), nil, ""},
		"version 2":               {page(`<meta name="pypi:repository-version" content="2.0">`), ErrIndex, `is a simple index of version "2.0"`},
		"no HTML":                 {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "image/png") }, ErrIndex, `its type is "image/png"`},
		"broken JSON": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/vnd.pypi.simple.v1+json")
			io.WriteString(w, `{"meta": {"api-version": "1.0"}, "files": [`+strings.Repeat("[", 500_000))
		}, ErrIndex, "is no simple index"},
		"redirect to a file": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "file:///etc/passwd")
			w.WriteHeader(302)
		}, ErrRedirect, `redirected to a "file" URL: refused`},
		"redirect to data": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "data:text/html,x")
			w.WriteHeader(302)
		}, ErrRedirect, `redirected to a "data" URL: refused`},
		"redirect in circles":                   {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/x?token=secret", http.StatusFound) }, ErrRedirect, "redirected more than 10 times"},
		"not modified, though nothing was kept": {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(304) }, ErrIndex, "the server answers 304"},
		"long headers": {func(w http.ResponseWriter, r *http.Request) {
			for i := range 3000 {
				w.Header().Add(fmt.Sprint("X-", i), strings.Repeat("x", 1000))
			}
		}, ErrUnavailable, "asked 4 times"},
	} {
		t.Run(name, func(t *testing.T) {
			client, cache := hostile(t, c.h)
			var err error
			start := time.Now()
			if n := allocated(func() { _, err = client.Project(t.Context(), "x") }); n > 64<<20 {
				t.Errorf("it took %d bytes of memory", n)
			}
			if d := time.Since(start); d > 10*time.Second {
				t.Errorf("it took %v", d)
			}
			if c.is != nil {
				wantError(t, err, c.is, c.text)
				wantNothing(t, cache)
			} else {
				check(t, err)
			}
		})
	}
}

func TestRedirectToHTTPIsRefused(t *testing.T) {
	plain := httptest.NewServer(page(""))
	defer plain.Close()
	tls := httptest.NewUnstartedServer(http.RedirectHandler(plain.URL+"/?token=secret", http.StatusFound))
	tls.Config.ErrorLog = log.New(io.Discard, "", 0)
	tls.StartTLS()
	defer tls.Close()
	strange := open(t, Options{Indexes: []string{tls.URL}})
	_, err := strange.Project(t.Context(), "x")
	wantError(t, err, ErrUnavailable, "certificate")
	c := open(t, Options{Indexes: []string{tls.URL}, Transport: tls.Client().Transport})
	_, err = c.Project(t.Context(), "x")
	wantError(t, err, ErrRedirect, "redirected from https to http: refused")
}

func TestSlowServersAreGivenUp(t *testing.T) {
	done := make(chan struct{})
	c, cache := hostile(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(200)
		w.(http.Flusher).Flush()
		select {
		case <-r.Context().Done():
		case <-done:
		}
	})
	defer close(done)
	c.o.Timeout, c.o.Attempts = 100*time.Millisecond, 2
	_, err := c.Project(t.Context(), "x")
	wantError(t, err, ErrUnavailable, "the answer takes longer than 100ms (asked 2 times)")
	wantNothing(t, cache)
}

// A server has no say over the files of this machine.
func TestLinksToFilesAreNoLinks(t *testing.T) {
	c, _ := hostile(t, page(`<base href="file:///etc/"><a href="file:///etc/x-1-py3-none-any.whl">a</a><a href="x-2-py3-none-any.whl">b</a><a href="javascript:x-3.tar.gz">c</a>`))
	p, err := c.Project(t.Context(), "x")
	check(t, err)
	if len(p.Files) != 1 || !strings.HasPrefix(p.Files[0].URL, "http://") {
		t.Errorf("got %+v", p.Files)
	}
}

func TestHostileFiles(t *testing.T) {
	good := indextest.Wheel{Name: "x", Version: "1"}
	name := good.Filename()
	lies := indextest.Wheel{Name: "x", Version: "1", Requires: []string{"evil"}}
	other := indextest.Wheel{Name: "x", Version: "1", Metadata: "Name: y\nVersion: 1\n\n"}
	serve := func(f indextest.File, change func(http.ResponseWriter, *http.Request) bool) http.HandlerFunc {
		index := indextest.Serve(t, f)
		index.JSON = true
		return func(w http.ResponseWriter, r *http.Request) {
			if change == nil || strings.HasPrefix(r.URL.Path, "/simple/") || !change(w, r) {
				index.Answer(w, r)
			}
		}
	}
	with := func(f indextest.File, set func(*indextest.File)) indextest.File { set(&f); return f }
	for name, c := range map[string]struct {
		h    http.HandlerFunc
		is   error
		text string
	}{
		"wrong hash": {serve(with(good.File(), func(f *indextest.File) { f.SHA256 = strings.Repeat("0", 64) }), nil),
			ErrHash, name + " has sha256 "},
		"separate metadata with a wrong hash": {serve(good.File(), func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, ".metadata") {
				io.WriteString(w, lies.METADATA())
				return true
			}
			return false
		}), ErrHash, name + ".metadata has sha256 "},
		"separate metadata that lies":       {serve(with(good.File(), func(f *indextest.File) { f.Metadata = []byte(lies.METADATA()) }), nil), ErrMetadata, "its METADATA is not what http"},
		"metadata of another package":       {serve(with(good.File(), func(f *indextest.File) { f.Metadata = []byte(other.METADATA()) }), nil), ErrMetadata, `its METADATA is of "y" 1`},
		"a wheel that is of another":        {serve(with(other.File(), func(f *indextest.File) { f.Metadata = nil }), nil), ErrMetadata, `its METADATA is of "y" 1`},
		"metadata that is none":             {serve(with(good.File(), func(f *indextest.File) { f.Metadata = []byte("\xff") }), nil), ErrMetadata, "METADATA is not UTF-8"},
		"metadata with a broken dependency": {serve(indextest.Wheel{Name: "x", Version: "1", Requires: []string{"a b"}}.File(), nil), ErrMetadata, `Requires-Dist: "b" is not a version specifier`},
		"endless metadata": {serve(good.File(), func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, ".metadata") {
				endless(w, "Requires-Dist: x\n")
				return true
			}
			return false
		}), ErrTooLarge, "longer than 65536 bytes"},
		"an endless wheel": {serve(with(good.File(), func(f *indextest.File) { f.SHA256 = "-" }), func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, ".whl") {
				endless(w, "x")
				return true
			}
			return false
		}), ErrHash, "is longer than the"},
		"a wheel that is no zip":                  {serve(indextest.File{Name: name, Data: bytes.Repeat([]byte("x"), 100<<10)}, nil), ErrMetadata, "is damaged, or no wheel"},
		"a wheel whose METADATA unpacks for ever": {serve(indextest.File{Name: name, Data: bomb(1 << 20)}, nil), ErrMetadata, "its METADATA is longer than 65536 bytes"},
		"a wheel with a large directory":          {serve(indextest.File{Name: name, Data: crowd(10_000)}, nil), ErrTooLarge, "its directory is larger than 262144 bytes"},
		"ranges that change": {serve(with(good.File(), func(f *indextest.File) { f.Metadata, f.Data = nil, crowd(1500) }), func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasPrefix(r.Header.Get("Range"), "bytes=-") {
				return false
			}
			w.Header().Set("Content-Range", "bytes 0-0/1")
			w.WriteHeader(206)
			io.WriteString(w, "x")
			return true
		}), ErrIndex, "its size changes from"},
		"a wheel that is not there": {serve(with(good.File(), func(f *indextest.File) { f.Metadata = nil }), func(w http.ResponseWriter, r *http.Request) bool {
			http.NotFound(w, r)
			return true
		}), ErrIndex, "the index names it, and the server does not have it"},
	} {
		t.Run(name, func(t *testing.T) {
			client, cache := hostile(t, c.h)
			p, err := client.Project(t.Context(), "x")
			check(t, err)
			dir := t.TempDir()
			if n := allocated(func() {
				if _, err = client.Metadata(t.Context(), p.Files[0]); err == nil {
					_, err = client.Download(t.Context(), p.Files[0], dir, DownloadOptions{})
				}
			}); n > 64<<20 {
				t.Errorf("it took %d bytes of memory", n)
			}
			wantError(t, err, c.is, c.text)
			wantNothing(t, dir)
			wantNothing(t, filepath.Join(cache, "metadata"))
		})
	}
}

func TestAskedHashesAreChecked(t *testing.T) {
	server := indextest.Serve(t, with(flask.File(), func(f *indextest.File) { f.SHA256 = "-" }))
	c := open(t, Options{Indexes: []string{server.Simple()}})
	p, err := c.Project(t.Context(), "flask")
	check(t, err)
	dir := t.TempDir()
	_, err = c.Download(t.Context(), p.Files[0], dir, DownloadOptions{Hashes: []string{"sha256:" + strings.Repeat("0", 64), "sha512:00"}})
	wantError(t, err, ErrHash, "which is none of those that are asked for")
	wantNothing(t, dir)
	var last int64
	d, err := c.Download(t.Context(), p.Files[0], dir, DownloadOptions{Progress: func(done, _ int64) { last = done }})
	check(t, err)
	if last != d.Size {
		t.Errorf("progress ended at %d of %d", last, d.Size)
	}
	_, err = c.Download(t.Context(), p.Files[0], dir, DownloadOptions{Hashes: []string{"sha256:" + d.SHA256}})
	check(t, err)
}

func TestFilesOfThisMachineCanBeRefused(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, click.Filename())
	check(t, os.WriteFile(path, click.Bytes(), 0o644))
	c := open(t, Options{NoFiles: true})
	const text = "is of this machine, whose files may not be used here"
	_, err := c.FileAt("file://" + path)
	wantError(t, err, ErrSource, text)
	f := File{Name: click.Filename(), URL: "file://" + path, Kind: Wheel}
	_, err = c.Metadata(t.Context(), f)
	wantError(t, err, ErrSource, text)
	_, err = c.Download(t.Context(), f, t.TempDir(), DownloadOptions{})
	wantError(t, err, ErrSource, text)
	for _, o := range []Options{{Indexes: []string{"file://" + dir}}, {FindLinks: []string{dir}}, {FindLinks: []string{"file://" + dir}}} {
		o.NoFiles, o.Netrc = true, file(t, "netrc", "")
		_, err := New(o)
		wantError(t, err, ErrSource, text)
	}
}

func TestNamesOfFilesLeadNowhere(t *testing.T) {
	c := open(t, Options{})
	for _, name := range []string{"../x", "a/b", "..", "", `a\b`, "c:x"} {
		_, err := c.Download(t.Context(), File{Name: name, URL: "http://127.0.0.1:1/"}, t.TempDir(), DownloadOptions{})
		wantError(t, err, ErrIndex, "is no name of a file")
	}
}

func with(f indextest.File, set func(*indextest.File)) indextest.File { set(&f); return f }

// wantNothing fails the test if there is a file below dir.
func wantNothing(t *testing.T, dir string) {
	t.Helper()
	filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			t.Errorf("%s was left", path)
		}
		return nil
	})
}

// bomb is a wheel with so much METADATA.
func bomb(n int) []byte {
	return indextest.Wheel{Name: "x", Version: "1", Metadata: "Name: x\nVersion: 1\nX: " + strings.Repeat("0", n)}.Bytes()
}

// crowd is a wheel with so many members.
func crowd(n int) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := range n {
		z.Create(fmt.Sprintf("x/%060d.py", i))
	}
	z.Close()
	return b.Bytes()
}

func FuzzHTML(f *testing.F) {
	f.Add([]byte(`<meta name="pypi:repository-version" content="1.0"><base href="/x"><a href="a-1-py3-none-any.whl#sha256=00" data-yanked data-requires-python="&gt;3" data-core-metadata=true>a</a>`))
	f.Fuzz(func(t *testing.T, data []byte) { seen(t, data, parseHTML) })
}

func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"meta":{"api-version":"1.0"},"files":[{"filename":"a-1.tar.gz","url":"a","hashes":{"sha256":"0"},"yanked":"x","core-metadata":{"sha256":"0"},"size":1,"upload-time":"2026-01-01T00:00:00Z"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) { seen(t, data, parseJSON) })
}

func FuzzMetadata(f *testing.F) {
	f.Add([]byte("Metadata-Version: 2.1\nName: x\nVersion: 1\nRequires-Dist: a;\n extra=='x'\nProvides-Extra: x\n\nbody"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if m, err := ParseMetadata(data); err == nil && (m.Name == "" || m.Version.IsZero()) {
			t.Errorf("took %+v", m)
		}
	})
}

func FuzzWheelName(f *testing.F) {
	f.Add("a_b-1.0-1x-py2.py3-none-any.whl")
	f.Fuzz(func(t *testing.T, name string) {
		if w, err := ParseWheelName(name); err == nil && (w.Version.IsZero() || len(w.Tags) == 0 || !filepath.IsLocal(name) || strings.ContainsAny(name, `/\`)) {
			t.Errorf("took %+v", w)
		}
	})
}

func FuzzNetrc(f *testing.F) {
	f.Add("machine a login b password \"c d\" # x\nmacdef init\nx\n\ndefault login e")
	f.Fuzz(func(_ *testing.T, text string) { parseNetrc(text) })
}
