// Package index reads what package indexes have: simple indexes in HTML and JSON (PEP 503, 691, 700) with yanked files (PEP 592) and separate metadata
// (PEP 658, 714), pages of links, and folders of wheels.
//
// A [Client] asks all of its sources for a [Project], tells the [Metadata] of a wheel without fetching all of it where that can be, and downloads wheels. It
// trusts no server: answers are bounded in bytes and time, hashes are checked while bytes arrive, redirects lead to http and https only and never from https to http,
// and what a wheel says of itself has to be what its name and the index said. Credentials are sent where they belong and are in no error.
package index

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

	"github.com/mayfly-faas/mayfly/pyenv/requirement"
)

// PyPI is the index that is asked where no other is named.
const PyPI = "https://pypi.org/simple/"

// Options say where packages come from. The zero value asks PyPI, and keeps nothing on disk.
type Options struct {
	// Indexes are the URLs of simple indexes: https, http or file, with user and password if they need them. All are asked. Of files with the same name
	// the one in the first index counts. None is [PyPI].
	Indexes []string

	// FindLinks are folders of wheels, and URLs of pages that link to them. They come before the indexes.
	FindLinks []string

	// NoIndex leaves FindLinks as the only source.
	NoIndex bool

	// NoFiles refuses folders and file URLs: for a server that reads what others ask for.
	NoFiles bool

	// Offline asks no server: pages and metadata come from CacheDir, however old they are.
	Offline bool

	// CacheDir keeps pages, which are asked for again with their ETag, and the metadata of wheels. "" keeps nothing.
	CacheDir string

	// Netrc is a file with credentials by host. "" is $NETRC, or else ~/.netrc; a file that is not there has none.
	Netrc string

	// UserAgent is sent to servers; "" is "mayfly".
	UserAgent string

	// Timeout is for one page or metadata, an attempt at a time. 0 is a minute.
	Timeout time.Duration

	// DownloadTimeout is for one wheel, an attempt at a time. 0 is 15 minutes. One that gives no byte for half a minute is ended before.
	DownloadTimeout time.Duration

	// Attempts is how often one thing is asked for where a server or the network fails. 0 is 4.
	Attempts int

	// Transport is what requests go through; nil is a transport of the client's own, with the proxy of the environment.
	Transport http.RoundTripper
}

// With adds what a requirements file says of sources: its index takes the place of the first one, as with pip.
func (o Options) With(f requirement.Options) Options {
	o.Indexes = slices.Clone(o.Indexes)
	if f.IndexURL != "" {
		o.Indexes = append([]string{f.IndexURL}, o.Indexes[min(1, len(o.Indexes)):]...)
	}
	if len(o.Indexes) == 0 && len(f.ExtraIndexURLs) > 0 {
		o.Indexes = []string{PyPI}
	}
	o.Indexes = append(o.Indexes, f.ExtraIndexURLs...)
	o.FindLinks = slices.Concat(o.FindLinks, f.FindLinks)
	o.NoIndex = o.NoIndex || f.NoIndex
	return o
}

func (o Options) withDefaults() Options {
	if len(o.Indexes) == 0 && !o.NoIndex {
		o.Indexes = []string{PyPI}
	}
	if o.NoIndex {
		o.Indexes = nil
	}
	if o.UserAgent == "" {
		o.UserAgent = "mayfly"
	}
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	if o.DownloadTimeout == 0 {
		o.DownloadTimeout = 15 * time.Minute
	}
	if o.Attempts == 0 {
		o.Attempts = 4
	}
	return o
}

// limits bound what a server may make us read and hold.
type limits struct {
	page     int64 // bytes of a page, unpacked
	files    int   // of one project, or links of one page
	metadata int64 // bytes of METADATA
	wheel    int64 // bytes of a wheel
	ranges   int64 // bytes of ranges of one wheel
}

var defaultLimits = limits{page: 64 << 20, files: 200_000, metadata: 8 << 20, wheel: 1 << 30, ranges: 8 << 20}

// Client asks the sources of its Options. Its methods may be called at once. What it has learnt of projects and wheels it keeps until Close.
type Client struct {
	o       Options
	http    *http.Client
	logins  logins
	sources []source
	cache   cache
	limits  limits
	pause   func(ctx context.Context, d time.Duration) error // between attempts; tests do not wait
	flight  singleflight.Group
	work    sync.WaitGroup     // goroutines of once
	life    context.Context    // ends with the client
	end     context.CancelFunc // of life

	mu       sync.Mutex // guards what follows
	projects map[string]*Project
	metadata map[string]*Metadata // by URL of the wheel
	links    map[string][]File    // of pages and folders with many projects, by source
}

// source is a place that has files of projects.
type source interface {
	files(ctx context.Context, project string) ([]File, error)
}

// New makes a client. The error is [ErrSource] if an index is no URL, or a folder of FindLinks is not there.
func New(o Options) (*Client, error) {
	o = o.withDefaults()
	c := &Client{
		o: o, limits: defaultLimits, pause: pause, cache: cache{o.CacheDir},
		projects: map[string]*Project{}, metadata: map[string]*Metadata{}, links: map[string][]File{},
	}
	if o.Transport == nil {
		o.Transport = &http.Transport{
			Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 30 * time.Second,
			ResponseHeaderTimeout: 30 * time.Second, IdleConnTimeout: 30 * time.Second, MaxResponseHeaderBytes: 1 << 20, MaxConnsPerHost: 16, MaxIdleConnsPerHost: 16,
		}
	}
	c.life, c.end = context.WithCancel(context.Background())
	c.http = &http.Client{Transport: o.Transport, CheckRedirect: checkRedirect}
	var err error
	if c.logins, err = readNetrc(o.Netrc); err != nil {
		return nil, err
	}
	for _, s := range o.FindLinks {
		src, err := c.linkSource(s)
		if err != nil {
			return nil, err
		}
		c.sources = append(c.sources, src)
	}
	for _, s := range o.Indexes {
		u, err := c.parseSource(s)
		if err != nil {
			return nil, err
		}
		if !strings.HasSuffix(u.Path, "/") {
			u.Path += "/"
		}
		c.sources = append(c.sources, simple{c, u})
	}
	return c, nil
}

// Close ends what is under way, and waits for it. The client is not to be used after it.
func (c *Client) Close() error {
	c.end()
	c.work.Wait()
	c.http.CloseIdleConnections()
	return nil
}

// parseSource reads a URL, and keeps its credentials apart from it.
func (c *Client) parseSource(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "file" || u.Scheme != "file" && u.Host == "" || u.Opaque != "" {
		return nil, detailf(ErrSource, "%s is no index: give a URL that begins with https://, http:// or file:///", shownText(s))
	}
	if u.Scheme == "file" && c.o.NoFiles {
		return nil, refused(s)
	}
	c.logins.take(u)
	u.Fragment, u.RawQuery = "", ""
	return u, nil
}

func (c *Client) linkSource(s string) (source, error) {
	if strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://") {
		u, err := c.parseSource(s)
		return linkPage{c, u}, err
	}
	if c.o.NoFiles {
		return nil, refused(s)
	}
	dir := s
	if strings.HasPrefix(s, "file:") {
		var err error
		if dir, err = c.local(s); err != nil {
			return nil, err
		}
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, detailf(ErrSource, "find links in %s: %v", dir, err)
	}
	if !info.IsDir() {
		data, err := readLimited(dir, c.limits.page)
		if err != nil {
			return nil, err
		}
		base := fileURL(dir)
		files, err := parseHTML(data, base, c.limits.files)
		return fixed(files), err
	}
	dir, err = filepath.Abs(dir)
	return folder{c, dir}, err
}

// Project is what all sources have of a package.
type Project struct {
	Name  string // normalized
	Files []File // in the order of the sources; of the same name only the first
}

// Project asks all sources for a package, at once. The error is a [*NotFoundError] if none has it; any other source that fails fails the whole, lest a package
// that it would have had comes from elsewhere.
func (c *Client) Project(ctx context.Context, name string) (*Project, error) {
	name = requirement.Normalize(name)
	c.mu.Lock()
	p := c.projects[name]
	c.mu.Unlock()
	if p != nil {
		return p, nil
	}
	return once(ctx, c, "project "+name, func(ctx context.Context) (*Project, error) {
		p, err := c.project(ctx, name)
		if err == nil {
			c.mu.Lock()
			c.projects[name] = p
			c.mu.Unlock()
		}
		return p, err
	})
}

func (c *Client) project(ctx context.Context, name string) (*Project, error) {
	found := make([][]File, len(c.sources))
	missing := make([]bool, len(c.sources))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(8)
	for i, s := range c.sources {
		g.Go(func() error {
			var err error
			found[i], err = s.files(ctx, name)
			if missing[i] = errors.Is(err, errMissing); missing[i] {
				return nil
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if !slices.Contains(missing, false) || len(c.sources) == 0 {
		return nil, &NotFoundError{Project: name, Sources: c.shownSources(), Offline: c.o.Offline}
	}
	p := &Project{Name: name}
	seen := map[string]bool{}
	for _, files := range found {
		for _, f := range files {
			if f.complete(name) && !seen[f.Name] {
				seen[f.Name] = true
				p.Files = append(p.Files, f)
			}
		}
	}
	if len(p.Files) == 0 && (slices.Contains(missing, true) || len(c.o.Indexes) == 0) {
		return nil, &NotFoundError{Project: name, Sources: c.shownSources(), Offline: c.o.Offline}
	}
	return p, nil
}

func (c *Client) shownSources() (shownSources []string) {
	for _, s := range slices.Concat(c.o.FindLinks, c.o.Indexes) {
		shownSources = append(shownSources, shownText(s))
	}
	return shownSources
}

// once lets those who ask for the same at the same time share one answer. The work goes on when one of them no longer waits, and ends with its own timeouts
// or the client.
func once[T any](ctx context.Context, c *Client, key string, work func(context.Context) (T, error)) (T, error) {
	type answer struct {
		v   T
		err error
	}
	ch := make(chan answer, 1)
	c.work.Go(func() {
		v, err, _ := c.flight.Do(key, func() (any, error) { return work(c.life) })
		t, _ := v.(T)
		ch <- answer{t, err}
	})
	select {
	case a := <-ch:
		return a.v, a.err
	case <-ctx.Done():
		var zero T
		return zero, ctx.Err()
	}
}
