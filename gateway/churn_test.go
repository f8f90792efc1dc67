package gateway_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mayfly-faas/mayfly/runtime"
	"github.com/mayfly-faas/mayfly/runtime/pool"
)

// churn does random things to a few functions, from several goroutines at once. Errors are those that others can cause.
type churn struct {
	s         *server
	artifacts map[string][][]byte // by function
	expected  []error
	done      chan struct{} // gets one for each operation

	mu        sync.Mutex
	succeeded map[string]int // guarded by mu; operations by what they did
}

func (c *churn) run(workers, operations int, seed uint64) {
	var all sync.WaitGroup
	for worker := range workers {
		all.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(worker)))
			for range operations {
				what, err := c.operate(random)
				if err != nil && !slices.ContainsFunc(c.expected, func(want error) bool { return errors.Is(err, want) }) {
					c.s.t.Errorf("seed %d: %s: %v", seed, what, err)
				}
				if err == nil {
					c.mu.Lock()
					c.succeeded[strings.Fields(what)[0]]++
					c.mu.Unlock()
				}
				c.done <- struct{}{}
			}
		})
	}
	all.Wait()
}

func (c *churn) operate(random *rand.Rand) (what string, err error) {
	functions := []string{"python", "module"}
	function := functions[random.IntN(len(functions))]
	rt := c.s.runtime
	switch n := random.IntN(20); n {
	case 0, 1:
		of := c.artifacts[function]
		what = "deploy"
		_, err = rt.Deploy(function, bytes.NewReader(of[random.IntN(len(of))]), runtime.DeployOptions{Lazy: random.IntN(4) == 0})
	case 2, 3, 4:
		what, err = "unload", rt.Unload(function, []runtime.From{runtime.FromImage, runtime.FromModule, runtime.FromDisk}[n-2])
	case 5, 6:
		what = "rollback"
		_, err = rt.Rollback(function, uint64(random.IntN(2)))
	case 7:
		what, err = "delete", rt.Delete(function)
	default:
		what = "call"
		response, _, callErr := c.s.invoke(function, "")
		if err = callErr; err == nil && !strings.HasPrefix(string(response.Body), "fine") {
			err = fmt.Errorf("it answered %q", response.Body)
		}
	}
	return what + " " + function, err
}

func startChurn(t *testing.T) *churn {
	s := start(t, config{runtime: runtime.Options{MemoryBytes: 128 << 20}})
	c := &churn{s: s, done: make(chan struct{}, 1<<16), expected: []error{runtime.ErrNotFound}, artifacts: map[string][][]byte{}, succeeded: map[string]int{}}
	for n := range 3 {
		source := fmt.Sprintf("def handler(request):\n    return 'fine %d'\n", n)
		c.artifacts["python"] = append(c.artifacts["python"], s.python(source, ""))
		// A custom section makes it another module.
		module := append(runawayModule(), 0, 3, 1, 'x', byte(n))
		c.artifacts["module"] = append(c.artifacts["module"], module)
	}
	return c
}

func TestChangesAtOnceLeaveNothingBehind(t *testing.T) {
	c := startChurn(t)
	c.run(6, 60, rand.Uint64())
	for _, what := range []string{"deploy", "unload", "rollback", "delete", "call"} {
		if c.succeeded[what] == 0 {
			t.Errorf("no %s has succeeded: %v", what, c.succeeded)
		}
	}
	rt := c.s.runtime
	for function, artifacts := range c.artifacts {
		if _, err := rt.Deploy(function, bytes.NewReader(artifacts[2]), runtime.DeployOptions{}); err != nil {
			t.Fatal(err)
		}
		if a := c.s.send("GET", "/fn/"+function, ""); a.status != 200 || !strings.HasPrefix(a.body, "fine") {
			t.Errorf("afterwards %s answers %d %s", function, a.status, a.body)
		}
		if err := rt.Unload(function, runtime.FromDisk); err != nil {
			t.Fatal(err)
		}
	}
	// What was in use at last is brought back, or ended, after the answer.
	want := runtime.InMemory{}
	var got runtime.InMemory
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		got = rt.InMemory()
		got.Modules = 0 // of versions that are not live any more; they go when others come
		got.Pool.Limit, got.Pool.Counts = 0, pool.Counts{}
		if got == want {
			return
		}
	}
	t.Errorf("in memory (-want +got):\n%s", cmp.Diff(want, got))
}

func TestManyColdFunctionsAtOnceAreAllAnswered(t *testing.T) {
	s := start(t, config{runtime: runtime.Options{MemoryBytes: 96 << 20}}) // fewer sandboxes than functions
	const functions = 30
	for n := range functions {
		artifact := s.python(fmt.Sprintf("import json\ndef handler(request):\n    return json.dumps(%d)\n", n), "")
		if a := s.send("PUT", fmt.Sprintf("/v1/functions/f%d?lazy=true", n), string(artifact)); a.status != 201 {
			t.Fatalf("deploy: %d %s", a.status, a.body)
		}
	}
	for round := range 2 { // images are made, then taken from memory or the disk
		for n, a := range s.callAll(2*functions, func(n int) string { return fmt.Sprintf("/fn/f%d", n%functions) }) {
			if a.status != 200 || a.body != fmt.Sprint(n%functions) {
				t.Errorf("round %d: f%d answered %d %s", round, n%functions, a.status, a.body)
			}
		}
	}
}

func TestGrowingSandboxesKeepWithinTheBudget(t *testing.T) {
	const budget, largest = 112 << 20, 64 << 20
	s := start(t, config{runtime: runtime.Options{MemoryBytes: budget}})
	const grower = `
def handler(request):
    try:
        held = bytearray(int(request.query_string) << 20)
    except MemoryError:
        return "no room", 507
    return "fine"
`
	for _, name := range []string{"a", "b"} {
		s.deploy(name, s.python(grower, `memory = "64MiB"`))
	}
	answered := map[int]int{}
	for range 4 {
		for _, a := range s.callAll(24, func(n int) string { return fmt.Sprintf("/fn/%c?%d", "ab"[n%2], 1+n*2) }) {
			if used := s.runtime.InMemory().Pool.Used; used > budget+largest {
				t.Errorf("%d bytes are used of %d", used, budget)
			}
			if answered[a.status]++; a.status != 200 && a.status != 507 {
				t.Errorf("got %d %s", a.status, a.body)
			}
		}
	}
	if answered[200] == 0 {
		t.Errorf("answers by status: %v", answered)
	}
	if a := s.send("GET", "/fn/a?40", ""); a.status != 200 {
		t.Errorf("afterwards, and alone, a sandbox cannot grow: %d %s", a.status, a.body)
	}
}

func TestClosingAmidChangesGivesExpectedErrorsOnly(t *testing.T) {
	c := startChurn(t)
	c.expected = append(c.expected, runtime.ErrClosed, runtime.ErrCanceled)
	var closed sync.WaitGroup
	closed.Go(func() {
		for range 100 {
			<-c.done
		}
		if err := c.s.runtime.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	c.run(6, 40, rand.Uint64())
	closed.Wait()
	if _, _, err := c.s.invoke("python", ""); !errors.Is(err, runtime.ErrClosed) {
		t.Errorf("after closing, a call is %v", err)
	}
}
