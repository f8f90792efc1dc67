package gateway_test

import (
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mayfly-faas/mayfly/gateway"
	"github.com/mayfly-faas/mayfly/host/wasi/wasitest"
	"github.com/mayfly-faas/mayfly/runtime"
	"github.com/mayfly-faas/mayfly/runtime/runtimetest"
)

// misbehave does what its query says.
const misbehave = `
import os, sys
from mayfly import Response

def deeper(n):
    return deeper(n + 1)

def handler(request):
    match request.query.get("do", ""):
        case "raise":
            secret = "s3cret"
            raise ValueError(secret)
        case "exit":
            sys.exit(3)
        case "hard-exit":
            os._exit(4)
        case "eat":
            return "x" * (1 << 30)
        case "recurse":
            deeper(0)
        case "none":
            return None
        case "set":
            return {1, 2}
        case "bad-header":
            return Response(200, {"X-A": "a\r\nX-B: b"}, "")
        case "bad-status":
            return "", 99
        case "large":
            return b"x" * (7 << 20)
        case "print":
            print("to the log")
            print("an error", file=sys.stderr)
    return "fine"
`

func TestFailuresHaveStatusAndProblemType(t *testing.T) {
	s := start(t, config{})
	s.deploy("misbehave", s.python(misbehave, ""))
	for _, tc := range []struct {
		do     string
		status int
		kind   string
		detail string
	}{
		{"raise", 502, "function-failed", `^the function raised ValueError$`},
		{"exit", 502, "function-failed", `SystemExit`},
		{"hard-exit", 502, "function-failed", `exit code 4`},
		{"eat", 507, "out-of-memory", `limit on memory is 128MiB.*memory in mayfly.toml`},
		{"recurse", 502, "function-failed", `RecursionError`},
		{"none", 502, "function-failed", `TypeError`},
		{"set", 502, "function-failed", `TypeError`},
		{"bad-header", 502, "function-failed", `X-A.*control character`},
		{"bad-status", 502, "function-failed", `ValueError`},
		{"large", 502, "function-failed", `larger than its limit of 6MiB.*max_response`},
	} {
		t.Run(tc.do, func(t *testing.T) {
			a := s.send("GET", "/fn/misbehave?do="+tc.do, "")
			if a.status != tc.status {
				t.Fatalf("status %d, want %d: %s", a.status, tc.status, a.body)
			}
			p := a.problem(t)
			if got := p["type"].(string); !strings.HasSuffix(got, "/"+tc.kind) {
				t.Errorf("type %s, want .../%s", got, tc.kind)
			}
			if got := p["detail"].(string); !regexp.MustCompile(tc.detail).MatchString(got) {
				t.Errorf("detail %q, want match of %q", got, tc.detail)
			}
			if strings.Contains(a.body, "s3cret") || strings.Contains(a.body, "main.py") {
				t.Errorf("the caller is told what only the log should have: %s", a.body)
			}
			// Neighbours, and the next request, go on.
			if a := s.send("GET", "/fn/misbehave", ""); a.status != 200 || a.body != "fine" {
				t.Errorf("the request after it got %d %s", a.status, a.body)
			}
		})
	}
}

func TestTracebackGoesToTheLogAndToCallersOnlyWithDebug(t *testing.T) {
	s := start(t, config{gateway: gateway.Options{Debug: true}})
	s.deploy("misbehave", s.python(misbehave, ""))
	a := s.send("GET", "/fn/misbehave?do=raise", "", "X-Request-Id: my-request")
	trace, _ := a.problem(t)["trace"].(string)
	if !strings.HasPrefix(trace, "Traceback (most recent call last):\n  File \"/app/main.py\"") || !strings.Contains(trace, "ValueError: s3cret") {
		t.Errorf("trace is %q, want the function's own frames", trace)
	}
	logs := s.send("GET", "/v1/functions/misbehave/logs", "").body
	if !strings.Contains(logs, "ValueError: s3cret") || !strings.Contains(logs, `"request":"my-request"`) {
		t.Errorf("the log lacks the traceback of the request: %s", logs)
	}
}

func TestWasmFailures(t *testing.T) {
	s := start(t, config{})
	const (
		unreachable = "\x00"
		recurse     = "\x10\x00"                 // call 0: itself
		eat         = "\x41\x80\x08\x40\x00\x1a" // memory.grow 1024 pages, drop
	)
	for _, tc := range []struct {
		name, body string
		status     int
		detail     string
	}{
		{"trap", unreachable, 502, "the function trapped: unreachable"},
		{"recurse", recurse, 502, "stack overflow"},
		{"eat-and-trap", eat + unreachable, 507, "limit on memory is 64MiB and this took 64.1MiB"},
		{"silent", "", 502, "the output is no CGI response: it is empty"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s.deploy(tc.name, wasitest.Command([]byte(tc.body)))
			a := s.send("GET", "/fn/"+tc.name, "")
			if detail := a.problem(t)["detail"].(string); a.status != tc.status || !regexp.MustCompile(tc.detail).MatchString(detail) {
				t.Errorf("got %d %q, want %d %q", a.status, detail, tc.status, tc.detail)
			}
		})
	}
}

func TestUnknownFunctionsAndPaths(t *testing.T) {
	s := start(t, config{})
	for _, tc := range []struct {
		method, path string
		status       int
		kind         string
	}{
		{"GET", "/fn/nobody", 404, "not-found"},
		{"GET", "/fn/", 404, "not-found"},
		{"GET", "/v1/functions/nobody", 404, "not-found"},
		{"DELETE", "/v1/functions/nobody", 404, "not-found"},
		{"GET", "/v1/functions/nobody/versions", 404, "not-found"},
		{"GET", "/v1/functions/nobody/stats", 404, "not-found"},
		{"GET", "/v1/functions/nobody/logs", 404, "not-found"},
		{"POST", "/v1/functions/nobody/rollback", 404, "not-found"},
		{"POST", "/v1/functions", 405, "method-not-allowed"},
		{"GET", "/", 404, "no-such-resource"},
		{"GET", "/v2/functions", 404, "no-such-resource"},
	} {
		a := s.send(tc.method, tc.path, "")
		if kind := a.problem(t)["type"].(string); a.status != tc.status || !strings.HasSuffix(kind, "/"+tc.kind) {
			t.Errorf("%s %s: %d %s, want %d %s", tc.method, tc.path, a.status, kind, tc.status, tc.kind)
		}
	}
}

func TestRequestBodyOverTheLimitIs413(t *testing.T) {
	s := start(t, config{})
	s.deploy("count", s.python("def handler(request):\n    return str(len(request.body))\n", `max_request = "1MiB"`))
	if a := s.send("POST", "/fn/count", strings.Repeat("x", 1<<20)); a.status != 200 || a.body != "1048576" {
		t.Errorf("a body at the limit: %d %s", a.status, a.body)
	}
	a := s.send("POST", "/fn/count", strings.Repeat("x", 1<<20+1))
	if a.status != 413 || !strings.Contains(a.problem(t)["detail"].(string), "max_request in mayfly.toml") {
		t.Errorf("a body over the limit: %d %s", a.status, a.body)
	}
}

// TestAnswersReachClientsThatStillSend has clients send all of a request before they read.
func TestAnswersReachClientsThatStillSend(t *testing.T) {
	s := start(t, config{})
	s.deploy("count", s.python("def handler(request):\n    return str(len(request.body))\n", `max_request = "1MiB"`))
	const size = 16 << 20
	for _, tc := range []struct{ name, header, status string }{
		{"a body that is too large", "POST /fn/count HTTP/1.1\r\nHost: x\r\nContent-Length: 16777216\r\n\r\n", "413"},
		{"a body for nobody", "POST /fn/nobody HTTP/1.1\r\nHost: x\r\nContent-Length: 16777216\r\n\r\n", "404"},
		{"a header that is too large", "GET /fn/count HTTP/1.1\r\nHost: x\r\nX-Long: ", "431"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, tc.header+strings.Repeat("x", size)); err != nil {
				t.Fatalf("the request could not be sent: %v", err)
			}
			answer, err := io.ReadAll(conn)
			if line, _, _ := strings.Cut(string(answer), "\r\n"); err != nil || !strings.Contains(line, tc.status) {
				t.Errorf("the answer begins with %q, want %s: %v", line, tc.status, err)
			}
		})
	}
}

func TestTooManyRequestsAre429WithRetryAfter(t *testing.T) {
	s := start(t, config{})
	s.deploy("slow", s.python("import time\ndef handler(request):\n    time.sleep(0.3)\n    return 'done'\n", "concurrency = 1\nqueue = 2"))
	busy, done := 0, 0
	for _, a := range s.callAll(12, func(int) string { return "/fn/slow" }) {
		switch a.status {
		case 200:
			done++
		case 429:
			busy++
			if a.header.Get("Retry-After") == "" {
				t.Error("429 without Retry-After")
			}
			if d := a.problem(t)["detail"].(string); !strings.Contains(d, "the limit on waiting requests is 2") {
				t.Errorf("detail %q", d)
			}
		default:
			t.Errorf("got %d %s", a.status, a.body)
		}
	}
	if busy == 0 || done < 3 {
		t.Errorf("%d served and %d refused, want at least 3 served and some refused", done, busy)
	}
}

func TestFullServerIs503WithRetryAfter(t *testing.T) {
	s := start(t, config{gateway: gateway.Options{MaxRequests: 2}})
	s.deploy("slow", s.python("import time\ndef handler(request):\n    time.sleep(0.3)\n    return 'done'\n", ""))
	full, done := 0, 0
	for _, a := range s.callAll(12, func(int) string { return "/fn/slow" }) {
		switch {
		case a.status == 200:
			done++
		case a.status == 503 && a.header.Get("Retry-After") != "" && strings.HasSuffix(a.problem(t)["type"].(string), "/server-busy"):
			full++
		default:
			t.Errorf("got %d %s", a.status, a.body)
		}
	}
	if full == 0 || done < 2 {
		t.Errorf("%d served and %d refused, want at least 2 served and some refused", done, full)
	}
}

func TestPythonFunctionWithoutPythonSaysWhatToRun(t *testing.T) {
	s := start(t, config{runtime: runtime.Options{DataDir: runtimetest.EmptyDataDir(t)}})
	a := s.send("PUT", "/v1/functions/hello", "def handler(request):\n    return 'hello'\n")
	if d := a.problem(t)["detail"].(string); a.status != 503 || !strings.Contains(d, "mayfly python install") {
		t.Errorf("got %d %q", a.status, d)
	}
}

func TestAnswersTellRequestIDTimingAndStart(t *testing.T) {
	s := start(t, config{runtime: runtime.Options{Idle: time.Hour}})
	s.deploy("hello", s.python("def handler(request):\n    return request.id\n", "concurrency = 1\n"))
	for _, tc := range []struct {
		unload, start, timing string
	}{
		{"", "warm", `^queue;dur=\d+\.\d{3}, run;dur=\d+\.\d{3}$`},
		{"image", "cold", `^queue;dur=\d+\.\d{3}, restore;dur=\d+\.\d{3}, run;dur=\d+\.\d{3}$`},
		{"module", "cold", `^queue;dur=\d+\.\d{3}, load;dur=\d+\.\d{3}, boot;dur=\d+\.\d{3}, run;dur=\d+\.\d{3}$`},
		{"disk", "cold", `^queue;dur=\d+\.\d{3}, load;dur=\d+\.\d{3}, compile;dur=\d+\.\d{3}, restore;dur=\d+\.\d{3}, run;dur=\d+\.\d{3}$`},
		// The one place is free when the sandbox has been reset.
		{"", "warm", `^queue;dur=\d+\.\d{3}, run;dur=\d+\.\d{3}, reset;dur=\d+\.\d{3}$`},
	} {
		if tc.unload != "" {
			if a := s.send("POST", "/v1/functions/hello/unload", `{"from":"`+tc.unload+`"}`); a.status != 204 {
				t.Fatalf("unload: %d %s", a.status, a.body)
			}
		}
		a := s.send("GET", "/fn/hello", "", "X-Request-Id: abc-1")
		if a.body != "abc-1" || a.header.Get("X-Request-Id") != "abc-1" {
			t.Errorf("request id: function got %q, answer has %q", a.body, a.header.Get("X-Request-Id"))
		}
		if got := a.header.Get("X-Mayfly-Start"); got != tc.start {
			t.Errorf("from %q: X-Mayfly-Start %q, want %q", tc.unload, got, tc.start)
		}
		if got := a.header.Get("Server-Timing"); !regexp.MustCompile(tc.timing).MatchString(got) {
			t.Errorf("from %q: Server-Timing %q, want match of %q", tc.unload, got, tc.timing)
		}
	}
	if id := s.send("GET", "/fn/hello", "", "X-Request-Id: no spaces").header.Get("X-Request-Id"); len(id) != 32 {
		t.Errorf("an unusable id was answered with %q, want a new one", id)
	}
}
