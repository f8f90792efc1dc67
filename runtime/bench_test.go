package runtime_test

import (
	"bytes"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/mayfly-faas/mayfly/runtime"
	"github.com/mayfly-faas/mayfly/runtime/call"
	"github.com/mayfly-faas/mayfly/runtime/runtimetest"
)

func openRuntime(tb testing.TB, o runtime.Options) *runtime.Runtime {
	tb.Helper()
	o.DataDir = runtimetest.DataDir(tb)
	o.Logger = slog.New(slog.DiscardHandler)
	rt, err := runtime.Open(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := rt.Close(); err != nil {
			tb.Error(err)
		}
	})
	return rt
}

func deploy(tb testing.TB, rt *runtime.Runtime, name string, artifact []byte) {
	tb.Helper()
	if _, err := rt.Deploy(name, bytes.NewReader(artifact), runtime.DeployOptions{}); err != nil {
		tb.Fatal(err)
	}
}

const goEcho = `package main

import (
	"io"
	"os"
)

func main() {
	os.Stdout.WriteString("Content-Type: application/json\n\n")
	io.Copy(os.Stdout, os.Stdin)
}
`

// greeting is a request as clients send them.
var greeting = &call.Request{
	ID: "1", Method: "POST", ScriptName: "/fn/f", RequestURI: "/fn/f", Proto: "HTTP/1.1", Host: "localhost", RemoteAddr: "127.0.0.1:1", ServerAddr: "127.0.0.1:2",
	Header: call.Header{{Name: "Host", Value: "localhost"}, {Name: "Content-Type", Value: "application/json"}, {Name: "Content-Length", Value: "14"}},
	Body:   []byte(`{"name":"Ada"}`),
}

// BenchmarkInvoke measures calls in process, without HTTP: what the answer takes (run-us), what follows it (reset-us), and both.
func BenchmarkInvoke(b *testing.B) {
	python := func(source, manifest string) []byte {
		return runtimetest.Zip(b, map[string]string{"main.py": source, "mayfly.toml": manifest})
	}
	functions := []struct {
		name     string
		artifact []byte
	}{
		{"python/text", python("def handler(request):\n    return 'hello'\n", "")},
		{"python/json", python("def handler(request):\n    return {'hello': request.json()['name']}\n", "")},
		{"python/json-reuse", python("def handler(request):\n    return {'hello': request.json()['name']}\n", `isolation = "reuse"`)},
		{"python/13-imports", python("import asyncio, decimal, logging, dataclasses, re, json, datetime, collections, functools, itertools, pathlib, hashlib, uuid\ndef handler(request):\n    return {'hello': request.json()['name']}\n", "")},
		{"go", runtimetest.GoCommand(b, goEcho)},
	}
	if wasm, err := os.ReadFile("../examples/c/hello/hello.wasm"); err == nil {
		functions = append(functions, struct {
			name     string
			artifact []byte
		}{"c", wasm})
	}
	rt := openRuntime(b, runtime.Options{})
	for i, f := range functions {
		name := "f" + string(rune('a'+i))
		b.Run(f.name, func(b *testing.B) {
			deploy(b, rt, name, f.artifact)
			var run, reset time.Duration
			for b.Loop() {
				_, o, err := rt.Invoke(b.Context(), name, greeting)
				if err != nil {
					b.Fatal(err)
				}
				run += o.Phases[call.Run]
				reset += o.Phases[call.Reset]
			}
			b.ReportMetric(float64(run.Microseconds())/float64(b.N), "run-us")
			b.ReportMetric(float64(reset.Microseconds())/float64(b.N), "reset-us")
		})
	}
}
