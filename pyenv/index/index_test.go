package index

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/mayfly-faas/mayfly/pyenv/index/indextest"
	"github.com/mayfly-faas/mayfly/pyenv/requirement"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal(t testing.TB, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// wantError checks what the user reads, and what a caller can ask; and that no password is read.
func wantError(t testing.TB, err, is error, text string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %v: %s", is, text)
	}
	if !errors.Is(err, is) {
		t.Errorf("%v is not %v", err, is)
	}
	if !strings.Contains(err.Error(), text) {
		t.Errorf("error is\n\t%s\nwithout\n\t%s", err, text)
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("the error has the password: %v", err)
	}
}

// open is a client that does not wait between attempts, and has no netrc but the one in o.
func open(t testing.TB, o Options) *Client {
	t.Helper()
	if o.Netrc == "" {
		o.Netrc = file(t, "netrc", "")
	}
	c, err := New(o)
	check(t, err)
	c.pause = func(context.Context, time.Duration) error { return nil }
	t.Cleanup(func() { check(t, c.Close()) })
	return c
}

func file(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	check(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

var (
	flask = indextest.Wheel{Name: "Flask", Version: "3.0.0", Requires: []string{"click>=8", "asgiref>=3; extra == 'async'"}, RequiresPython: ">=3.8", Extras: []string{"async"}}
	click = indextest.Wheel{Name: "click", Version: "8.1"}
)

func TestHTMLAndJSONSayTheSame(t *testing.T) {
	yanked := indextest.Wheel{Name: "flask", Version: "2.9"}.File()
	yanked.Yanked, yanked.YankedReason = true, "broken & wrong"
	server := indextest.Serve(t, flask.File(), yanked, indextest.File{Name: "flask-3.0.0.tar.gz", Data: []byte("x")}, indextest.File{Name: "flask-x.exe"})
	var projects [2]*Project
	for i := range projects {
		server.JSON = i == 1
		c := open(t, Options{Indexes: []string{server.Simple()}})
		var err error
		projects[i], err = c.Project(t.Context(), "FLASK")
		check(t, err)
		for j := range projects[i].Files {
			projects[i].Files[j].Size = 0 // HTML does not say
		}
	}
	if diff := cmp.Diff(projects[0], projects[1], cmp.AllowUnexported(File{}), cmp.Comparer(func(a, b interface{ String() string }) bool { return a.String() == b.String() })); diff != "" {
		t.Errorf("-html +json:\n%s", diff)
	}
	var got []string
	for _, f := range projects[1].Files {
		s := f.Name + " " + f.Version.String() + " " + f.RequiresPython.String()
		if f.Yanked {
			s += " yanked: " + f.YankedReason
		}
		got = append(got, s)
	}
	equal(t, got, []string{"Flask-3.0.0-py3-none-any.whl 3.0.0 >=3.8", "flask-2.9-py3-none-any.whl 2.9  yanked: broken & wrong", "flask-3.0.0.tar.gz 3.0.0 ", "flask-x.exe  "})
}

func TestMetadataComesFromWhereItIsCheapest(t *testing.T) {
	beside, inside, whole := flask.File(), flask.File(), flask.File()
	inside.Metadata, whole.Metadata = nil, nil
	inside.Data = append(slices.Clip([]byte(strings.Repeat("x", 300<<10))), inside.Data...) // a zip may begin with anything
	for name, c := range map[string]struct {
		file     indextest.File
		requests []string
		noRanges bool
	}{
		"separate": {beside, []string{"/simple/flask/", "/files/Flask-3.0.0-py3-none-any.whl.metadata"}, false},
		"ranges":   {inside, []string{"/simple/flask/", "/files/Flask-3.0.0-py3-none-any.whl", "/files/Flask-3.0.0-py3-none-any.whl"}, false},
		"whole":    {whole, []string{"/simple/flask/", "/files/Flask-3.0.0-py3-none-any.whl", "/files/Flask-3.0.0-py3-none-any.whl"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			server := indextest.Serve(t, c.file)
			if c.noRanges {
				server.Use(func(w http.ResponseWriter, r *http.Request) {
					r.Header.Del("Range")
					server.Answer(w, r)
				})
			}
			client := open(t, Options{Indexes: []string{server.Simple()}})
			p, err := client.Project(t.Context(), "flask")
			check(t, err)
			m, err := client.Metadata(t.Context(), p.Files[0])
			check(t, err)
			equal(t, m.Name+" "+m.Version.String()+" "+m.RequiresPython.String(), "Flask 3.0.0 >=3.8")
			equal(t, len(m.RequiresDist), 2)
			equal(t, m.ProvidesExtra, []string{"async"})
			equal(t, server.Requests(), c.requests)
			d, err := client.Download(t.Context(), p.Files[0], t.TempDir(), DownloadOptions{})
			check(t, err)
			equal(t, d.Size, int64(len(c.file.Data)))
		})
	}
}

func TestPagesAndMetadataAreKept(t *testing.T) {
	server := indextest.Serve(t, flask.File())
	o := Options{Indexes: []string{server.Simple()}, CacheDir: t.TempDir()}
	for range 2 {
		c := open(t, o)
		p, err := c.Project(t.Context(), "flask")
		check(t, err)
		_, err = c.Metadata(t.Context(), p.Files[0])
		check(t, err)
	}
	equal(t, server.Requests(), []string{"/simple/flask/", "/files/Flask-3.0.0-py3-none-any.whl.metadata", "304 /simple/flask/"})

	server.Close()
	o.Offline = true
	c := open(t, o)
	p, err := c.Project(t.Context(), "flask")
	check(t, err)
	_, err = c.Metadata(t.Context(), p.Files[0])
	check(t, err)
	_, err = c.Project(t.Context(), "click")
	wantError(t, err, ErrNotFound, `no package "click" is kept from `+server.Simple()+": go online once")
	_, err = c.Download(t.Context(), p.Files[0], t.TempDir(), DownloadOptions{})
	wantError(t, err, ErrOffline, "would have to be fetched, and this is offline")
}

func TestFoldersAndFileIndexes(t *testing.T) {
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, flask.Filename()), flask.Bytes(), 0o644))
	check(t, os.MkdirAll(filepath.Join(dir, "simple", "click"), 0o755))
	check(t, os.WriteFile(filepath.Join(dir, click.Filename()), click.Bytes(), 0o644))
	check(t, os.WriteFile(filepath.Join(dir, "simple", "click", "index.html"), []byte(`<a href="../../`+click.Filename()+`">x</a>`), 0o644))
	for _, o := range []Options{
		{FindLinks: []string{dir}, NoIndex: true},
		{FindLinks: []string{"file://" + dir}, Indexes: []string{"file://" + dir + "/simple"}},
	} {
		c := open(t, o)
		for _, name := range []string{"flask", "click"} {
			p, err := c.Project(t.Context(), name)
			check(t, err)
			m, err := c.Metadata(t.Context(), p.Files[0])
			check(t, err)
			d, err := c.Download(t.Context(), p.Files[0], t.TempDir(), DownloadOptions{})
			check(t, err)
			if !strings.EqualFold(m.Name, name) || len(d.SHA256) != 64 {
				t.Errorf("%s: got %+v, %+v", name, m, d)
			}
		}
	}
	c := open(t, Options{FindLinks: []string{dir}, NoIndex: true})
	p, err := c.Project(t.Context(), "nothing")
	if err == nil && len(p.Files) > 0 {
		t.Errorf("got %v", p.Files)
	}
	_, err = New(Options{FindLinks: []string{filepath.Join(dir, "missing")}, Netrc: file(t, "netrc", "")})
	wantError(t, err, ErrSource, "find links in "+dir)
}

func TestRequirementsFilesNameSources(t *testing.T) {
	for _, c := range []struct {
		have Options
		file requirement.Options
		want []string
	}{
		{Options{}, requirement.Options{}, nil},
		{Options{}, requirement.Options{IndexURL: "a"}, []string{"a"}},
		{Options{}, requirement.Options{ExtraIndexURLs: []string{"b"}}, []string{PyPI, "b"}},
		{Options{Indexes: []string{"x", "y"}}, requirement.Options{IndexURL: "a", ExtraIndexURLs: []string{"b"}}, []string{"a", "y", "b"}},
	} {
		equal(t, c.have.With(c.file).Indexes, c.want)
	}
}

// Real wheels, where Debian's python3-pip-whl or -setuptools-whl is there.
func TestRealWheels(t *testing.T) {
	found, _ := filepath.Glob("/usr/share/python-wheels/*.whl")
	if len(found) == 0 {
		t.Skip("no wheels here")
	}
	c := open(t, Options{FindLinks: []string{"/usr/share/python-wheels"}, NoIndex: true})
	for _, path := range found {
		w, err := ParseWheelName(filepath.Base(path))
		check(t, err)
		p, err := c.Project(t.Context(), w.Project)
		check(t, err)
		m, err := c.Metadata(t.Context(), p.Files[0])
		check(t, err)
		if _, err := c.Download(t.Context(), p.Files[0], t.TempDir(), DownloadOptions{}); err != nil || m.Version.Compare(w.Version) != 0 {
			t.Errorf("%s: %+v, %v", path, m, err)
		}
	}
}

func TestTheFirstIndexWins(t *testing.T) {
	a, b := indextest.Serve(t, flask.File()), indextest.Serve(t, flask.File(), indextest.Wheel{Name: "flask", Version: "4"}.File())
	c := open(t, Options{Indexes: []string{a.Simple(), b.Simple()}})
	p, err := c.Project(t.Context(), "flask")
	check(t, err)
	var got []string
	for _, f := range p.Files {
		got = append(got, f.Name+" "+strings.NewReplacer(a.URL, "A", b.URL, "B").Replace(f.Index))
	}
	equal(t, got, []string{"Flask-3.0.0-py3-none-any.whl A/simple/flask/", "flask-4-py3-none-any.whl B/simple/flask/"})
}

func TestCredentials(t *testing.T) {
	server := indextest.Serve(t, flask.File())
	var users []string
	server.Use(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if users = append(users, user); password != "secret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		server.Answer(w, r)
	})
	for name, o := range map[string]Options{
		"url":     {Indexes: []string{strings.Replace(server.Simple(), "http://", "http://me:secret@", 1)}},
		"netrc":   {Indexes: []string{server.Simple()}, Netrc: file(t, "netrc", "machine 127.0.0.1\n login me password secret # x\n")},
		"default": {Indexes: []string{server.Simple()}, Netrc: file(t, "netrc", "machine other login x password y default login me password \"secret\"")},
	} {
		t.Run(name, func(t *testing.T) {
			users = nil
			c := open(t, o)
			p, err := c.Project(t.Context(), "flask")
			check(t, err)
			_, err = c.Download(t.Context(), p.Files[0], t.TempDir(), DownloadOptions{})
			check(t, err)
			equal(t, users, []string{"me", "me"})
			if strings.Contains(p.Files[0].URL+p.Files[0].Index, "secret") {
				t.Errorf("got %+v", p.Files[0])
			}
			_, err = c.Project(t.Context(), "missing")
			wantError(t, err, ErrNotFound, `no package "missing" in `+server.Simple())
		})
	}
	c := open(t, Options{Indexes: []string{strings.Replace(server.Simple(), "http://", "http://me:secret2@", 1)}})
	_, err := c.Project(t.Context(), "flask")
	wantError(t, err, ErrCredentials, "the server answers 401 Unauthorized: put credentials for 127.0.0.1 into ~/.netrc")
	_, err = New(Options{Netrc: file(t, "netrc", "machine x login secret password")})
	wantError(t, err, ErrSource, "is no netrc")
	for _, bad := range []string{"https://me:secret@%zz", "ftp://me:secret@host/", "me:secret"} {
		_, err = New(Options{Indexes: []string{bad}, Netrc: file(t, "netrc", "")})
		wantError(t, err, ErrSource, "is no index: give a URL")
	}
}

func TestBusyServersAreAskedAgain(t *testing.T) {
	server := indextest.Serve(t, flask.File())
	var answers []string
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(answers) == 0 {
			server.Answer(w, r)
			return
		}
		answer := answers[0]
		answers = answers[1:]
		switch answer {
		case "503":
			w.WriteHeader(503)
		case "429":
			w.Header().Set("Retry-After", "3")
			w.WriteHeader(429)
		case "later":
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(429)
		case "break":
			w.Header().Set("Content-Length", "1000")
			w.Write([]byte("<a"))
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
	})
	server.Use(handler)
	var pauses []time.Duration
	ask := func(script ...string) error {
		answers, pauses = script, nil
		c := open(t, Options{Indexes: []string{server.Simple()}})
		c.pause = func(_ context.Context, d time.Duration) error { pauses = append(pauses, d); return nil }
		_, err := c.Project(t.Context(), "flask")
		return err
	}
	check(t, ask("503", "429", "break"))
	if len(pauses) != 3 || pauses[0] > time.Second || pauses[1] != 3*time.Second {
		t.Errorf("pauses are %v", pauses)
	}
	wantError(t, ask("503", "503", "503", "503"), ErrUnavailable, "flask/: the server answers 503 Service Unavailable (asked 4 times)")
	wantError(t, ask("later"), ErrUnavailable, "the server answers 429 Too Many Requests, and is to be asked again in 1h0m0s only")
}

func TestWheelNames(t *testing.T) {
	w, err := ParseWheelName("Foo_Bar-1.0+local.1-2x-py2.py3-none-any.whl")
	check(t, err)
	equal(t, w.Project+" "+w.Version.String()+" "+w.Build+" "+strings.Join(w.Tags, ","), "foo-bar 1.0+local.1 2x py2-none-any,py3-none-any")
	for _, bad := range []string{
		"x.whl", "x-1.tar.gz", "../x-1-py3-none-any.whl", "x-1-a-py3-none-any.whl", "x-one-py3-none-any.whl", "x-1-py3-none-any.whl\x00", "-1-py3-none-any.whl", "..-1-py3-none-any.whl",
		"x-1-" + strings.Repeat("a.", 100) + "a-" + strings.Repeat("b.", 100) + "b-any.whl",
	} {
		_, err := ParseWheelName(bad)
		wantError(t, err, ErrMetadata, "is no name of a wheel")
	}
}

func TestSdistNames(t *testing.T) {
	for name, want := range map[string]string{"a-b-1.0.tar.gz": "1.0", "a_b-2.zip": "2", "a.b-c-1.0.tar.gz": "", "a-b.tar.gz": ""} {
		f := File{Name: name}
		f.complete("a-b")
		if f.Version.String() != want {
			t.Errorf("%s: got %s, want %s", name, f.Version, want)
		}
	}
}

// allocated is what f allocates, in bytes.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
