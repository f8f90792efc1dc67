//go:build !race

// With the race detector, wazero takes a minute to compile CPython.

package gateway_test

import (
	"regexp"
	"testing"
	"time"

	"github.com/mayfly-faas/mayfly/runtime"
	"github.com/mayfly-faas/mayfly/runtime/runtimetest"
)

func TestStartsFromNothingMakeEverythingAgain(t *testing.T) {
	s := start(t, config{runtime: runtime.Options{Idle: time.Hour}})
	const greet = "def handler(request):\n    return 'hello'\n"
	s.deploy("python", s.python(greet, ""))
	s.deploy("neighbour", s.python(greet+"# another\n", ""))
	s.deploy("command", runtimetest.GoCommand(t, "package main\n\nimport \"os\"\n\nfunc main() { os.Stdout.WriteString(\"Status: 200 OK\\n\\nhello\") }\n"))
	for _, tc := range []struct {
		function, from, timing string
	}{
		{"python", "nothing", `load;dur=.*, compile;dur=.*, boot;dur=.*, run;dur=`},
		// What was made then is found like what was there before.
		{"python", "disk", `load;dur=.*, compile;dur=[^b]*, restore;dur=.*, run;dur=`},
		{"python", "nothing", `load;dur=.*, compile;dur=.*, boot;dur=.*, run;dur=`},
		{"command", "nothing", `load;dur=.*, compile;dur=.*, boot;dur=.*, run;dur=`},
	} {
		if a := s.send("POST", "/v1/functions/"+tc.function+"/unload", `{"from":"`+tc.from+`"}`); a.status != 204 {
			t.Fatalf("unload: %d %s", a.status, a.body)
		}
		if a := s.send("GET", "/fn/neighbour", ""); a.body != "hello" || a.header.Get("X-Mayfly-Start") != "warm" {
			t.Errorf("the neighbour of %s, from %s: %d %s, %s", tc.function, tc.from, a.status, a.body, a.header.Get("X-Mayfly-Start"))
		}
		a := s.send("GET", "/fn/"+tc.function, "")
		if a.status != 200 || a.body != "hello" || a.header.Get("X-Mayfly-Start") != "cold" {
			t.Errorf("%s from %s: %d %s, %s", tc.function, tc.from, a.status, a.body, a.header.Get("X-Mayfly-Start"))
		}
		if got := a.header.Get("Server-Timing"); !regexp.MustCompile(tc.timing).MatchString(got) {
			t.Errorf("%s from %s: Server-Timing %q, want match of %q", tc.function, tc.from, got, tc.timing)
		}
	}
}
