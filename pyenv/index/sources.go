package index

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

const accept = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"

// simple is a simple index: a page for each project.
type simple struct {
	c    *Client
	base *url.URL // ends in '/'
}

func (s simple) files(ctx context.Context, project string) ([]File, error) {
	u := s.base.JoinPath(project + "/")
	if u.Scheme != "file" {
		return s.c.page(ctx, u)
	}
	dir, err := s.c.local(u.String())
	if err != nil {
		return nil, err
	}
	data, err := readLimited(filepath.Join(dir, "index.html"), s.c.limits.page)
	if errors.Is(err, fs.ErrNotExist) {
		files, err := list(dir)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, errMissing
		}
		return files, err
	}
	if err != nil {
		return nil, err
	}
	return parseHTML(data, u, s.c.limits.files)
}

// linkPage is a page that links to the files of any projects.
type linkPage struct {
	c *Client
	u *url.URL
}

func (l linkPage) files(ctx context.Context, _ string) ([]File, error) {
	key := l.u.String()
	return once(ctx, l.c, "links "+key, func(ctx context.Context) ([]File, error) {
		l.c.mu.Lock()
		files, ok := l.c.links[key]
		l.c.mu.Unlock()
		if ok {
			return files, nil
		}
		files, err := l.c.page(ctx, l.u)
		if err == nil {
			l.c.mu.Lock()
			l.c.links[key] = files
			l.c.mu.Unlock()
		}
		return files, err
	})
}

// folder has files of any projects.
type folder struct {
	c   *Client
	dir string
}

func (f folder) files(context.Context, string) ([]File, error) {
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	if files, ok := f.c.links[f.dir]; ok {
		return files, nil
	}
	files, err := list(f.dir)
	if err == nil {
		f.c.links[f.dir] = files
	}
	return files, err
}

// fixed is a list of files that is known.
type fixed []File

func (f fixed) files(context.Context, string) ([]File, error) { return f, nil }

// list is the files of a folder.
func list(dir string) ([]File, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []File
	for _, e := range entries {
		info, err := os.Stat(filepath.Join(dir, e.Name()))
		if err == nil && info.Mode().IsRegular() {
			files = append(files, File{Name: e.Name(), URL: fileURL(filepath.Join(dir, e.Name())).String(), Size: info.Size(), Index: dir})
		}
	}
	return files, nil
}

// page fetches a page, or finds that the one in the cache is still right.
func (c *Client) page(ctx context.Context, u *url.URL) ([]File, error) {
	kept, have := c.cache.page(u.String(), c.limits.page)
	if c.o.Offline {
		if !have {
			return nil, errMissing
		}
		return kept.parse(c.limits.files)
	}
	r := request{url: u.String(), header: http.Header{"Accept": {accept}}, limit: c.limits.page, timeout: c.o.Timeout}
	if have && kept.ETag != "" {
		r.header.Set("If-None-Match", kept.ETag)
	}
	var got keptPage
	err := c.fetch(ctx, r, func(resp *http.Response, body io.Reader) error {
		if resp.StatusCode == http.StatusNotModified && have {
			got = kept
			return nil
		}
		if resp.StatusCode != http.StatusOK {
			return &statusError{resp.StatusCode}
		}
		final := *resp.Request.URL
		final.User = nil
		got = keptPage{Final: final.String(), ETag: resp.Header.Get("ETag")}
		got.Type, _, _ = mime.ParseMediaType(resp.Header.Get("Content-Type"))
		var err error
		got.body, err = io.ReadAll(body)
		return err
	})
	if err != nil {
		return nil, err
	}
	files, err := got.parse(c.limits.files)
	if err == nil && (!have || got.ETag != kept.ETag || got.ETag == "") {
		c.cache.keepPage(u.String(), got)
	}
	return files, err
}

// parse reads a page by its type.
func (p keptPage) parse(limit int) ([]File, error) {
	u, err := url.Parse(p.Final)
	if err != nil {
		return nil, detailf(ErrIndex, "a page has a URL that cannot be read")
	}
	switch p.Type {
	case "application/vnd.pypi.simple.v1+json":
		return parseJSON(p.body, u, limit)
	case "application/vnd.pypi.simple.v1+html", "text/html", "application/xhtml+xml":
		return parseHTML(p.body, u, limit)
	}
	return nil, detailf(ErrIndex, "%s is no simple index: its type is %.80q, not HTML or application/vnd.pypi.simple.v1+json", shown(u), p.Type)
}

// fileURL is the file URL of a path.
func fileURL(path string) *url.URL {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/
	}
	return &url.URL{Scheme: "file", Path: path}
}

func refused(s string) error {
	return detailf(ErrSource, "%s is of this machine, whose files may not be used here: give an https:// URL", shownText(s))
}

// local is the path of a file URL of this machine.
func (c *Client) local(s string) (string, error) {
	if c.o.NoFiles {
		return "", refused(s)
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "file" || u.Host != "" && u.Host != "localhost" {
		return "", detailf(ErrSource, "%s is no file of this machine: write it as file:///PATH", shownText(s))
	}
	path := u.Path
	if u.Opaque != "" { // file:relative/path
		if path, err = url.PathUnescape(u.Opaque); err != nil {
			return "", detailf(ErrSource, "a file URL cannot be read")
		}
	}
	if runtime.GOOS == "windows" {
		path = strings.TrimPrefix(path, "/")
	}
	return filepath.FromSlash(path), nil
}
