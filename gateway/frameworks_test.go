//go:build !race

// With the race detector, importing a framework from its sources takes minutes.
package gateway_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mayfly-faas/mayfly/runtime/runtimetest"
)

// frameworks are those that have an example under examples/python, with the packages that they are made of.
var frameworks = map[string]struct {
	debs     string
	packages []string
}{
	"bottle":    {"python3-bottle", []string{"bottle"}},
	"flask":     {"python3-flask", []string{"flask", "werkzeug", "jinja2", "markupsafe", "click", "itsdangerous"}},
	"django":    {"python3-django", []string{"django", "asgiref", "sqlparse", "pytz"}},
	"starlette": {"python3-starlette python3-multipart", []string{"starlette", "anyio", "sniffio", "idna", "multipart", "six", "typing_extensions"}},
	"fastapi":   {"python3-fastapi python3-multipart", []string{"fastapi", "pydantic", "starlette", "anyio", "sniffio", "idna", "multipart", "six", "typing_extensions"}},
}

// deployFramework deploys an example with the packages that it needs.
func deployFramework(s *server, t *testing.T, name string) {
	t.Helper()
	files := runtimetest.Packages(t, frameworks[name].debs, frameworks[name].packages...)
	maps.Copy(files, runtimetest.Folder(t, filepath.Join("..", "examples", "python", name)))
	delete(files, "requirements.txt") // what it asks for is there, though without its metadata
	s.deploy(name, runtimetest.Zip(t, files))
}

// TestFrameworksServeTheirExamples sends the same requests to each framework's example, and wants the same answers.
func TestFrameworksServeTheirExamples(t *testing.T) {
	for name := range frameworks {
		t.Run(name, func(t *testing.T) {
			s := start(t, config{})
			deployFramework(s, t, name)
			for range 2 { // in a sandbox that has just made the image, and in one that was brought back
				checkFramework(t, s, "/fn/"+name)
			}
			if name == "django" {
				checkDatabase(t, s, "/fn/django/items")
			}
			logs := s.send("GET", "/v1/functions/"+name+"/logs", "").body
			if !strings.Contains(logs, "ValueError: this is on purpose") {
				t.Errorf("the log has no traceback of what failed:\n%s", logs)
			}
		})
	}
}

func checkFramework(t *testing.T, s *server, at string) {
	t.Helper()
	const (
		form   = "Content-Type: application/x-www-form-urlencoded"
		isJSON = "Content-Type: application/json"
		upload = "Content-Type: multipart/form-data; boundary=xyz"
	)
	file := "--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\n" + strings.Repeat("0123456789\n", 20_000) + "\r\n--xyz--\r\n"
	for _, tc := range []struct {
		method, path, body string
		header             string
		status             int
		want               string
	}{
		{"GET", "/", "", "", 200, "<h1>Hello, world!</h1>"},
		{"GET", "/?name=Gr%C3%BC%C3%9Fe", "", "", 200, "<h1>Hello, Grüße!</h1>"},
		{"HEAD", "/", "", "", 200, ""},
		{"POST", "/form", "name=Ada&likes=tea&likes=l%C3%B6ve", form, 200, "Ada likes tea, löve"},
		{"POST", "/upload", file, upload, 200, "a.txt has 220000 bytes"},
		{"GET", "/stream", "", "", 200, "part 0\npart 1\npart 2\n"},
		{"GET", "/static/style.css", "", "", 200, "h1 { color: teal; }\n"},
		{"GET", "/static/../main.py", "", "", 404, ""},
		{"GET", "/static/none.css", "", "", 404, ""},
		{"GET", "/nowhere", "", "", 404, "there is nothing at /nowhere"},
		{"GET", "/form", "", "", 405, ""},
		{"GET", "/cookie", "", "", 200, "visit 1"},
		{"GET", "/cookie", "", "Cookie: visits=41", 200, "visit 42"},
	} {
		if tc.method == "HEAD" && strings.HasSuffix(at, "fastapi") {
			continue // FastAPI answers HEAD only where it is asked to
		}
		a := s.send(tc.method, at+tc.path, tc.body, tc.header)
		if strings.Contains(tc.path, "..") && (a.status == http.StatusForbidden || a.status == http.StatusBadRequest) {
			continue // which are as good answers
		}
		if a.status != tc.status || tc.want != "" && a.body != tc.want {
			t.Errorf("%s %s: %d %q, want %d %q", tc.method, tc.path, a.status, a.body, tc.status, tc.want)
		}
		if tc.path == "/cookie" {
			var names []string
			for _, c := range (&http.Response{Header: a.header}).Cookies() {
				names = append(names, c.Name)
			}
			if diff := cmp.Diff([]string{"visits", "theme"}, names); diff != "" {
				t.Errorf("%s: cookies (-want +got):\n%s", tc.path, diff)
			}
		}
		if tc.path == "/static/style.css" && !strings.HasPrefix(a.header.Get("Content-Type"), "text/css") {
			t.Errorf("%s: Content-Type %q", tc.path, a.header.Get("Content-Type"))
		}
	}
	a := s.send("POST", at+"/json", `{"numbers": [1, 2, 39]}`, isJSON)
	var sum struct{ Sum int }
	if err := json.Unmarshal([]byte(a.body), &sum); err != nil || a.status != 200 || sum.Sum != 42 || !strings.HasPrefix(a.header.Get("Content-Type"), "application/json") {
		t.Errorf("/json: %d %q, %v", a.status, a.body, err)
	}
	if a := s.send("GET", at+"/error", ""); a.status != 500 || strings.Contains(a.body, "on purpose") {
		t.Errorf("/error: %d %s, want the framework's own page of status 500", a.status, a.body)
	}
}

// checkDatabase has a request change the database in /tmp, which the next one does not see.
func checkDatabase(t *testing.T, s *server, at string) {
	t.Helper()
	const tea, both = `{"items": [["tea", 3]]}`, `{"items": [["milk", 2], ["tea", 3]]}`
	for _, tc := range []struct{ method, body, want string }{{"GET", "", tea}, {"POST", "name=milk&price=2", both}, {"GET", "", tea}} {
		a := s.send(tc.method, at, tc.body, "Content-Type: application/x-www-form-urlencoded")
		if a.status != 200 || a.body != tc.want {
			t.Errorf("%s: %d %s, want %s", tc.method, a.status, a.body, tc.want)
		}
	}
}
