package python_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/mayfly-faas/mayfly/host/files"
	"github.com/mayfly-faas/mayfly/host/wasi"
	"github.com/mayfly-faas/mayfly/pyenv"
	"github.com/mayfly-faas/mayfly/runtime/call"
	"github.com/mayfly-faas/mayfly/runtime/image"
	"github.com/mayfly-faas/mayfly/runtime/interrupt"
	"github.com/mayfly-faas/mayfly/runtime/prepare"
	"github.com/mayfly-faas/mayfly/runtime/python"
	"github.com/mayfly-faas/mayfly/runtime/runtimetest"
)

// boot starts CPython in a runtime of its own.
func boot(tb testing.TB, tracker *image.Tracker) (*python.Sandbox, *interrupt.Call) {
	tb.Helper()
	dir := runtimetest.DataDir(tb)
	build, err := pyenv.Bases{Dir: filepath.Join(dir, "python")}.Find("")
	if err != nil {
		tb.Fatal(err)
	}
	content, err := os.ReadFile(build.Wasm())
	if err != nil {
		tb.Fatal(err)
	}
	prepared, err := prepare.Prepare(content, prepare.Options{Checks: true, Growth: true, Data: true})
	if err != nil {
		tb.Fatal(err)
	}
	cache, err := wazero.NewCompilationCacheWithDir(filepath.Join(dir, "cache", "compiled"))
	if err != nil {
		tb.Fatal(err)
	}
	ctx := tb.Context()
	w := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCompilationCache(cache).WithDebugInfoEnabled(false))
	tb.Cleanup(func() { _ = w.Close(ctx); _ = cache.Close(ctx) })
	if _, err := wasi.Instantiate(ctx, w); err != nil {
		tb.Fatal(err)
	}
	compiled, err := w.CompileModule(ctx, prepared.Bytes)
	if err != nil {
		tb.Fatal(err)
	}
	watchdog := interrupt.NewWatchdog()
	tb.Cleanup(watchdog.Close)
	_, s, err := python.Boot(ctx, &python.Config{Runtime: w, Compiled: compiled, Prepared: prepared, Watchdog: watchdog, Tracker: tracker})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Close)
	c := watchdog.Begin(ctx, interrupt.Limits{})
	tb.Cleanup(c.End)
	return s, c
}

func BenchmarkSandbox(b *testing.B) {
	tracker, err := image.OpenTracker()
	if err != nil {
		b.Fatal(err)
	}
	s, c := boot(b, tracker)
	r := &call.Request{
		ID: "1", Method: "POST", ScriptName: "/fn/f", RequestURI: "/fn/f", Proto: "HTTP/1.1", Host: "localhost", RemoteAddr: "127.0.0.1:1", ServerAddr: "127.0.0.1:2",
		Header: call.Header{{Name: "Host", Value: "localhost"}, {Name: "Content-Type", Value: "application/json"}, {Name: "Content-Length", Value: "14"}},
		Body:   []byte(`{"name":"Ada"}`),
	}
	for _, f := range []struct{ name, source string }{
		{"text", "def handler(request):\n    return 'hello'\n"},
		{"body", "def handler(request):\n    return request.body\n"},
		{"json", "def handler(request):\n    return {'hello': request.json()['name']}\n"},
		{"13-imports", "import asyncio, decimal, logging, dataclasses, re, json, datetime, collections, functools, itertools, pathlib, hashlib, uuid\ndef handler(request):\n    return {'hello': request.json()['name']}\n"},
	} {
		b.Run(f.name, func(b *testing.B) {
			function := &python.Function{App: files.NewReadOnly(fstest.MapFS{"main.py": {Data: []byte(f.source)}}), MemoryBytes: 128 << 20, TempBytes: 1 << 20, ResponseBytes: 1 << 20}
			streams := python.Streams{Stdout: io.Discard, Stderr: io.Discard}
			if err := s.Leave(); err != nil {
				b.Fatal(err)
			}
			entry, err := s.Load(c, function, streams)
			if err != nil {
				b.Fatal(err)
			}
			img, err := s.Take(c, entry)
			if err != nil {
				b.Fatal(err)
			}
			var run, reset, enter, first time.Duration
			pages := 0
			for b.Loop() {
				begin := time.Now()
				if _, err := s.Invoke(c, nil, r); err != nil {
					b.Fatal(err)
				}
				run += time.Since(begin)
				begin = time.Now()
				if err := s.Reset(); err != nil {
					b.Fatal(err)
				}
				reset += time.Since(begin)
				pages += s.Restored().Pages
			}
			const colds = 50
			for range colds {
				if err := s.Leave(); err != nil {
					b.Fatal(err)
				}
				begin := time.Now()
				if err := s.Enter(function, img, streams); err != nil {
					b.Fatal(err)
				}
				enter += time.Since(begin)
				begin = time.Now()
				if _, err := s.Invoke(c, nil, r); err != nil {
					b.Fatal(err)
				}
				first += time.Since(begin)
			}
			n := float64(b.N)
			b.ReportMetric(float64(run.Microseconds())/n, "run-us")
			b.ReportMetric(float64(reset.Microseconds())/n, "reset-us")
			b.ReportMetric(float64(pages)/n, "pages")
			b.ReportMetric(float64(img.State().Hot()), "hot")
			b.ReportMetric(float64(img.State().Bytes())/4096, "delta-pages")
			b.ReportMetric(float64(enter.Microseconds())/colds, "enter-us")
			b.ReportMetric(float64(first.Microseconds())/colds, "first-us")
		})
	}
}
