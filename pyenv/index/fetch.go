package index

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"
)

const (
	maxRedirects = 10
	idleTimeout  = 30 * time.Second // without a byte of the body
	maxPause     = 30 * time.Second // that a Retry-After is waited for
)

// request is one thing to ask a server for.
type request struct {
	url     string
	header  http.Header
	limit   int64 // bytes of the body
	timeout time.Duration
}

// errBody marks an error of the network while the body was read: asking again may help.
type errBody struct{ error }

func (e errBody) Unwrap() error { return e.error }

// fetch asks until use has the answer, which is 200, 206 or 304. Whatever use has done with an answer that broke off, it is called again for the next. Errors
// name the URL, without what may be secret.
func (c *Client) fetch(ctx context.Context, r request, use func(*http.Response, io.Reader) error) error {
	u, err := url.Parse(r.url)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return detailf(ErrIndex, "%s cannot be fetched: it is neither http nor https", shownText(r.url))
	}
	if c.o.Offline {
		return detailf(ErrOffline, "%s would have to be fetched, and this is offline", shown(u))
	}
	var last error
	for attempt := range c.o.Attempts {
		if attempt > 0 {
			wait := time.Duration(float64(250*time.Millisecond<<(attempt-1)) * (0.5 + rand.Float64()))
			var busy *busyError
			if errors.As(last, &busy) && busy.after > 0 {
				if wait = busy.after; wait > maxPause {
					return detailf(ErrUnavailable, "fetch %s: %v, and is to be asked again in %v only", shown(u), last, wait.Round(time.Second))
				}
			}
			if err := c.pause(ctx, wait); err != nil {
				return err
			}
		}
		if last = c.attempt(ctx, u, r, use); last == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var broken errBody
		var busy *busyError
		if !errors.As(last, &broken) && !errors.As(last, &busy) {
			return fmt.Errorf("fetch %s: %w", shown(u), last)
		}
	}
	return detailf(ErrUnavailable, "fetch %s: %v (asked %d times)", shown(u), last, c.o.Attempts)
}

// busyError is an answer after which a server may be asked again.
type busyError struct {
	status int
	after  time.Duration
}

func (e *busyError) Error() string {
	return fmt.Sprintf("the server answers %d %s", e.status, http.StatusText(e.status))
}

func (c *Client) attempt(ctx context.Context, u *url.URL, r request, use func(*http.Response, io.Reader) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, r.timeout, fmt.Errorf("the answer takes longer than %v", r.timeout))
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return withoutURL(err)
	}
	for k, v := range r.header {
		req.Header[k] = v
	}
	req.Header.Set("User-Agent", c.o.UserAgent)
	c.logins.set(req)
	resp, err := c.http.Do(req)
	if err != nil {
		if err = withoutURL(err); errors.Is(err, ErrRedirect) || errors.Is(err, ErrIndex) {
			return err
		}
		if certificate := (*tls.CertificateVerificationError)(nil); errors.As(err, &certificate) {
			return detailf(ErrUnavailable, "%v: asking again would not help", err)
		}
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return errBody{err}
	}
	defer resp.Body.Close()
	switch code := resp.StatusCode; {
	case code == http.StatusOK || code == http.StatusPartialContent || code == http.StatusNotModified:
	case code == http.StatusNotFound || code == http.StatusGone:
		return errMissing
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return detailf(ErrCredentials, "the server answers %d %s: put credentials for %s into ~/.netrc, or into the index's URL", code, http.StatusText(code), resp.Request.URL.Hostname())
	case code == http.StatusTooManyRequests || code >= 500 && code != http.StatusNotImplemented:
		return &busyError{code, retryAfter(resp.Header.Get("Retry-After"), time.Now())}
	default:
		return &statusError{code}
	}
	if resp.ContentLength > r.limit {
		return tooLarge(r.limit)
	}
	timer := time.AfterFunc(idleTimeout, func() { stop(fmt.Errorf("no byte came for %v", idleTimeout)) })
	defer timer.Stop()
	return use(resp, &body{ctx: ctx, r: resp.Body, left: r.limit, limit: r.limit, timer: timer})
}

// statusError is an answer that says no.
type statusError struct{ status int }

func (e *statusError) Error() string {
	return fmt.Sprintf("the server answers %d %s", e.status, http.StatusText(e.status))
}

func (e *statusError) Is(target error) bool { return target == ErrIndex }

func tooLarge(limit int64) error {
	return detailf(ErrTooLarge, "the answer is longer than %d bytes", limit)
}

// body reads an answer as far as it may go.
type body struct {
	ctx         context.Context
	r           io.Reader
	left, limit int64
	timer       *time.Timer
}

func (b *body) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.r.Read(p)
	if n > 0 {
		b.timer.Reset(idleTimeout)
	}
	if b.left -= int64(n); b.left < 0 {
		return 0, tooLarge(b.limit)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		if cause := context.Cause(b.ctx); cause != nil {
			err = cause
		}
		err = errBody{err}
	}
	return n, err
}

// retryAfter reads seconds or a date. It is 0 for neither.
func retryAfter(s string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(s, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(s); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func checkRedirect(req *http.Request, via []*http.Request) error {
	switch {
	case len(via) >= maxRedirects:
		return detailf(ErrRedirect, "redirected more than %d times", maxRedirects)
	case req.URL.Scheme != "http" && req.URL.Scheme != "https":
		return detailf(ErrRedirect, "redirected to a %.20q URL: refused", req.URL.Scheme)
	case via[len(via)-1].URL.Scheme == "https" && req.URL.Scheme == "http":
		return detailf(ErrRedirect, "redirected from https to http: refused")
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

func readLimited(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, fmt.Errorf("%s is a folder", name)
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = detailf(ErrTooLarge, "%s is longer than %d bytes", name, limit)
	}
	return data, err
}
