package main

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/mayfly-faas/mayfly/runtime/runtimetest"
)

// BenchmarkManyFunctions measures a server with a thousand Python functions, each of which is another: how many MiB it has in memory after a start,
// before any was called, beyond one that has none (resident), and, with 1 GiB for sandboxes, calls of one after the other, twice round (turns): the
// most memory that it had, in GiB, and the phases of those that were cold.
func BenchmarkManyFunctions(b *testing.B) {
	const functions = 1000
	binary, data, empty := buildBinary(b), runtimetest.DataDir(b), runtimetest.DataDir(b)
	server := startBinary(b, binary, data)
	name := func(n int) string { return fmt.Sprintf("greet-%d", n) }
	begin := time.Now()
	for n := range functions {
		source := fmt.Sprintf("def handler(request):\n    return {'hello': request.json()['name'], 'from': %d}\n", n)
		if _, err := server.client.Deploy(b.Context(), name(n), []byte(source), false); err != nil {
			b.Fatalf("deploy %s: %v", name(n), err)
		}
	}
	deployed := functions / time.Since(begin).Seconds()
	server.stop()

	b.Run("resident", func(b *testing.B) {
		var with, without []int64
		for b.Loop() {
			for range 5 {
				with = append(with, residentAfterStart(b, binary, data))
				without = append(without, residentAfterStart(b, binary, empty))
			}
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(percentile(with, 50)-percentile(without, 50))/(1<<20), "MiB")
		b.ReportMetric(float64(percentile(without, 50))/(1<<20), "none-MiB")
		b.ReportMetric(deployed, "deploys/s")
	})
	b.Run("turns", func(b *testing.B) {
		var cold []float64
		var peaks []int64
		for b.Loop() {
			server := startBinary(b, binary, data, "--memory", "1GiB")
			for range 2 {
				for n := range functions {
					a := server.greet(b, name(n), fmt.Sprintf(`{"hello":"Ada","from":%d}`, n))
					if a.Cold {
						cold = append(cold, a.TotalMS())
					}
				}
			}
			if m, ok := memoryOf(b, server); ok {
				peaks = append(peaks, m.peak)
			}
			server.stop()
		}
		reportMilliseconds(b, cold)
		b.ReportMetric(float64(len(cold))/float64(2*functions*b.N), "cold-part")
		if len(peaks) > 0 {
			b.ReportMetric(float64(percentile(peaks, 50))/(1<<30), "peak-GiB")
		}
	})
}

// memory is how much memory a process has, in bytes.
type memory struct{ resident, peak int64 }

func memoryOf(b *testing.B, server *process) (m memory, ok bool) {
	b.Helper()
	m, err := processMemory(server.cmd.Process.Pid)
	if errors.Is(err, errors.ErrUnsupported) {
		return m, false
	}
	if err != nil {
		b.Fatal(err)
	}
	return m, true
}

// residentAfterStart starts a server and returns how much memory it has when it is ready.
func residentAfterStart(b *testing.B, binary, data string) int64 {
	b.Helper()
	server := startBinary(b, binary, data)
	defer server.stop()
	m, ok := memoryOf(b, server)
	if !ok {
		b.Skip("what memory a process has is read on Linux only")
	}
	return m.resident
}
