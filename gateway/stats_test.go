package gateway_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/mayfly-faas/mayfly/runtime/runtimetest"
)

// distribution is a histogram as GET .../stats tells it.
type distribution struct {
	Calls                 int
	Total, Mean, P50, P99 float64
	Histogram             []struct{ Calls int }
}

type statistics struct {
	Calls, Cold, Errors int
	Outcomes            map[string]int
	Phases              map[string]distribution `json:"phases_ms"`
	CPU                 distribution            `json:"cpu_ms"`
	Memory              distribution            `json:"memory_bytes"`
	Pages               distribution
	HotPages            distribution `json:"hot_pages"`
}

// statistics returns a function's, when the sandbox of its last call is back.
func (s *server) statistics(function string, resets int) (st statistics) {
	s.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		a := s.send("GET", "/v1/functions/"+function+"/stats", "")
		st = statistics{}
		if err := json.Unmarshal([]byte(a.body), &st); err != nil {
			s.t.Fatalf("%v: %s", err, a.body)
		}
		if st.Phases["reset"].Calls >= resets {
			return st
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("after %d calls there were %d resets", resets, st.Phases["reset"].Calls)
		}
		time.Sleep(time.Millisecond) // polls, with a deadline
	}
}

func TestStatisticsTellOfEveryCallAndOutliveTheServer(t *testing.T) {
	c := config{}
	c.runtime.DataDir = runtimetest.DataDir(t)
	s := start(t, c)
	s.deploy("stats", s.python(`
import time

def handler(request):
    if request.path == "/sleep":
        time.sleep(0.05)
    elif request.path:
        raise ValueError("no")
    return "yes"
`, ""))
	for _, path := range []string{"", "", "", "/error", "/sleep"} {
		s.send("GET", "/fn/stats"+path, "")
	}
	check := func(s *server) {
		st := s.statistics("stats", 5)
		if st.Calls != 5 || st.Errors != 1 {
			t.Errorf("%d calls and %d errors, want 5 and 1", st.Calls, st.Errors)
		}
		for name, d := range map[string]distribution{"run": st.Phases["run"], "reset": st.Phases["reset"], "cpu": st.CPU, "memory": st.Memory, "pages": st.Pages, "hot pages": st.HotPages} {
			inBuckets := 0
			for _, b := range d.Histogram {
				inBuckets += b.Calls
			}
			if d.Calls != 5 || inBuckets != 5 || d.P50 > d.P99 {
				t.Errorf("%s: %d calls, %d in the histogram, p50 %g, p99 %g; want 5 in order", name, d.Calls, inBuckets, d.P50, d.P99)
			}
		}
		if st.Phases["run"].Total < 50 || st.CPU.Total > st.Phases["run"].Total-45 {
			t.Errorf("the calls took %g ms, and %g of CPU: one of them slept for 50", st.Phases["run"].Total, st.CPU.Total)
		}
		if st.Memory.P50 < 8<<20 || st.Pages.P50 < 1 {
			t.Errorf("memory %g, pages %g", st.Memory.P50, st.Pages.P50)
		}
	}
	check(s)
	s.stop()
	check(start(t, c))
}

func TestUsageIsToldToWhoAsks(t *testing.T) {
	s := start(t, config{})
	s.deploy("writes", s.python(`
def handler(request):
    written = bytearray(int(request.query["pages"]) * 4096)
    return str(len(written))
`, ""))
	if a := s.send("GET", "/fn/writes?pages=1", ""); a.header.Get("X-Mayfly-Usage") != "" {
		t.Errorf("nobody asked for %s", a.header.Get("X-Mayfly-Usage"))
	}
	usage := regexp.MustCompile(`^cpu-ms=(\d+\.\d{3}), memory=(\d+), pages=(\d+), hot=(\d+)$`)
	var pages [2]int
	for i, n := range []int{1, 500} {
		a := s.send("GET", fmt.Sprintf("/fn/writes?pages=%d", n), "", "X-Mayfly-Usage: 1")
		m := usage.FindStringSubmatch(a.header.Get("X-Mayfly-Usage"))
		if m == nil {
			t.Fatalf("got %d %q", a.status, a.header.Get("X-Mayfly-Usage"))
		}
		if _, err := fmt.Sscan(m[3], &pages[i]); err != nil {
			t.Fatal(err)
		}
	}
	if more := pages[1] - pages[0]; more < 490 {
		t.Errorf("500 pages more were written, and %d more are told (%v)", more, pages)
	}
}
