package pyenv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// obtain gets the build at InstallOptions.From.
func (in *installer) obtain(ctx context.Context) (build, error) {
	from := in.o.From
	if !strings.Contains(from, "://") {
		path, err := filepath.Abs(from)
		if err != nil {
			return build{}, err
		}
		return in.unpack(ctx, path, path)
	}
	u, err := url.Parse(from)
	if err != nil {
		// The parser's own text repeats the URL, and with it any password.
		return build{}, detailf(ErrSource, "the URL to install from cannot be parsed: write it as https://HOST/PATH")
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return build{}, detailf(ErrSource, "%s cannot be fetched: give a path, or a URL that begins with https:// or http://", shown(u))
	}
	file := filepath.Join(in.stage, "download")
	if err := in.download(ctx, u, file); err != nil {
		return build{}, fmt.Errorf("fetch %s: %w", shown(u), err)
	}
	return in.unpack(ctx, file, shown(u))
}

// shown is the URL without what may be a secret: user and password, and the query, where signed URLs have their tokens.
func shown(u *url.URL) string {
	s := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	return s.String()
}

// download writes what u answers to a new file. Only ctx limits how long it takes once the server has begun to answer.
func (in *installer) download(ctx context.Context, u *url.URL, file string) error {
	client := http.Client{
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			TLSHandshakeTimeout:   30 * time.Second,
			ResponseHeaderTimeout: time.Minute,
			ForceAttemptHTTP2:     true,
			DisableKeepAlives:     true, // one request: no connection outlives it
			DisableCompression:    true, // a .tar.gz is to arrive as one
		},
		CheckRedirect: checkRedirect,
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return withoutURL(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return withoutURL(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the server answered %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	if resp.ContentLength > in.limits.download {
		return in.tooLong()
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	in.report("fetch", 0, max(resp.ContentLength, 0))
	w := &progressWriter{w: f, report: func(done int64) { in.report("fetch", done, max(resp.ContentLength, 0)) }}
	n, err := io.Copy(w, io.LimitReader(resp.Body, in.limits.download+1))
	if err == nil && n > in.limits.download {
		err = in.tooLong()
	}
	if err == nil {
		in.report("fetch", n, n)
	}
	return errors.Join(err, f.Close())
}

func (in *installer) tooLong() error {
	return detailf(ErrSource, "the answer is longer than %d bytes: not a CPython build", in.limits.download)
}

func checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) >= 10 {
		return errors.New("more than 10 redirects")
	}
	if via[0].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return errors.New("redirected from https to http: refused")
	}
	return nil
}

// withoutURL takes away what net/http says first: the URL, which may be a redirect's, with a token in its query.
func withoutURL(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// progressWriter reports each further megabyte, and not each write.
type progressWriter struct {
	w          io.Writer
	report     func(done int64)
	done, last int64
}

func (p *progressWriter) Write(b []byte) (int, error) {
	n, err := p.w.Write(b)
	p.done += int64(n)
	if p.done-p.last >= 1<<20 {
		p.last = p.done
		p.report(p.done)
	}
	return n, err
}
