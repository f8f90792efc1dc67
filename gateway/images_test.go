package gateway_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mayfly-faas/mayfly/host/wasi/wasitest"
	"github.com/mayfly-faas/mayfly/runtime"
	"github.com/mayfly-faas/mayfly/runtime/runtimetest"
)

// remembers is a function that answers with what it finds, and leaves something behind everywhere it can.
const remembers = `
import os, sys, random

NAME = os.environ["NAME"]
FILE = open("/app/data.txt")
seen = []

def handler(request):
    found = [NAME, os.environ.get("LEFT"), len(seen), os.listdir("/tmp"), FILE.read(1), open("/app/data.txt").read()]
    seen.append(NAME)
    os.environ["LEFT"] = NAME
    open("/tmp/left", "w").write(NAME)
    sys.modules["left"] = NAME
    return found
`

// TestFunctionsThatShareSandboxesSeeNothingOfEachOther has more functions than there is memory for their sandboxes, called at once.
func TestFunctionsThatShareSandboxesSeeNothingOfEachOther(t *testing.T) {
	for _, copied := range []bool{false, true} {
		t.Run(fmt.Sprintf("copied %t", copied), func(t *testing.T) {
			s := start(t, config{runtime: runtime.Options{MemoryBytes: 48 << 20, CopyImages: copied}})
			const functions = 7
			for n := range functions {
				name := fmt.Sprintf("f%d", n)
				s.deploy(name, runtimetest.Zip(t, map[string]string{
					"main.py": remembers, "data.txt": name, "mayfly.toml": fmt.Sprintf("[env]\nNAME = \"%s\"\n", name),
				}))
			}
			var callers sync.WaitGroup
			for caller := range 4 {
				callers.Go(func() {
					for i := range 30 {
						name := fmt.Sprintf("f%d", (caller+i*i)%functions)
						want := fmt.Sprintf(`["%s",null,0,[],"f","%s"]`, name, name)
						if a := s.send("GET", "/fn/"+name, ""); a.status != 200 || a.body != want {
							t.Errorf("%s answered %d %s, want %s", name, a.status, a.body, want)
						}
					}
				})
			}
			callers.Wait()
			if in := s.runtime.InMemory(); in.Pool.Acquired[2] == 0 || in.Pool.Used > in.Pool.Limit {
				t.Errorf("no sandbox was taken over, or the budget was exceeded: %+v", in.Pool)
			}
		})
	}
}

func TestImagesOutliveTheServer(t *testing.T) {
	dir := runtimetest.DataDir(t)
	s := start(t, config{runtime: runtime.Options{DataDir: dir}})
	s.deploy("f", runtimetest.Zip(t, map[string]string{"main.py": remembers, "data.txt": "f", "mayfly.toml": "[env]\nNAME = \"f\"\n"}))
	s.stop()
	const want = `["f",null,0,[],"f","f"]`

	s = start(t, config{runtime: runtime.Options{DataDir: dir}})
	if a := s.send("GET", "/fn/f", ""); a.body != want || strings.Contains(a.header.Get("Server-Timing"), "boot") {
		t.Errorf("with the images on disk: %d %s, %s", a.status, a.body, a.header.Get("Server-Timing"))
	}
	s.stop()

	for _, suffix := range []string{".zst", ".key"} {
		if damaged := damage(t, filepath.Join(dir, "cache", "images", "*"+suffix)); damaged < 2 {
			t.Fatalf("%d files %s; want a base's and a function's", damaged, suffix)
		}
		s = start(t, config{runtime: runtime.Options{DataDir: dir}})
		if a := s.send("GET", "/fn/f", ""); a.body != want || !strings.Contains(a.header.Get("Server-Timing"), "boot") {
			t.Errorf("with damaged files %s: %d %s, %s", suffix, a.status, a.body, a.header.Get("Server-Timing"))
		}
		s.stop()
	}
	s = start(t, config{runtime: runtime.Options{DataDir: dir}})
	if err := s.runtime.Delete("f"); err != nil {
		t.Fatal(err)
	}
	s.stop()

	s = start(t, config{runtime: runtime.Options{DataDir: dir}})
	s.stop()
	if images, _ := filepath.Glob(filepath.Join(dir, "cache", "images", "*")); len(images) != 2 {
		t.Errorf("the function is deleted, and there are still %v; want the base and its key", images)
	}
}

// damage changes a byte in the middle of each file that a pattern matches, and returns how many they are.
func damage(t *testing.T, pattern string) int {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		content[len(content)/2] ^= 0x80
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return len(names)
}

func TestDamagedCompiledModulesAreCompiledAgain(t *testing.T) {
	dir := t.TempDir() // with a compilation cache of its own
	s := start(t, config{runtime: runtime.Options{DataDir: dir}})
	s.deploy("f", runawayModule())
	s.stop()
	if damage(t, filepath.Join(dir, "cache", "compiled", "*", "*")) == 0 {
		t.Fatal("there are no compiled modules")
	}
	s = start(t, config{runtime: runtime.Options{DataDir: dir}})
	for range 2 {
		if a := s.send("GET", "/fn/f", ""); a.body != "fine" {
			t.Errorf("got %d %s", a.status, a.body)
		}
	}
}

func TestDamagedFilesAreUnpackedAgain(t *testing.T) {
	dir := runtimetest.DataDir(t)
	s := start(t, config{runtime: runtime.Options{DataDir: dir}})
	s.deploy("f", s.python(hello, ""))
	s.stop()
	if damage(t, filepath.Join(dir, "cache", "files", "*", "main.py")) != 1 {
		t.Fatal("there is not one main.py")
	}
	if err := os.RemoveAll(filepath.Join(dir, "cache", "images")); err != nil {
		t.Fatal(err)
	}
	s = start(t, config{runtime: runtime.Options{DataDir: dir}})
	if a := s.send("GET", "/fn/f", ""); a.body != "fine" {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

func TestCommandsImagesAreBoundedAndGivenBack(t *testing.T) {
	s := start(t, config{runtime: runtime.Options{MemoryBytes: 64 << 20}})
	// 4 MiB that are not zeros, in memory of 16 MiB.
	wasm := new(wasitest.Module).Section(1, []byte{0x60, 0, 0}).Section(3, []byte{0}, []byte{0}).Section(5, []byte{0, 0x80, 2}).
		Section(7, append(wasitest.Name("_start"), 0, 0), append(wasitest.Name("_initialize"), 0, 1), append(wasitest.Name("memory"), 2, 0)).
		Section(10, []byte{2, 0, 0x0b}, []byte{0x0e, 0, 0x41, 0, 0x41, 1, 0x41, 0x80, 0x80, 0x80, 2, 0xfc, 11, 0, 0x0b}).Bytes()
	const functions = 6
	for n := range functions {
		s.deploy(fmt.Sprintf("f%d", n), append(bytes.Clone(wasm), 0, 3, 1, 'x', byte(n)))
	}
	if in := s.runtime.InMemory(); in.ImageBytes > 8<<20 || in.Images > 2 {
		t.Errorf("%d images with %d bytes, where 8 MiB may be", in.Images, in.ImageBytes)
	}
	for n := range functions {
		if err := s.runtime.Delete(fmt.Sprintf("f%d", n)); err != nil {
			t.Fatal(err)
		}
	}
	if in := s.runtime.InMemory(); in.ImageBytes != 0 {
		t.Errorf("all functions are gone, and %d bytes of images are there", in.ImageBytes)
	}
}

func TestALimitOnMemoryBelowAnImagesSizeIsNamed(t *testing.T) {
	dir := runtimetest.DataDir(t)
	s := start(t, config{runtime: runtime.Options{DataDir: dir}})
	s.deploy("f", s.python("held = bytearray(20 << 20)\n\ndef handler(request):\n    return 'hello'\n", ""))
	s.stop()
	for _, limit := range []int64{8 << 20, 24 << 20} { // too little for CPython, and for the image
		s = start(t, config{runtime: runtime.Options{DataDir: dir, Defaults: runtime.Limits{PythonMemory: limit}}})
		a := s.send("GET", "/fn/f", "")
		if p := a.problem(t); a.status != 507 || p["setting"] != "memory in mayfly.toml" || !strings.Contains(p["measured"].(string), "to start") {
			t.Errorf("with %d bytes: %d %s", limit, a.status, a.body)
		}
		s.stop()
	}
}

func TestLazyFunctionsAreLoadedByTheirFirstRequest(t *testing.T) {
	s := start(t, config{})
	put := func(name string, artifact []byte) {
		t.Helper()
		if a := s.send("PUT", "/v1/functions/"+name+"?lazy=true", string(artifact)); a.status != 201 {
			t.Fatalf("deploy: %d %s", a.status, a.body)
		}
	}
	put("good", s.python("def handler(request):\n    return 'hello'\n", ""))
	put("bad", s.python("1/0\n", ""))
	if in := s.runtime.InMemory(); in.Modules+in.Pythons+in.Images != 0 {
		t.Errorf("loaded already: %+v", in)
	}
	if a := s.send("GET", "/fn/good", ""); a.body != "hello" {
		t.Errorf("got %d %s", a.status, a.body)
	}
	if a := s.send("GET", "/fn/bad", ""); a.status != 502 || !strings.Contains(a.body, "ZeroDivisionError") {
		t.Errorf("got %d %s", a.status, a.body)
	}
	if a := s.send("PUT", "/v1/functions/good?lazy=perhaps", "x"); a.status != 400 {
		t.Errorf("lazy=perhaps: %d %s", a.status, a.body)
	}
}

func TestLoadingThatDoesNotEndIsStopped(t *testing.T) {
	s := start(t, config{})
	const manifest = "[image]\ntimeout = \"300ms\"\n"
	for name, artifact := range map[string][]byte{
		"import":  s.python("while True:\n    pass\n", manifest),
		"sleep":   s.python("import time\ntime.sleep(1000)\n", manifest),
		"warm-up": s.python("def handler(request):\n    while True:\n        pass\n", manifest+"warmup = [\"/\"]\n"),
	} {
		t.Run(name, func(t *testing.T) {
			a := s.send("PUT", "/v1/functions/"+name, string(artifact))
			if detail, _ := a.problem(t)["detail"].(string); a.status != 422 || !strings.Contains(detail, "importing the function and warming it up is 300ms") {
				t.Errorf("deploying got %d %s", a.status, a.body)
			}
			if a := s.send("PUT", "/v1/functions/"+name+"?lazy=true", string(artifact)); a.status != 201 {
				t.Fatalf("%d %s", a.status, a.body)
			}
			a = s.send("GET", "/fn/"+name, "")
			s.requireLimit(t, a, "importing the function and warming it up", 300*time.Millisecond, "timeout under [image] in mayfly.toml")
		})
	}
}

func TestWarmUpsAreRememberedByTheImage(t *testing.T) {
	s := start(t, config{})
	const source = `
served = []

def handler(request):
    served.append(f"{request.method} {request.path}?{request.query_string}")
    if request.path == "/bad":
        return "no", 500
    return served
`
	s.deploy("warm", s.python(source, "[image]\nwarmup = [\"/a?x=1\", \"POST /b\"]\n"))
	for range 2 {
		if a := s.send("GET", "/fn/warm/c", ""); a.body != `["GET /a?x=1","POST /b?","GET /c?"]` {
			t.Errorf("got %d %s", a.status, a.body)
		}
	}
	a := s.send("PUT", "/v1/functions/warm", string(s.python(source, "[image]\nwarmup = [\"/bad\"]\n")))
	if detail, _ := a.problem(t)["detail"].(string); a.status != 422 || !strings.Contains(detail, `"/bad" of mayfly.toml was answered with status 500`) {
		t.Errorf("a warm-up that fails: %d %s", a.status, a.body)
	}
	a = s.send("PUT", "/v1/functions/command", string(runtimetest.Zip(t, map[string]string{
		"fn.wasm": string(wasitest.Command(nil)), "mayfly.toml": "[image]\nwarmup = [\"/\"]\n",
	})))
	if a.status != 422 {
		t.Errorf("a warm-up for a command: %d %s", a.status, a.body)
	}
}

func TestHooksRunBeforeEachFreshRequest(t *testing.T) {
	s := start(t, config{})
	const source = `
import tempfile, mayfly

began = 0

@mayfly.on_restore
def begin():
    global began
    began += 1

def handler(request):
    return [began, tempfile.mktemp()]
`
	s.deploy("fresh", s.python(source, "[image]\nwarmup = [\"/\"]\n"))
	s.deploy("reuse", s.python(source, "isolation = \"reuse\"\nconcurrency = 1\n"))
	names := map[string]bool{}
	for _, function := range []string{"fresh", "fresh", "fresh", "reuse", "reuse"} {
		a := s.send("GET", "/fn/"+function, "")
		began, name, _ := strings.Cut(a.body, ",")
		if began != "[1" || names[name] {
			t.Errorf("%s answered %d %s", function, a.status, a.body)
		}
		names[name] = true
	}
}

func TestMetricsTellWhatIsHeld(t *testing.T) {
	s := start(t, config{runtime: runtime.Options{CopyImages: true}})
	s.deploy("hello", s.python("def handler(request):\n    return 'hello'\n", ""))
	s.send("GET", "/fn/hello", "")
	a := s.send("GET", "/metrics", "")
	for _, want := range []string{
		"mayfly_modules 1\n", "mayfly_pythons 1\n", "mayfly_images 1\n", "mayfly_sandboxes_acquired_total{source=\"warm\"} 1\n",
		"mayfly_reset_mode{mode=\"copied\"} 1\n", "mayfly_reset_mode{mode=\"tracked\"} 0\n",
	} {
		if !strings.Contains(a.body, want) {
			t.Errorf("the metrics lack %q:\n%s", want, a.body)
		}
	}
}
