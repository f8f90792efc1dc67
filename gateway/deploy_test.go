package gateway_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/mayfly-faas/mayfly/host/wasi/wasitest"
	"github.com/mayfly-faas/mayfly/runtime/runtimetest"
)

func TestRefusedArtifactsSayWhatTheyAreAndWhatWouldWork(t *testing.T) {
	s := start(t, config{})
	module := wasitest.Command(nil)
	zipped := func(files ...string) []byte {
		m := map[string]string{}
		for i := 0; i < len(files); i += 2 {
			m[files[i]] = files[i+1]
		}
		return runtimetest.Zip(t, m)
	}
	const hello = "def handler(request):\n    return 'hello'\n"
	for _, tc := range []struct {
		name     string
		artifact []byte
		detail   string
	}{
		{"empty", []byte(" "), "main.py has no entry: define handler(request)"},
		{"component", []byte("\x00asm\x0d\x00\x01\x00"), "component, and only core modules can be run"},
		{"truncated", module[:len(module)-3], "the file is cut off"},
		{"trailing", append(bytes.Clone(module), 0x55), "there is no section 85"},
		{"library", (&wasitest.Module{}).Section(1, []byte{0x60, 0, 0}).Section(3, []byte{0}).Section(7, append(wasitest.Name("run"), 0, 0)).Section(10, []byte{2, 0, 0x0b}).Bytes(),
			"does not export _start, but run: it is a library or a reactor"},
		{"imports", wasitest.Command(nil, [2]string{"env", "emscripten_run"}, [2]string{"wasi_snapshot_preview1", "sched_yield"}, [2]string{"wasi_snapshot_preview1", "fd_frob"}),
			"imports what nobody provides: env emscripten_run, wasi_snapshot_preview1 fd_frob"},
		{"import of another type", wasitest.Command(nil, [2]string{"wasi_snapshot_preview1", "sched_yield"}), "cannot be instantiated"},
		{"invalid code", wasitest.Command([]byte{0x6a}), "invalid"},
		{"native", []byte("\x7fELF\x02\x01\x01\x00\xff\xff"), "a native program or library (ELF)"},
		{"gzip", []byte("\x1f\x8b\x08\x00\x00\xff"), "a gzip file (make it a zip)"},
		{"image", []byte("\x89PNG\r\n\x1a\n\x00\x00"), "image/png"},
		{"text", []byte("Dear Sir or Madam,\n"), "not valid Python: /app/main.py:1:"},
		{"syntax", []byte("def handler(request:\n"), "not valid Python: /app/main.py:1:"},
		{"no handler", []byte("def hello():\n    pass\n"), "it defines hello"},
		{"import error", []byte("import flask\n"), "importing the function raised ModuleNotFoundError: No module named 'flask'"},
		{"wrong arguments", []byte("def handler(a, b, c, d):\n    pass\n"), "takes 4 arguments: a handler takes one (request)"},
		{"more memory than there is", s.python(hello, `memory = "2GiB"`), "more than all sandboxes together can have, 1GiB"},
		{"_start with a parameter", new(wasitest.Module).Section(1, []byte{0x60, 1, 0x7f, 0}).Section(3, []byte{0}).Section(5, []byte{0, 1}).
			Section(7, append(wasitest.Name("_start"), 0, 0), append(wasitest.Name("memory"), 2, 0)).Section(10, []byte{2, 0, 0x0b}).Bytes(), "_start has parameters or results"},
		{"cpu beyond the default timeout", s.python(hello, `cpu = "40s"`), "is more than the timeout of 30s"},
		{"an import that needs too much memory", s.python("held = bytearray(100 << 20)\n"+hello, `memory = "32MiB"`), "the limit on memory is 32MiB and this took"},
		{"async hook", s.python("import mayfly\n@mayfly.on_restore\nasync def hook(): pass\n"+hello, ""), "on_restore was given an async function"},
		{"shared memory", new(wasitest.Module).Section(1, []byte{0x60, 0, 0}).Section(3, []byte{0}).Section(5, []byte{3, 1, 2}).
			Section(7, append(wasitest.Name("_start"), 0, 0), append(wasitest.Name("memory"), 2, 0)).Section(10, []byte{2, 0, 0x0b}).Bytes(), "a sandbox has one thread"},
		{"large tables", new(wasitest.Module).Section(1, []byte{0x60, 0, 0}).Section(3, []byte{0}).Section(4, []byte{0x70, 0, 0x80, 0x80, 0x80, 1}).Section(5, []byte{0, 1}).
			Section(7, append(wasitest.Name("_start"), 0, 0), append(wasitest.Name("memory"), 2, 0)).Section(10, []byte{2, 0, 0x0b}).Bytes(), "tables that begin with 2097152 elements"},
		{"asgi startup", []byte("async def app(scope, receive, send):\n    await receive()\n    raise OSError('no database')\n"), "the application's startup (ASGI lifespan) failed: OSError: no database"},
		{"factory of nothing", []byte("def create_app():\n    pass\n"), "main:create_app() returned a NoneType: it must return the application"},
		{"factory with arguments", []byte("def create_app(a, b):\n    pass\n"), "main:create_app makes the application and takes arguments"},
		{"async factory", []byte("async def create_app():\n    pass\n"), "main:create_app makes the application and is async"},
		{"no arguments", []byte("def handler():\n    return 'x'\n"), "main:handler takes 0 arguments"},
		{"exit at import", []byte("import os\nos._exit(7)\n"), "ended CPython with exit code 7"},
		{"left open", []byte("f = open('/tmp/x', 'w')\n" + hello), "/tmp/x was left open"},
		{"cut zip", zipped("main.py", hello)[:40], "the zip cannot be read"},
		{"no code", zipped("README.md", "hello"), "neither a .py file nor a .wasm file, but README.md"},
		{"two modules", zipped("a.wasm", string(module), "b.wasm", string(module)), "which of these is the function: a.wasm, b.wasm?"},
		{"two files", zipped("a.py", hello, "b.py", hello), "which of these is the function: a.py, b.py?"},
		{"missing entry", zipped("mayfly.toml", `entry = "fn.wasm"`, "main.go", ""), `entry = "fn.wasm", which is not in the folder: build it first`},
		{"missing module", zipped("mayfly.toml", `entry = "nope:app"`, "main.py", hello), "there is no module 'nope'"},
		{"missing attribute", zipped("mayfly.toml", `entry = "main:app"`, "main.py", hello), "main has no 'app'; it defines handler"},
		{"escaping zip", zipped("../main.py", hello), "no path within a folder"},
		{"unknown key", zipped("mayfly.toml", "memroy = \"64MiB\"\n", "main.py", hello), `mayfly.toml:1: unknown key "memroy"; did you mean "memory"?`},
		{"reuse command", zipped("mayfly.toml", `isolation = "reuse"`, "a.wasm", string(module)), `isolation = "reuse" is for Python functions`},
		{"too little memory", zipped("mayfly.toml", `memory = "1KiB"`, "a.wasm", string(module)), "the limit on memory is 1KiB and this took 64KiB to start; change it by memory in mayfly.toml"},
		{"too little memory for CPython", zipped("mayfly.toml", `memory = "1MiB"`, "main.py", hello), "KiB of memory to start, and the limit is 1024 KiB: raise memory in mayfly.toml"},
		{"hides the package", zipped("mayfly.py", hello), "mayfly.py hides the package mayfly"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := s.send("PUT", "/v1/functions/refused", string(tc.artifact))
			if d := a.problem(t)["detail"].(string); a.status != 422 || !strings.Contains(d, tc.detail) {
				t.Errorf("got %d %q, want 422 with %q", a.status, d, tc.detail)
			}
		})
	}
	if a := s.send("GET", "/v1/functions/refused", ""); a.status != 404 {
		t.Errorf("a refused artifact left a function behind: %s", a.body)
	}
}

func TestBadNamesAreRefused(t *testing.T) {
	s := start(t, config{})
	for _, name := range []string{"Hello", "a_b", "-a", "a-", strings.Repeat("a", 64), "a%20b", "%2e%2e"} {
		if a := s.send("PUT", "/v1/functions/"+name, "def handler(r): return ''"); a.status != 422 && a.status != 404 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

func TestZipOfAFolderIsTakenAsTheFolder(t *testing.T) {
	s := start(t, config{})
	s.deploy("folder", runtimetest.Zip(t, map[string]string{
		"my-function/main.py":   "import json\ndef handler(request):\n    return open('data.json').read()\n",
		"my-function/data.json": "[1]",
	}))
	if a := s.send("GET", "/fn/folder", ""); a.body != "[1]" {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

func TestRollbackIsAtOnceAndDropsNoRequest(t *testing.T) {
	s := start(t, config{})
	source := func(n int) []byte {
		return s.python(fmt.Sprintf("import time\ndef handler(request):\n    time.sleep(0.002)\n    return '%d'\n", n), "")
	}
	s.deploy("versions", source(1))
	s.deploy("versions", source(2))
	stop := make(chan struct{})
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if a, err := s.try("GET", "/fn/versions", ""); err != nil || a.status != 200 || a.body != "1" && a.body != "2" {
					t.Errorf("while versions change: %d %s %v", a.status, a.body, err)
					return
				}
			}
		})
	}
	for i := range 10 {
		want := 1 + i%2
		if a := s.send("POST", "/v1/functions/versions/rollback", fmt.Sprintf(`{"version":%d}`, want)); a.status != 200 {
			t.Fatalf("rollback: %d %s", a.status, a.body)
		}
		if a := s.send("GET", "/fn/versions", ""); a.body != fmt.Sprint(want) {
			t.Errorf("after the rollback to %d it answered %s", want, a.body)
		}
	}
	close(stop)
	callers.Wait()
	if a := s.send("POST", "/v1/functions/versions/rollback", ""); a.status != 200 || !strings.Contains(a.body, `"version":1`) {
		t.Errorf("rollback without a version: %d %s, want version 1", a.status, a.body)
	}
	for body, want := range map[string]int{`{"version":9}`: 404, `{}`: 404, `{"verison":1}`: 400, `x`: 400} {
		if a := s.send("POST", "/v1/functions/versions/rollback", body); a.status != want {
			t.Errorf("rollback %s: %d %s, want %d", body, a.status, a.body, want)
		}
	}
}
