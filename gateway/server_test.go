package gateway_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mayfly-faas/mayfly/gateway"
	"github.com/mayfly-faas/mayfly/runtime"
	"github.com/mayfly-faas/mayfly/runtime/runtimetest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// fasthttp keeps the time of its Date header by a goroutine for the life of the program.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		// Its pool of workers sees only between two sleeps of ten seconds that it has been stopped.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
	)
}

// server is a running server, on a loopback port of its own.
type server struct {
	t       testing.TB
	url     string
	runtime *runtime.Runtime
	gateway *gateway.Server
	served  chan error
	client  *http.Client
	stopped bool
}

type config struct {
	runtime runtime.Options
	gateway gateway.Options
}

func start(t testing.TB, c config) *server {
	t.Helper()
	if c.runtime.DataDir == "" {
		c.runtime.DataDir = runtimetest.DataDir(t)
	}
	c.runtime.Logger = slog.New(slog.DiscardHandler)
	rt, err := runtime.Open(c.runtime)
	if err != nil {
		t.Fatal(err)
	}
	c.gateway.Runtime, c.gateway.Logger = rt, c.runtime.Logger
	g, err := gateway.New(c.gateway)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{
		t: t, url: "http://" + ln.Addr().String(), runtime: rt, gateway: g, served: make(chan error, 1),
		client: &http.Client{
			Transport:     &http.Transport{MaxIdleConnsPerHost: 300},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	go func() { s.served <- g.Serve(ln) }()
	t.Cleanup(s.stop)
	return s
}

func (s *server) stop() {
	if s.stopped {
		return
	}
	s.stopped = true
	s.client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := s.gateway.Shutdown(ctx); err != nil {
		s.t.Errorf("shut down: %v", err)
	}
	if err := <-s.served; err != nil {
		s.t.Errorf("serve: %v", err)
	}
	if err := s.runtime.Close(); err != nil {
		s.t.Errorf("close: %v", err)
	}
}

// answer is a response, read.
type answer struct {
	status int
	header http.Header
	body   string
}

// problem reads an answer's problem details.
func (a answer) problem(t *testing.T) map[string]any {
	t.Helper()
	if got := a.header.Get("Content-Type"); got != "application/problem+json" {
		t.Fatalf("Content-Type is %q, want application/problem+json; the answer is %d %s", got, a.status, a.body)
	}
	var p map[string]any
	if err := json.Unmarshal([]byte(a.body), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// send sends a request, with header fields as "Name: value".
func (s *server) send(method, path, body string, header ...string) answer {
	s.t.Helper()
	a, err := s.try(method, path, body, header...)
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

func (s *server) try(method, path, body string, header ...string) (answer, error) {
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req, err := http.NewRequest(method, s.url+path, r)
	if err != nil {
		return answer{}, err
	}
	for _, h := range header {
		if h == "" {
			continue
		}
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			req.Host = value
		} else {
			req.Header.Add(name, value)
		}
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(b)}, err
}

// deploy deploys an artifact that must be accepted.
func (s *server) deploy(name string, artifact []byte) {
	s.t.Helper()
	if a := s.send("PUT", "/v1/functions/"+name, string(artifact)); a.status != http.StatusCreated {
		s.t.Fatalf("deploy %s: %d %s", name, a.status, a.body)
	}
}

// python makes an artifact of one Python file and a manifest, which may be empty.
func (s *server) python(source, manifest string) []byte {
	s.t.Helper()
	files := map[string]string{"main.py": source}
	if manifest != "" {
		files["mayfly.toml"] = manifest
	}
	return runtimetest.Zip(s.t, files)
}
