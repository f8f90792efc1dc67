package pyenv

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
)

func serve(t *testing.T, answer http.HandlerFunc) *url.URL {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	check(t, err)
	return u
}

func TestInstallFromURLKeepsItsSecrets(t *testing.T) {
	archive, err := os.ReadFile(tgz(t, entry{"python.wasm", module("x"), 0}))
	check(t, err)
	var user, password, query string
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/final.tgz" {
			http.Redirect(w, r, "/final.tgz?token=hidden3", http.StatusFound)
			return
		}
		user, password, _ = r.BasicAuth()
		query = r.URL.RawQuery
		w.Write(archive)
	})
	source := "http://" + u.Host + "/a/python.tgz"
	u.Path, u.User, u.RawQuery = "/a/python.tgz", url.UserPassword("hidden1", "hidden2"), "token=hidden0"

	b := bases(t)
	var last Progress
	base, err := b.Install(t.Context(), InstallOptions{From: u.String(), Prober: says("3.12.0"), Progress: func(p Progress) {
		if p.Stage == "fetch" {
			last = p
		}
	}})
	check(t, err)
	equal(t, base.Source, source)
	equal(t, []string{user, password, query}, []string{"hidden1", "hidden2", "token=hidden3"})
	equal(t, last, Progress{"fetch", int64(len(archive)), int64(len(archive))})
	data, err := os.ReadFile(base.Dir + "/" + baseName)
	check(t, err)
	if strings.Contains(string(data), "hidden") {
		t.Errorf("base.json has a secret: %s", data)
	}
}

func TestURLErrorsSayWhereWithoutSecrets(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		from   string // instead of answer
		is     error
		text   string
	}{
		"not found": {http.NotFound, "", nil, "/python.tgz: the server answered 404 Not Found"},
		"a page": {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") }, "", ErrSource,
			`/python.tgz is neither a .tar.gz nor a .zip nor a WebAssembly module (by its first bytes, "<html>")`},
		"declares too much": {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "2000") }, "", ErrSource,
			"/python.tgz: the answer is longer than 1000 bytes: not a CPython build"},
		"streams too much": {func(w http.ResponseWriter, _ *http.Request) {
			w.(http.Flusher).Flush()
			w.Write(make([]byte, 2000))
		}, "", ErrSource, "/python.tgz: the answer is longer than 1000 bytes: not a CPython build"},
		"cut off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "900")
			w.Write(make([]byte, 20))
		}, "", io.ErrUnexpectedEOF, "/python.tgz: unexpected EOF"},
		"redirects to nowhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, strings.Replace(closed.URL, "://", "://hidden4:hidden5@", 1)+"/?hidden6", http.StatusFound)
		}, "", nil, "dial tcp"},
		"redirects for ever": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/?hidden7", http.StatusFound) }, "", nil,
			"more than 10 redirects"},
		"another scheme": {nil, "ftp://hidden1:hidden2@host/x.tgz?hidden3", ErrSource,
			"ftp://host/x.tgz cannot be fetched: give a path, or a URL that begins with https:// or http://"},
		"no host":   {nil, "https:///x.tgz", ErrSource, "https:///x.tgz cannot be fetched"},
		"not a URL": {nil, "https://hidden1:hid%den2@host:port/", ErrSource, "the URL to install from cannot be parsed"},
	} {
		t.Run(name, func(t *testing.T) {
			from := c.from
			if c.answer != nil {
				u := serve(t, c.answer)
				u.Path, u.User, u.RawQuery = "/python.tgz", url.UserPassword("hidden1", "hidden2"), "hidden3"
				from = u.String()
			}
			b := bases(t)
			in := &installer{bases: b, o: InstallOptions{From: from, Version: "3.12.0"}, limits: defaultLimits}
			in.limits.download = 1000
			_, err := in.install(t.Context())
			wantError(t, err, c.is, c.text)
			if strings.Contains(err.Error(), "hid") {
				t.Errorf("the error shows a secret: %v", err)
			}
			wantEmpty(t, b.Dir)
		})
	}
}

func TestRedirectToPlainHTTPIsRefused(t *testing.T) {
	request := func(u string) *http.Request {
		r, err := http.NewRequest(http.MethodGet, u, nil)
		check(t, err)
		return r
	}
	err := checkRedirect(request("http://b/"), []*http.Request{request("https://a/")})
	wantError(t, err, nil, "redirected from https to http: refused")
	check(t, checkRedirect(request("https://b/"), []*http.Request{request("http://a/")}))
}

func TestCancelledDownloadEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte("\x1f\x8b"))
		w.(http.Flusher).Flush()
		cancel()
		<-r.Context().Done()
	})
	b := bases(t)
	_, err := b.Install(ctx, InstallOptions{From: u.String(), Version: "3.12.0"})
	wantError(t, err, context.Canceled, "fetch http://")
	wantEmpty(t, b.Dir)
}
