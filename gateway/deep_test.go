package gateway_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mayfly-faas/mayfly/runtime/runtimetest"
)

// TestFunctionsThatNestDeepGetADeepStack imports more modules within one another than C's stack of CPython for WASI has room for. Recursion then ends by
// CPython's own limit.
func TestFunctionsThatNestDeepGetADeepStack(t *testing.T) {
	const deep = `
class Nested:
    def __call__(self, n):
        return n and self(n - 1)

def handler(request):
    try:
        return f"{Nested()(int(request.path[1:]))}"
    except RecursionError:
        return "RecursionError"
`
	files := map[string]string{"main.py": "import m0\n" + deep}
	const imports = 35
	for n := range imports {
		files[fmt.Sprintf("m%d.py", n)] = fmt.Sprintf("import m%d\n", n+1)
	}
	files[fmt.Sprintf("m%d.py", imports)] = ""
	s := start(t, config{})
	s.deploy("deep", runtimetest.Zip(t, files))
	for _, from := range []string{"", "image", "disk"} {
		if from != "" {
			if a := s.send("POST", "/v1/functions/deep/unload", `{"from":"`+from+`"}`); a.status != 204 {
				t.Fatalf("unload: %d %s", a.status, a.body)
			}
		}
		for path, want := range map[string]string{"/10": "0", "/150": "0", "/1000": "RecursionError"} {
			if a := s.send("GET", "/fn/deep"+path, ""); a.status != 200 || a.body != want {
				t.Errorf("from %q, %s: %d %s, want %s", from, path, a.status, a.body, want)
			}
		}
	}
	s.deploy("flat", s.python(deep, ""))
	if a := s.send("GET", "/fn/flat/1000", ""); a.status != 502 || !strings.Contains(a.body, "nested too deep") {
		t.Errorf("with the usual stack: %d %s", a.status, a.body)
	}
	if a := s.send("GET", "/fn/flat/10", ""); a.status != 200 {
		t.Errorf("after it: %d %s", a.status, a.body)
	}
}
