package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/mayfly-faas/mayfly/pyenv/index"
	"github.com/mayfly-faas/mayfly/pyenv/requirement"
	"github.com/mayfly-faas/mayfly/pyenv/site"
	"github.com/mayfly-faas/mayfly/pyenv/wheel"
)

// pipDownloads is how many wheels are fetched at a time.
const pipDownloads = 4

// fetch is a wheel to be had.
type fetch struct {
	file   index.File
	hashes []string // of which it has to have one
}

// sha256 is the digest that the file has to have, "" if only the download tells.
func (f fetch) sha256() string {
	digest := f.file.Hashes["sha256"]
	if raw, err := hex.DecodeString(digest); err != nil || len(raw) != 32 {
		return ""
	}
	if len(f.hashes) > 0 && !slices.Contains(f.hashes, "sha256:"+digest) {
		return "" // the download says what is wrong
	}
	return digest
}

// download fetches wheels into a folder, in their order; those for which skip is true are left out.
func download(ctx context.Context, client *index.Client, wheels []fetch, dir string, status *sharedStatus, skip func(fetch) bool) ([]index.Downloaded, error) {
	got := make([]index.Downloaded, len(wheels))
	var done, total atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(pipDownloads)
	for i, w := range wheels {
		if skip != nil && skip(w) {
			continue
		}
		total.Add(w.file.Size)
		group.Go(func() error {
			before := int64(0)
			var err error
			got[i], err = client.Download(ctx, w.file, dir, index.DownloadOptions{Hashes: w.hashes, Progress: func(n, _ int64) {
				at := done.Add(n - before)
				before = n
				status.show("downloading: %s of %s, %s", size(at), size(max(at, total.Load())), w.file.Name)
			}})
			return err
		})
	}
	return got, group.Wait()
}

// pipItem is a wheel to be installed.
type pipItem struct {
	fetch
	requested bool
	direct    bool // asked for by its URL
}

// pipChange is what is done to an environment.
type pipChange struct {
	install   []pipItem
	remove    []string
	overwrite bool
	byteCode  bool
}

// apply fetches what is not in the store, and changes the environment.
func (p *pipFolders) apply(ctx context.Context, client *index.Client, t *pipTarget, c pipChange, status *sharedStatus) (r site.Result, err error) {
	store := p.store()
	release, err := store.Hold(ctx)
	if err != nil {
		return r, err
	}
	defer release()
	dir, err := os.MkdirTemp("", "mayfly-pip-")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	var wheels []fetch
	for _, item := range c.install {
		wheels = append(wheels, item.fetch)
	}
	got, err := download(ctx, client, wheels, dir, status, func(f fetch) bool {
		_, err := store.Find(f.sha256())
		return f.sha256() != "" && err == nil
	})
	if err != nil {
		return r, err
	}
	change := site.Change{Remove: c.remove}
	for i, item := range c.install {
		to := site.Item{File: got[i].Path, Digest: got[i].SHA256, Requested: item.requested}
		if to.File == "" {
			to.Digest = item.sha256()
		}
		if item.direct {
			to.DirectURL = &site.DirectURL{URL: item.file.URL, Archive: &site.ArchiveInfo{
				Hash: "sha256=" + to.Digest, Hashes: map[string]string{"sha256": to.Digest},
			}}
		}
		change.Install = append(change.Install, to)
	}
	supported := t.supported()
	o := site.Options{Store: store, Supported: &supported, Overwrite: c.overwrite}
	if c.byteCode && len(c.install) > 0 {
		if o.Compiler, o.Interpreter, err = p.compiler(ctx, t); err != nil {
			return r, err
		}
	}
	hint := ""
	if t.base != nil && o.Compiler != nil {
		hint = " (the first time, CPython is compiled, which takes seconds)"
	}
	status.show("installing: %s%s", plural(len(change.Install), "package"), hint)
	return t.Apply(ctx, change, o)
}

// supported are the tags that the target takes.
func (t *pipTarget) supported() wheel.Supported {
	var tags []wheel.Tag
	for _, text := range t.Tags {
		if parts := strings.Split(text, "-"); len(parts) == 3 {
			tags = append(tags, wheel.Tag{Python: parts[0], ABI: parts[1], Platform: parts[2]})
		}
	}
	return wheel.NewSupported(tags)
}

// warnUnmet says which requirements of installed packages are not met after a change.
func (a *app) warnUnmet(ctx context.Context, t *pipTarget) {
	problems, err := t.Check(ctx, t.evaluate)
	if err != nil {
		return // it was changed all the same
	}
	for _, p := range problems {
		a.note("%s", p)
	}
}

// note tells the user what they may wonder about.
func (a *app) note(format string, args ...any) {
	fmt.Fprintln(a.stderr, "mayfly:", printable(fmt.Sprintf(format, args...)))
}

// showChange lists what was done.
func (a *app) showChange(r site.Result, asJSON bool) error {
	if asJSON {
		return writeJSON(a.stdout, map[string]any{"installed": pipPackages(r.Installed), "removed": pipPackages(r.Removed)})
	}
	for _, list := range []struct {
		sign     string
		packages []site.Distribution
	}{{"-", r.Removed}, {"+", r.Installed}} {
		for _, d := range list.packages {
			if _, err := fmt.Fprintf(a.stdout, "%s %s %s\n", list.sign, requirement.Normalize(d.Name), printable(d.Version)); err != nil {
				return err
			}
		}
	}
	return nil
}

func fileURL(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}
