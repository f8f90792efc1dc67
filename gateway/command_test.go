package gateway_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mayfly-faas/mayfly/runtime/runtimetest"
)

func TestGoProgramWithNetHTTPCGIServes(t *testing.T) {
	s := start(t, config{})
	s.deploy("cgi", runtimetest.GoCommand(t, `package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cgi"
	"os"
)

func main() {
	cgi.Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch r.URL.Query().Get("do") {
		case "redirect":
			http.Redirect(w, r, "https://example.com/there", http.StatusFound)
			return
		case "teapot":
			w.WriteHeader(http.StatusTeapot)
		case "exit":
			fmt.Fprintln(os.Stderr, "giving up")
			os.Exit(9)
		}
		w.Header()["X-Two"] = []string{"1", "2"}
		fmt.Fprintf(w, "%s %s %s %q %q %s %v", r.Method, r.Host, r.URL.Path, body, r.Header["X-Multi"], r.Header.Get("Proxy"), os.Args[1:])
	}))
}
`))
	host := strings.TrimPrefix(s.url, "http://")
	a := s.send("POST", "/fn/cgi/a/b?x=1&y=%C3%BC", "the body", "X-Multi: 1", "X-Multi: 2", "Proxy: evil")
	if want := "POST " + host + ` /fn/cgi/a/b "the body" ["1, 2"]  [x=1 y=ü]`; a.status != 200 || a.body != want {
		t.Errorf("got %d %q, want %q", a.status, a.body, want)
	}
	if diff := cmp.Diff([]string{"1", "2"}, a.header["X-Two"]); diff != "" {
		t.Errorf("X-Two (-want +got):\n%s", diff)
	}
	if a := s.send("GET", "/fn/cgi?do=teapot", ""); a.status != 418 {
		t.Errorf("Status: %d", a.status)
	}
	if a := s.send("GET", "/fn/cgi?do=redirect", ""); a.status != 302 || a.header.Get("Location") != "https://example.com/there" {
		t.Errorf("Location: %d %q", a.status, a.header.Get("Location"))
	}
	a = s.send("GET", "/fn/cgi?do=exit", "")
	if a.status != 502 || !strings.Contains(a.body, "exit code 9") {
		t.Errorf("exit code: %d %s", a.status, a.body)
	}
	if logs := s.send("GET", "/v1/functions/cgi/logs", "").body; !strings.Contains(logs, `"stream":"stderr","text":"giving up"`) {
		t.Errorf("stderr is not in the log: %s", logs)
	}
}
