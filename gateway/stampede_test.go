package gateway_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mayfly-faas/mayfly/runtime"
	"github.com/mayfly-faas/mayfly/runtime/call"
)

const hello = "def handler(request):\n    return 'fine'\n"

// took returns the times that the answers tell of a phase: each once, since those who waited for the same thing tell of the same time.
func took(answers []answer, phase string) map[string]bool {
	times := map[string]bool{}
	for _, a := range answers {
		for part := range strings.SplitSeq(a.header.Get("Server-Timing"), ", ") {
			if name, dur, _ := strings.Cut(part, ";dur="); name == phase {
				times[dur] = true
			}
		}
	}
	return times
}

func TestColdFunctionsAreMadeReadyOnceHoweverManyCall(t *testing.T) {
	s := start(t, config{})
	for name, artifact := range map[string][]byte{"python": s.python(hello, ""), "module": runawayModule()} {
		if a := s.send("PUT", "/v1/functions/"+name+"?lazy=true", string(artifact)); a.status != 201 {
			t.Fatalf("deploy: %d %s", a.status, a.body)
		}
	}
	for _, tc := range []struct {
		function, from string
		phases         []string // what has to be done, once
	}{
		{"python", "", []string{"load", "compile", "boot"}},
		{"python", "module", []string{"load", "boot"}},
		{"python", "disk", []string{"load", "compile"}},
		{"module", "", []string{"load", "compile", "boot"}},
		{"module", "module", []string{"boot"}},
		{"module", "disk", []string{"load", "compile", "boot"}},
	} {
		if tc.from != "" {
			if a := s.send("POST", "/v1/functions/"+tc.function+"/unload", `{"from":"`+tc.from+`"}`); a.status != 204 {
				t.Fatalf("unload: %d %s", a.status, a.body)
			}
		}
		answers := s.callAll(50, func(int) string { return "/fn/" + tc.function })
		for _, a := range answers {
			if a.status != 200 || a.body != "fine" {
				t.Fatalf("%s from %q: %d %s", tc.function, tc.from, a.status, a.body)
			}
		}
		for _, phase := range []string{"load", "compile", "boot"} {
			want := 0
			for _, p := range tc.phases {
				if p == phase {
					want = 1
				}
			}
			if got := took(answers, phase); len(got) != want {
				t.Errorf("%s from %q: %s took place %d times (%v), want %d", tc.function, tc.from, phase, len(got), got, want)
			}
		}
	}
	if in := s.runtime.InMemory(); in.Modules != 2 || in.Pythons != 1 || in.Images != 2 {
		t.Errorf("in memory are %d modules, %d CPythons and %d images, want 2, 1 and 2", in.Modules, in.Pythons, in.Images)
	}

	// Some of these callers come just when the function has become ready.
	for function, rounds := range map[string]int{"module": 200, "python": 10} {
		for round := range rounds {
			if err := s.runtime.Unload(function, runtime.FromModule); err != nil {
				t.Fatal(err)
			}
			boots := map[time.Duration]bool{}
			var mu sync.Mutex
			var callers sync.WaitGroup
			for range 16 {
				callers.Go(func() {
					_, o, err := s.invoke(function, "")
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					defer mu.Unlock()
					if o.Phases[call.Boot] > 0 {
						boots[o.Phases[call.Boot]] = true
					}
				})
			}
			callers.Wait()
			if len(boots) != 1 {
				t.Fatalf("%s, round %d: it was made ready %d times: %v", function, round, len(boots), boots)
			}
		}
	}
}

// invoke calls a function without HTTP.
func (s *server) invoke(function, body string) (*call.Response, runtime.Outcome, error) {
	return s.runtime.Invoke(context.Background(), function, &call.Request{
		ID: "1", Method: "POST", ScriptName: "/fn/" + function, Proto: "HTTP/1.1", Host: "localhost", RemoteAddr: "127.0.0.1:1", ServerAddr: "127.0.0.1:2",
		Body: []byte(body),
	})
}
