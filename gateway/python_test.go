package gateway_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mayfly-faas/mayfly/gateway"
	"github.com/mayfly-faas/mayfly/runtime"
	"github.com/mayfly-faas/mayfly/runtime/runtimetest"
)

func TestPythonResultsBecomeResponses(t *testing.T) {
	s := start(t, config{})
	s.deploy("results", s.python(`
from http import HTTPStatus
from mayfly import Response

RESULTS = {
    "str": "grüß",
    "bytes": b"\x00\xff",
    "dict": {"a": [1, None, "ü"]},
    "list": [1, 2],
    "status": ("made", 201),
    "status text": ("gone", "410 Gone"),
    "headers": ("<p>", {"Content-Type": "text/html"}),
    "all": ({"a": 1}, HTTPStatus.ACCEPTED, [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]),
    "response": Response(404, {"X-One": "1"}, "none"),
    "response tuple": (Response(200, {"X-One": "1"}, "made"), 201, {"X-Two": "2"}),
    "empty": ("", 204),
}

def handler(request):
    return RESULTS[request.query["what"]]
`, ""))
	for _, tc := range []struct {
		what    string
		status  int
		body    string
		headers http.Header
	}{
		{"str", 200, "grüß", http.Header{"Content-Type": {"text/plain; charset=utf-8"}}},
		{"bytes", 200, "\x00\xff", http.Header{"Content-Type": {"application/octet-stream"}}},
		{"dict", 200, `{"a":[1,null,"ü"]}`, http.Header{"Content-Type": {"application/json"}}},
		{"list", 200, `[1,2]`, http.Header{"Content-Type": {"application/json"}}},
		{"status", 201, "made", nil},
		{"status+text", 410, "gone", nil},
		{"headers", 200, "<p>", http.Header{"Content-Type": {"text/html"}}},
		{"all", 202, `{"a":1}`, http.Header{"Content-Type": {"application/json"}, "Set-Cookie": {"a=1", "b=2"}}},
		{"response", 404, "none", http.Header{"X-One": {"1"}}},
		{"response+tuple", 201, "made", http.Header{"X-One": {"1"}, "X-Two": {"2"}}},
		{"empty", 204, "", nil},
	} {
		a := s.send("GET", "/fn/results?what="+tc.what, "")
		if a.status != tc.status || a.body != tc.body {
			t.Errorf("%s: %d %q, want %d %q", tc.what, a.status, a.body, tc.status, tc.body)
		}
		for name, want := range tc.headers {
			if diff := cmp.Diff(want, a.header[name]); diff != "" {
				t.Errorf("%s: %s (-want +got):\n%s", tc.what, name, diff)
			}
		}
	}
}

func TestPythonRequestHasWhatWasSent(t *testing.T) {
	s := start(t, config{})
	s.deploy("request", s.python(`
def handler(request):
    h = request.headers
    return {
        "method": request.method, "path": request.path, "query": request.query_string, "q": request.query.get_all("q"), "missing": request.query.get("no"),
        "host": "host" in h, "case": h["x-MIXED"], "all": h.get_all("X-Multi"), "none": h.get("X-None", "-"), "json": request.json(),
        "text": request.text(), "body": len(request.body), "remote": request.remote_addr, "url": request.url,
    }
`, ""))
	a := s.send("POST", "/fn/request/a%20b/c?q=1&q=%C3%BC&r", `{"k": "ü"}`, "X-Mixed: m", "X-Multi: 1", "X-Multi: 2", "Content-Type: application/json; charset=UTF-8")
	want := `{"method":"POST","path":"/a b/c","query":"q=1&q=%C3%BC&r","q":["1","ü"],"missing":null,"host":true,"case":"m","all":["1","2"],"none":"-",` +
		`"json":{"k":"ü"},"text":"{\"k\": \"ü\"}","body":11,"remote":"127.0.0.1","url":"/fn/request/a%20b/c?q=1&q=%C3%BC&r"}`
	if diff := cmp.Diff(want, a.body); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s.deploy("method", s.python("from mayfly import Response\ndef handler(request):\n    return Response(200, {'X-Method': request.method}, b'')\n", ""))
	for _, method := range []string{"GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "PURGE"} {
		if a := s.send(method, "/fn/method", ""); a.status != 200 || a.header.Get("X-Method") != method {
			t.Errorf("%s: %d, the function got %q", method, a.status, a.header.Get("X-Method"))
		}
	}
}

// TestPythonNamesAreFoundAmongMany asks as much of a request with thousands of fields and parameters as of one with few, in CPU time that looking at each of
// them for each name would exceed.
func TestPythonNamesAreFoundAmongMany(t *testing.T) {
	s := start(t, config{})
	s.deploy("many", s.python(`
def look(of, name, names):
    try:
        of["none"]
    except KeyError as e:
        missing = e.args
    return [len(dict(of)) == len(of), [of[n] for n in names], of.get_all(names[0]), list(of)[-1] == name, names[0] in of, missing, of.get_all("none"), "none" in of]

def handler(request):
    h, q = request.headers, request.query
    return [look(h, list(h)[-1], ["X-multi", "x-LAST"]), 5 in h, look(q, list(q)[-1], ["Multi", "last"]), q.get("multi")]
`, "cpu = \"3s\""))
	for _, n := range []int{0, 5, 12, 13, 14, 15, 16, 17, 4000} {
		header, query := []string{"X-Multi: 1"}, "Multi=1"
		for i := range n {
			header = append(header, fmt.Sprintf("H%d: v", i))
			query += fmt.Sprintf("&%d", i)
		}
		a := s.send("GET", "/fn/many?"+query+"&Multi=2&last=z", "", append(header, "X-Multi: 2", "x-Last: z")...)
		const found = `[true,["1","z"],["1","2"],true,true,["none"],[],false]`
		if want := "[" + found + ",false," + found + ",null]"; a.status != 200 || a.body != want {
			t.Errorf("%d more: %d %s, want %s", n, a.status, a.body, want)
		}
	}
}

func TestPythonLargeBodiesPassBothWays(t *testing.T) {
	s := start(t, config{})
	s.deploy("echo", s.python("def handler(request):\n    return request.body\n", ""))
	body := strings.Repeat("0123456789abcdef", 5<<16)
	if a := s.send("POST", "/fn/echo", body); a.status != 200 || a.body != body {
		t.Errorf("got %d and %d bytes, want the %d bytes that were sent", a.status, len(a.body), len(body))
	}
}

func TestAsyncHandlersWaitAndGather(t *testing.T) {
	s := start(t, config{})
	s.deploy("async", s.python(`
import asyncio, time

async def nap(n):
    await asyncio.sleep(0.05)
    return n

async def handler(request):
    begin = time.monotonic()
    got = await asyncio.gather(*(nap(i) for i in range(10)))
    try:
        await asyncio.wait_for(asyncio.sleep(60), 0.02)
    except TimeoutError:
        got.append("timeout")
    got.append(await asyncio.get_running_loop().run_in_executor(None, lambda: "executor"))
    took = time.monotonic() - begin
    return {"got": got, "at once": 0.06 < took < 0.5}
`, ""))
	for range 2 {
		if a := s.send("GET", "/fn/async", ""); a.body != `{"got":[0,1,2,3,4,5,6,7,8,9,"timeout","executor"],"at once":true}` {
			t.Errorf("got %d %s", a.status, a.body)
		}
	}
}

func TestSleepWaitsAndClocksAreReal(t *testing.T) {
	s := start(t, config{})
	s.deploy("clock", s.python(`
import time, datetime

def handler(request):
    begin, mono = time.time(), time.monotonic()
    time.sleep(0.1)
    return {"slept": 0.1 <= time.monotonic() - mono < 2 and 0.09 <= time.time() - begin < 2, "year": datetime.datetime.now().year >= 2025}
`, ""))
	if a := s.send("GET", "/fn/clock", ""); a.body != `{"slept":true,"year":true}` {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

// TestWSGIPassesTheValidator runs an application under the standard library's own check of servers and applications.
func TestWSGIPassesTheValidator(t *testing.T) {
	s := start(t, config{})
	s.deploy("wsgi", runtimetest.Zip(t, map[string]string{"site.toml": "", "app.py": `
from wsgiref.validate import validator

@validator
def application(environ, start_response):
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    write = start_response("201 Created", [("Content-Type", "text/plain"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
    def chunks():
        yield environ["REQUEST_METHOD"].encode()
        yield b" " + environ["SCRIPT_NAME"].encode() + b" " + environ["PATH_INFO"].encode("latin-1") + b" "
        yield environ["HTTP_X_TEST"].encode() + b" " + body
    return chunks()
`}))
	a := s.send("POST", "/fn/wsgi/gr%C3%BC%C3%9F?x=1", "sent", "X-Test: t", "Content-Type: text/plain")
	if a.status != 201 || a.body != "POST /fn/wsgi /grüß t sent" {
		t.Errorf("got %d %q", a.status, a.body)
	}
	if diff := cmp.Diff([]string{"a=1", "b=2"}, a.header["Set-Cookie"]); diff != "" {
		t.Errorf("Set-Cookie (-want +got):\n%s", diff)
	}
}

func TestManifestSetsEnvironmentAndEntry(t *testing.T) {
	s := start(t, config{})
	s.deploy("env", runtimetest.Zip(t, map[string]string{
		"pkg/__init__.py": "", "pkg/web.py": "import os\nclass App:\n    def serve(self, request):\n        return os.environ['GREETING'] + os.environ.get('HOME', '')\nthe = App()\n",
		"mayfly.toml": "entry = \"pkg.web:the.serve\"\n[env]\nGREETING = \"hello=ü\"\n",
	}))
	if a := s.send("GET", "/fn/env", ""); a.body != "hello=ü" {
		t.Errorf("got %d %s", a.status, a.body)
	}
	if a := s.send("GET", "/v1/functions/env", ""); !strings.Contains(a.body, `"env":["GREETING"]`) || strings.Contains(a.body, "hello=") {
		t.Errorf("describe must name variables and not tell their values: %s", a.body)
	}
}

func TestTimeoutIsTheFunctionsOwnTimeAndNotItsStarts(t *testing.T) {
	s := start(t, config{})
	s.deploy("slow-start", s.python("import time\ntime.sleep(0.5)\ndef handler(request):\n    return 'ready'\n", `timeout = "250ms"`))
	if a := s.send("POST", "/v1/functions/slow-start/unload", `{"from":"module"}`); a.status != 204 {
		t.Fatalf("unload: %d %s", a.status, a.body)
	}
	if a := s.send("GET", "/fn/slow-start", ""); a.body != "ready" || a.header.Get("X-Mayfly-Start") != "cold" {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

func TestPathsReachTheFunctionAsTheyWereSent(t *testing.T) {
	s := start(t, config{})
	s.deploy("path", s.python("def handler(request):\n    return request.path\n", ""))
	for _, tc := range []struct {
		path, want string
	}{
		{"/fn/path", ""},
		{"/fn/path/", "/"},
		{"/fn/path//a//b", "//a//b"},
		{"/fn/path/a/../b/./c", "/a/../b/./c"},
		{"/fn/path/https://example.com/", "/https://example.com/"},
		{"/fn/path/a%2Fb%20c", "/a/b c"},
	} {
		if a := s.send("GET", tc.path, ""); a.status != 200 || a.body != tc.want {
			t.Errorf("%s: %d %q, want %q", tc.path, a.status, a.body, tc.want)
		}
	}
}

func TestFunctionsThatFailToStartAgainAreTheirAuthorsFault(t *testing.T) {
	dir := runtimetest.DataDir(t)
	s := start(t, config{runtime: runtime.Options{DataDir: dir}})
	s.deploy("late", s.python("def handler(request):\n    return 'ok'\n", ""))
	// What makes an import fail another time is out there; here it is the file.
	unpacked, err := filepath.Glob(filepath.Join(dir, "cache", "files", "*", "main.py"))
	if err != nil || len(unpacked) != 1 {
		t.Fatalf("unpacked files: %q, %v", unpacked, err)
	}
	if err := os.WriteFile(unpacked[0], []byte("raise RuntimeError('too late')\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if a := s.send("POST", "/v1/functions/late/unload", `{"from":"module"}`); a.status != 204 {
		t.Fatalf("unload: %d %s", a.status, a.body)
	}
	a := s.send("GET", "/fn/late", "")
	if p := a.problem(t); a.status != 502 || !strings.HasSuffix(p["type"].(string), "function-failed") || !strings.Contains(p["detail"].(string), "RuntimeError: too late") {
		t.Errorf("%d %v", a.status, p)
	}
	if a := s.send("GET", "/v1/functions/late/logs", ""); !strings.Contains(a.body, "Traceback") {
		t.Errorf("the log has no traceback: %s", a.body)
	}
}

func TestWhatIsWrongWithAHookIsToldAsTheHooks(t *testing.T) {
	s := start(t, config{gateway: gateway.Options{Debug: true}})
	a := s.send("PUT", "/v1/functions/refused", "import random, mayfly\nmayfly.on_restore(random.Random().seed())\ndef handler(request): pass\n")
	if p := a.problem(t); a.status != 422 || !strings.Contains(p["detail"].(string), "TypeError: on_restore was given a NoneType") {
		t.Errorf("%d %v", a.status, p)
	}
	for _, tc := range []struct {
		name, hook   string
		status       int
		detail, note string
	}{
		{"raises", "def hook():\n    raise KeyError('k')\n", 502, "the function raised KeyError in the on_restore hook hook", "on_restore hook hook"},
		{"object", "import functools\nhook = functools.partial(int, 'x')\n", 502, "the function raised ValueError in the on_restore hook partial", "on_restore hook partial"},
		{"leaves", "def hook():\n    raise SystemExit\n", 502, "the function left by SystemExit", "on_restore hook hook"},
		{"mute", "class Hook:\n    def __getattr__(self, name):\n        return 1 / 0\n    def __call__(self):\n        raise KeyError\nhook = Hook()\n", 502, "the function raised ZeroDivisionError", ""},
		{"memory", "def hook():\n    bytes(1 << 30)\n", 507, "out of memory", ""},
		{"another", "hook = int\n", 200, "", ""},
	} {
		s.deploy(tc.name, s.python("import mayfly\n"+tc.hook+"mayfly.on_restore(hook)\ndef handler(request):\n    return 'ok'\n", ""))
		a := s.send("GET", "/fn/"+tc.name, "")
		if a.status != tc.status {
			t.Errorf("%s: %d %s", tc.name, a.status, a.body)
		}
		if tc.status == 200 {
			continue
		}
		p := a.problem(t)
		trace, _ := p["trace"].(string)
		if !strings.Contains(p["detail"].(string), tc.detail) || !strings.Contains(trace, tc.note) {
			t.Errorf("%s: %v, want %q and %q", tc.name, p, tc.detail, tc.note)
		}
	}
}

func TestFailuresAreToldWhateverTheFunctionHasBroken(t *testing.T) {
	s := start(t, config{})
	s.deploy("broken", s.python(`
import os, sys
class Mute(Exception):
    def __str__(self):
        raise ValueError
def handler(request):
    if request.path == "/mute":
        raise Mute
    if request.path == "/stderr":
        sys.stderr = None
        raise KeyError("k")
    if request.path == "/close":
        for fd in range(4):
            os.close(fd)
    return "ok"
`, "concurrency = 1\nmax_response = \"2B\"\n"))
	for _, tc := range []struct {
		path   string
		status int
		want   string
	}{
		{"/mute", 502, "the function raised Mute"},
		{"/stderr", 502, "the function raised KeyError"},
		{"/close", 200, "ok"},
		{"/", 200, "ok"},
		{"/", 200, "ok"},
	} {
		if a := s.send("GET", "/fn/broken"+tc.path, ""); a.status != tc.status || !strings.Contains(a.body, tc.want) {
			t.Errorf("%s: %d %s, want %d %s", tc.path, a.status, a.body, tc.status, tc.want)
		}
	}
}
