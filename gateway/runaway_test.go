package gateway_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mayfly-faas/mayfly/host/wasi/wasitest"
	"github.com/mayfly-faas/mayfly/runtime/call"
	"github.com/mayfly-faas/mayfly/runtime/pool"
	"github.com/mayfly-faas/mayfly/runtime/runtimetest"
)

// runaways are what does not end by itself, or not within a lifetime, by the function that does it when it is asked for in its query. None waits
// for its input, which is whole before it runs.
var runaways = map[string][]string{
	"python": {"spin", "backtrack", "power", "tree", "fib", "iterate", "sleep", "select", "lock", "poll"},
	"async":  {"spin", "sleep"},
	"go":     {"spin", "sleep", "wait"},
	"module": {"loop", "calls", "tree", "fill", "big-fill", "copy", "straight", "random", "poll", "read"},
}

const runawayPython = `
import collections, itertools, re, select, threading, time

def tree(n):
    if n:
        tree(n - 1)
        tree(n - 1)

def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)

def handler(request):
    match request.query_string:
        case "spin":
            while True:
                pass
        case "backtrack":
            re.match("(a+)+$", "a" * 64 + "b")
        case "power":
            return str(7 ** (10 ** 8))
        case "tree":
            tree(100)
        case "fib":
            fib(200)
        case "iterate":
            collections.deque(itertools.repeat(0), maxlen=0)
        case "sleep":
            time.sleep(1000)
        case "select":
            select.select([], [], [], 1000)
        case "lock":
            l = threading.Lock()
            l.acquire()
            l.acquire()
        case "poll":
            select.poll().poll(1000 * 1000)
        case "nap":
            for _ in range(4):
                time.sleep(0.1)
        case "nap-and-spin":
            time.sleep(0.4)
            while True:
                pass
    return "fine"
`

const runawayAsync = `
import asyncio

async def handler(request):
    match request.query_string:
        case "spin":
            while True:
                await asyncio.sleep(0)
        case "sleep":
            await asyncio.gather(asyncio.sleep(1000), asyncio.sleep(2000))
    return "fine"
`

const runawayGo = `package main

import (
	"os"
	"time"
)

func main() {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "spin":
			for {
			}
		case "sleep":
			time.Sleep(time.Hour)
		case "wait":
			go func() {
				for range time.Tick(time.Millisecond) {
				}
			}()
			<-make(chan int)
		}
	}
	os.Stdout.WriteString("Content-Type: text/plain\n\nfine")
}
`

// runawayModule assembles a command that does what its second argument begins with.
func runawayModule() []byte {
	const i32 = 0x7f
	u32 := binary.LittleEndian.AppendUint32
	const (
		table, strings, input, output, sub, events, scratch = 0, 1024, 512, 528, 768, 832, 896
		answer                                              = 4096
	)
	c := func(v uint64) []byte { // i32.const
		var b []byte
		for b = []byte{0x41}; v > 63; v >>= 7 {
			b = append(b, byte(v)|0x80)
		}
		return append(b, byte(v))
	}
	call := func(function byte, args ...uint64) (code []byte) {
		for _, a := range args {
			code = append(code, c(a)...)
		}
		return append(code, 0x10, function, 0x1a) // call, drop
	}
	forever := func(code ...byte) []byte { return slices.Concat([]byte{0x03, 0x40}, code, []byte{0x0c, 0, 0x0b}) } // loop, br 0, end
	const argsGet, fdRead, fdWrite, pollOneoff, randomGet, tree = 0, 1, 2, 3, 4, 6
	descend := func(n uint64) []byte { return append(c(n), 0x10, tree) }
	const megabytes = 48
	grown := append(c(megabytes<<4+1), 0x40, 0, 0x1a) // memory.grow, drop
	start := call(argsGet, table, strings)
	for _, way := range []struct {
		letters string // the argument's first two
		code    []byte
	}{
		{"lo", forever()},
		{"ca", forever(descend(0)...)},
		{"tr", descend(100)},
		{"fi", forever(slices.Concat(c(8192), c(0), c(32768), []byte{0xfc, 11, 0})...)}, // memory.fill
		{"bi", slices.Concat(grown, forever(slices.Concat(c(8192), c(0), c(megabytes<<20), []byte{0xfc, 11, 0})...))},
		{"co", slices.Concat(grown, forever(slices.Concat(c(8192), c(16384), c(megabytes<<20), []byte{0xfc, 10, 0, 0})...))}, // memory.copy
		{"st", forever(bytes.Repeat([]byte{0x41, 0, 0x1a}, 1<<13)...)},                                                       // i32.const, drop
		{"ra", slices.Concat(grown, forever(call(randomGet, 8192, megabytes<<20)...))},
		{"po", call(pollOneoff, sub, events, 1, scratch)},
		{"re", forever(call(fdRead, 0, input, 1, scratch)...)},
	} {
		// If the 16 bits that the table's second element leads to are those letters.
		start = slices.Concat(start, c(table), []byte{0x28, 2, 4, 0x2f, 0, 0}, c(uint64(way.letters[0])|uint64(way.letters[1])<<8), []byte{0x46, 0x04, 0x40}, way.code, []byte{0x0b})
	}
	start = append(start, call(fdWrite, 1, output, 1, scratch)...)
	// tree(n) is: if n, tree(n-1), tree(n-1).
	half := []byte{0x20, 0, 0x41, 1, 0x6b, 0x10, tree}
	treeCode := slices.Concat([]byte{0x20, 0, 0x04, 0x40}, half, half, []byte{0x0b})
	body := func(code []byte) []byte {
		code = slices.Concat([]byte{0}, code, []byte{0x0b})
		return append(binary.AppendUvarint(nil, uint64(len(code))), code...)
	}
	const text = "Content-Type: text/plain\n\nfine"
	clock := make([]byte, 48) // relative, on the real-time clock
	binary.LittleEndian.PutUint64(clock[24:], uint64(time.Hour))
	data := func(at uint64, b []byte) []byte {
		return slices.Concat([]byte{0}, c(at), []byte{0x0b}, binary.AppendUvarint(nil, uint64(len(b))), b)
	}
	imported := func(name string, kind byte) []byte {
		return append(append(wasitest.Name("wasi_snapshot_preview1"), wasitest.Name(name)...), 0, kind)
	}
	return new(wasitest.Module).
		Section(1, []byte{0x60, 2, i32, i32, 1, i32}, []byte{0x60, 4, i32, i32, i32, i32, 1, i32}, []byte{0x60, 0, 0}, []byte{0x60, 1, i32, 0}).
		Section(2, imported("args_get", 0), imported("fd_read", 1), imported("fd_write", 1), imported("poll_oneoff", 1), imported("random_get", 0)).
		Section(3, []byte{2}, []byte{3}).Section(5, []byte{0, 1}).
		Section(7, append(wasitest.Name("_start"), 0, 5), append(wasitest.Name("memory"), 2, 0)).
		Section(10, body(start), body(treeCode)).
		Section(11, data(table, u32(u32(nil, answer), answer)), data(input, u32(u32(nil, scratch+64), 8)), data(output, u32(u32(nil, answer), uint32(len(text)))), data(sub, clock), data(answer, []byte(text))).
		Bytes()
}

// deployRunaway deploys one of the functions of runaways, with one sandbox.
func (s *server) deployRunaway(name, function, manifest string) {
	s.t.Helper()
	manifest += "\nconcurrency = 1\n"
	wasm := func(module []byte) []byte {
		return runtimetest.Zip(s.t, map[string]string{"fn.wasm": string(module), "mayfly.toml": manifest})
	}
	switch function {
	case "python":
		s.deploy(name, s.python(runawayPython, manifest))
	case "async":
		s.deploy(name, s.python(runawayAsync, manifest))
	case "go":
		s.deploy(name, wasm(runtimetest.GoCommand(s.t, runawayGo)))
	case "module":
		s.deploy(name, wasm(runawayModule()))
	}
}

func TestRunawaysEndAndTheirSandboxesServeTheNextRequest(t *testing.T) {
	s := start(t, config{})
	for function, ways := range runaways {
		s.deployRunaway(function, function, `timeout = "300ms"`)
		for _, way := range ways {
			t.Run(function+"/"+way, func(t *testing.T) {
				a := s.send("GET", "/fn/"+function+"?"+way, "")
				s.requireLimit(t, a, "a request's time", 300*time.Millisecond, "timeout in mayfly.toml")
				s.requireSameSandbox(t, "/fn/"+function)
			})
		}
	}

	for _, function := range []string{"python", "module"} {
		s.deployRunaway(function+"-cpu", function, "cpu = \"300ms\"\ntimeout = \"1m\"")
	}
	for _, way := range []string{"python-cpu?spin", "python-cpu?nap-and-spin", "python-cpu?fib", "module-cpu?loop", "module-cpu?read"} {
		t.Run(way, func(t *testing.T) {
			s.requireLimit(t, s.send("GET", "/fn/"+way, ""), "a request's CPU time", 300*time.Millisecond, "cpu in mayfly.toml")
			function, _, _ := strings.Cut(way, "?")
			s.requireSameSandbox(t, "/fn/"+function)
		})
	}
	if a := s.send("GET", "/fn/python-cpu?nap", ""); a.status != 200 || a.body != "fine" {
		t.Errorf("a request that waits for longer than it may compute got %d %s", a.status, a.body)
	}
}

// requireLimit checks that an answer is a timeout's, and which limit it names.
func (s *server) requireLimit(t *testing.T, a answer, limit string, value time.Duration, setting string) {
	t.Helper()
	p := a.problem(t)
	if kind, _ := p["type"].(string); a.status != 504 || !strings.HasSuffix(kind, "/timeout") {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	if p["limit"] != limit || p["value"] != value.String() || p["setting"] != setting {
		t.Errorf("the problem names %v of %v, set by %v; want %s of %s, set by %s", p["limit"], p["value"], p["setting"], limit, value, setting)
	}
	text, _ := p["measured"].(string)
	if measured, err := time.ParseDuration(text); err != nil || measured < value {
		t.Errorf("measured %q, want at least %s", text, value)
	}
}

// requireSameSandbox checks that the next request is answered as if nothing had been, by the sandbox that served the one before it.
func (s *server) requireSameSandbox(t *testing.T, path string) {
	t.Helper()
	want := s.runtime.InMemory().Pool.Acquired
	want[pool.Warm]++
	a := s.send("GET", path, "")
	if a.status != 200 || a.body != "fine" {
		t.Errorf("the next request got %d %s", a.status, a.body)
	}
	if got := s.runtime.InMemory().Pool.Acquired; got != want || a.header.Get("X-Mayfly-Start") != "warm" {
		t.Errorf("the next request had a %s start; sandboxes acquired %v, want %v", a.header.Get("X-Mayfly-Start"), got, want)
	}
}

// BenchmarkStop measures how long after its deadline a runaway is stopped, in milliseconds: the latest, and the half of them.
func BenchmarkStop(b *testing.B) {
	const timeout = 100 * time.Millisecond
	s := start(b, config{})
	for _, function := range []string{"python", "async", "go", "module"} {
		s.deployRunaway(function, function, `timeout = "`+timeout.String()+`"`)
		for _, way := range runaways[function] {
			b.Run(function+"/"+way, func(b *testing.B) {
				var late []float64
				for b.Loop() {
					r := &call.Request{ID: "1", Method: "GET", ScriptName: "/fn/" + function, Query: way, Proto: "HTTP/1.1", Host: "localhost", RemoteAddr: "127.0.0.1:1", ServerAddr: "127.0.0.1:2"}
					_, o, err := s.runtime.Invoke(b.Context(), function, r)
					if err == nil {
						b.Fatal("it ended by itself")
					}
					late = append(late, float64(o.Phases[call.Run]-timeout)/1e6)
				}
				slices.Sort(late)
				b.ReportMetric(late[len(late)-1], "late-ms-max")
				b.ReportMetric(late[len(late)/2], "late-ms-p50")
				b.ReportMetric(0, "ns/op") // which is the timeout
			})
		}
	}
}
