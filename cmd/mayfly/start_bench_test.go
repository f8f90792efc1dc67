package main

import (
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mayfly-faas/mayfly/cmd/mayfly/internal/bench"
	"github.com/mayfly-faas/mayfly/cmd/mayfly/internal/client"
	"github.com/mayfly-faas/mayfly/runtime/runtimetest"
)

// importing is a function like greetHandler that imports what many programs do.
const importing = "import asyncio, decimal, logging, dataclasses, re, json\n\n" + greetHandler

// BenchmarkColdStart measures cold starts inside of a server: the sum of the phases of calls that come after the server has dropped what the name
// says is not left, in milliseconds (p50-ms, p99-ms). In the same run it measures what starting the host's own CPython takes (python3); python3-times
// is how many times as long that is in the median.
func BenchmarkColdStart(b *testing.B) {
	server := startBinary(b, buildBinary(b), runtimetest.DataDir(b))
	server.deploy(b, "greet", greetHandler)
	server.deploy(b, "importing", importing)
	var host float64
	if python, ok := hostPython(b); ok {
		b.Run("python3", func(b *testing.B) {
			var ms []float64
			for b.Loop() {
				for range 50 {
					begin := time.Now()
					if err := exec.Command(python, "-c", "pass").Run(); err != nil {
						b.Fatal(err)
					}
					ms = append(ms, milliseconds(time.Since(begin)))
				}
			}
			host = percentile(ms, 50)
			reportMilliseconds(b, ms)
		})
	}
	for _, start := range []struct {
		name, function, from string
		calls                int
	}{
		{"image", "greet", fromImage, 300},
		{"image-importing", "importing", fromImage, 300},
		{"module", "greet", fromModule, 10},
		{"disk", "greet", "disk", 10},
		{"nothing", "greet", fromNothing, 2},
	} {
		b.Run(start.name, func(b *testing.B) {
			var ms []float64
			for b.Loop() {
				s := bench.Settings{Mode: bench.Cold, From: start.from, Calls: start.calls}
				report, err := bench.Run(b.Context(), server.client, greetCall(start.function), s, func(int) {})
				if err != nil {
					b.Fatal(err)
				}
				if n := report.Unlike(); n > 0 {
					b.Fatalf("%d of %d calls were not cold", n, start.calls)
				}
				for _, sample := range report.Samples {
					ms = append(ms, sample.TotalMS)
				}
			}
			reportMilliseconds(b, ms)
			if host > 0 {
				b.ReportMetric(host/percentile(ms, 50), "python3-times")
			}
		})
	}
}

// BenchmarkServerStart measures, in seconds, how long it takes from starting a server's process to its first answer, where the function was deployed
// before: its image lies on the disk, and CPython's compiled module.
func BenchmarkServerStart(b *testing.B) {
	binary, data := buildBinary(b), runtimetest.DataDir(b)
	server := startBinary(b, binary, data)
	server.deploy(b, "greet", greetHandler)
	server.stop()
	var s []float64
	for b.Loop() {
		for range 10 {
			begin := time.Now()
			server := startBinary(b, binary, data)
			server.greet(b, "greet", greetAnswer)
			s = append(s, time.Since(begin).Seconds())
			server.stop()
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(percentile(s, 50), "p50-s")
	b.ReportMetric(slices.Max(s), "max-s")
}

// deploy deploys a Python function and sees to it that it answers.
func (r *process) deploy(tb testing.TB, name, source string) {
	tb.Helper()
	if _, err := r.client.Deploy(tb.Context(), name, []byte(source), false); err != nil {
		tb.Fatalf("deploy %s: %v", name, err)
	}
	r.greet(tb, name, greetAnswer)
}

// greet calls a function that answers want, but for spaces.
func (r *process) greet(tb testing.TB, name, want string) *client.Answer {
	tb.Helper()
	a, err := r.client.Call(tb.Context(), greetCall(name))
	if err != nil {
		tb.Fatal(err)
	}
	if got := strings.ReplaceAll(string(a.Body), " ", ""); a.Status != http.StatusOK || got != want {
		tb.Fatalf("%s answered %d %s, want %s", name, a.Status, got, want)
	}
	return a
}

func greetCall(function string) client.Call {
	return client.Call{Function: function, Method: http.MethodPost, Body: []byte(greetBody)}
}

// hostPython returns the path of the host's python3 in an environment of its own: what is installed for it may be imported whenever it starts, and
// python3 may be a script that looks for the interpreter, either of which can take longer than the start.
func hostPython(tb testing.TB) (path string, ok bool) {
	tb.Helper()
	python3, err := exec.LookPath("python3")
	if err != nil {
		tb.Log("python3 is left out: it is not installed")
		return "", false
	}
	dir := tb.TempDir()
	if out, err := exec.Command(python3, "-m", "venv", "--without-pip", dir).CombinedOutput(); err != nil {
		tb.Logf("python3 is left out: it makes no environment: %v\n%s", err, out)
		return "", false
	}
	return filepath.Join(dir, "bin", "python3"), true
}

// reportMilliseconds reports a median and what one in a hundred takes longer than, instead of the time of an iteration.
func reportMilliseconds(b *testing.B, ms []float64) {
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(percentile(ms, 50), "p50-ms")
	b.ReportMetric(percentile(ms, 99), "p99-ms")
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1e3 }
