package gateway_test

import (
	"strings"
	"testing"

	"github.com/mayfly-faas/mayfly/runtime"
	"github.com/mayfly-faas/mayfly/runtime/runtimetest"
)

// TestStartupRunsOnceBeforeTheImage has requests find what the startup left, and nothing of each other, from the image in memory and from the disk.
func TestStartupRunsOnceBeforeTheImage(t *testing.T) {
	dir := runtimetest.DataDir(t)
	artifact := []byte(`
import asyncio, random, time

ticks = 0

async def tick():
    global ticks
    while True:
        await asyncio.sleep(0.01)
        ticks += 1

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        scope["state"]["started"] = str(random.random())
        scope["state"]["ticking"] = asyncio.create_task(tick())
        await asyncio.sleep(0.05)
        scope["state"]["lock"], scope["state"]["seen"] = asyncio.Lock(), []
        await send({"type": "lifespan.startup.complete"})
        await receive()
        raise AssertionError("shutdown never comes")
    before = ticks
    async with scope["state"]["lock"]:
        await asyncio.sleep(0.05)
    scope["state"]["seen"].append(1)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "more_body": True, "body": scope["state"]["started"].encode()})
    await send({"type": "http.response.body", "body": b" %d %s" % (len(scope["state"]["seen"]), b"ticks" if ticks > before else b"")})
`)
	s := start(t, config{runtime: runtime.Options{DataDir: dir}})
	s.deploy("lifespan", artifact)
	want := s.send("GET", "/fn/lifespan", "").body
	if !strings.HasSuffix(want, " 1 ticks") {
		t.Fatalf("got %q", want)
	}
	for _, from := range []string{"", "image", "disk"} {
		if from != "" {
			if a := s.send("POST", "/v1/functions/lifespan/unload", `{"from":"`+from+`"}`); a.status != 204 {
				t.Fatalf("unload: %d %s", a.status, a.body)
			}
		}
		if a := s.send("GET", "/fn/lifespan", ""); a.body != want {
			t.Errorf("from %q: %d %q, want %q", from, a.status, a.body, want)
		}
	}
}

func TestApplicationsAreFoundByTheirNamesAndFactories(t *testing.T) {
	const (
		asgi    = "async def app(scope, receive, send):\n    if scope['type'] == 'http':\n        await send({'type': 'http.response.start', 'status': 200})\n        await send({'type': 'http.response.body', 'body': b'asgi'})\n"
		wsgi    = "def application(environ, start_response):\n    start_response('200 OK', [])\n    return [b'wsgi']\n"
		handler = "def handler(request):\n    return 'handler'\n"
	)
	s := start(t, config{})
	for _, tc := range []struct {
		name  string
		files map[string]string
		want  string
		entry string
	}{
		{"asgi", map[string]string{"main.py": asgi + handler}, "asgi", "main:app"},
		{"wsgi", map[string]string{"main.py": wsgi + handler}, "wsgi", "main:application"},
		{"factory", map[string]string{"main.py": "def create_app(config=None):\n    " + strings.ReplaceAll(asgi, "\n", "\n    ") + "return app\n" + handler}, "asgi", "main:create_app()"},
		{"named", map[string]string{"pkg/web.py": "class Site:\n    app = None\n" + asgi + "Site.app = staticmethod(app)\n", "mayfly.toml": `entry = "pkg.web:Site.app"`}, "asgi", "pkg.web:Site.app"},
		{"called", map[string]string{"pkg/web.py": "def make(debug=False):\n    " + strings.ReplaceAll(wsgi, "\n", "\n    ") + "return application\n", "mayfly.toml": `entry = "pkg.web:make()"`}, "wsgi", "pkg.web:make()"},
		{"bare", map[string]string{"web.py": "def make():\n    " + strings.ReplaceAll(wsgi, "\n", "\n    ") + "return application\n", "mayfly.toml": `entry = "web:make"`}, "wsgi", "web:make()"},
		{"file", map[string]string{"asgi.py": asgi, "other.py": ""}, "asgi", "asgi:app"},
		{"django", map[string]string{"manage.py": "", "site1/settings.py": "", "site1/wsgi.py": wsgi, "site1/asgi.py": asgi, "blog/views.py": ""}, "wsgi", "site1.wsgi:application"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s.deploy("found", runtimetest.Zip(t, tc.files))
			if a := s.send("GET", "/fn/found", ""); a.status != 200 || a.body != tc.want {
				t.Errorf("got %d %s, want %s", a.status, a.body, tc.want)
			}
			if a := s.send("GET", "/v1/functions/found", ""); !strings.Contains(a.body, `"entry":"`+tc.entry+`"`) {
				t.Errorf("want the entry %s: %s", tc.entry, a.body)
			}
		})
	}
}

func TestFailuresOfApplicationsShowTheirOwnFrames(t *testing.T) {
	s := start(t, config{})
	s.deploy("fails", s.python("async def app(scope, receive, send):\n    if scope['type'] == 'http':\n        raise KeyError('k')\n", ""))
	if a := s.send("GET", "/fn/fails", ""); a.status != 502 || !strings.Contains(a.body, "KeyError") {
		t.Errorf("%d %s", a.status, a.body)
	}
	logs := s.send("GET", "/v1/functions/fails/logs", "").body
	if !strings.Contains(logs, "/app/main.py") || strings.Contains(logs, "asyncio") || strings.Contains(logs, "/mayfly/") {
		t.Errorf("the log must have the application's frames and no others:\n%s", logs)
	}
}
