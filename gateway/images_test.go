package gateway_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

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

	images, err := filepath.Glob(filepath.Join(dir, "cache", "images", "*.zst"))
	if err != nil || len(images) != 2 {
		t.Fatalf("%d images, %v; want a base and a function's", len(images), err)
	}
	for _, name := range images {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		content[len(content)/2] ^= 1
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s = start(t, config{runtime: runtime.Options{DataDir: dir}})
	if a := s.send("GET", "/fn/f", ""); a.body != want || !strings.Contains(a.header.Get("Server-Timing"), "boot") {
		t.Errorf("with damaged images: %d %s, %s", a.status, a.body, a.header.Get("Server-Timing"))
	}
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
