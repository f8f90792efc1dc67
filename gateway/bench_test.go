package gateway_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"testing"

	"github.com/valyala/fasthttp"

	"github.com/mayfly-faas/mayfly/runtime/runtimetest"
)

// BenchmarkServe measures requests over HTTP, one at a time on a keep-alive connection, beside a plain fasthttp echo: the metric
// times-echo is how many echoes one request takes in this run. Cold starts drop what the function's next request would find
// ready, before each request and outside of the clock.
func BenchmarkServe(b *testing.B) {
	body := []byte(`{"name":"Ada"}`)
	var echo float64 // nanoseconds a request
	measure := func(name, url string, before func() error) {
		b.Run(name, func(b *testing.B) {
			uri := fasthttp.AcquireURI()
			defer fasthttp.ReleaseURI(uri)
			if err := uri.Parse(nil, []byte(url)); err != nil {
				b.Fatal(err)
			}
			conn, err := net.Dial("tcp", string(uri.Host()))
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			w, r := bufio.NewWriter(conn), bufio.NewReader(conn)
			req, resp := &fasthttp.Request{}, &fasthttp.Response{}
			req.SetRequestURI(url)
			req.Header.SetMethod("POST")
			req.Header.SetContentType("application/json")
			req.SetBody(body)
			b.ReportAllocs()
			for b.Loop() {
				if before != nil {
					b.StopTimer()
					if err := before(); err != nil {
						b.Fatal(err)
					}
					b.StartTimer()
				}
				if err := errors.Join(req.Write(w), w.Flush(), resp.Read(r)); err != nil || resp.StatusCode() != fasthttp.StatusOK {
					b.Fatalf("%v %s", err, resp)
				}
			}
			took := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
			if name == "echo" {
				echo = took
			}
			if echo > 0 {
				b.ReportMetric(took/echo, "times-echo")
			}
		})
	}

	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	plain := &fasthttp.Server{Handler: func(ctx *fasthttp.RequestCtx) { ctx.SetBody(ctx.PostBody()) }}
	go func() { _ = plain.Serve(ln) }() // its only error is that it was shut down
	defer func() { _ = plain.Shutdown() }()
	measure("echo", "http://"+ln.Addr().String(), nil)

	s := start(b, config{})
	const greet = "def handler(request):\n    return {'hello': request.json()['name']}\n"
	s.deploy("fresh", s.python(greet, ""))
	s.deploy("reuse", s.python(greet, `isolation = "reuse"`))
	s.deploy("go", runtimetest.GoCommand(b, "package main\n\nimport (\n\t\"io\"\n\t\"os\"\n)\n\nfunc main() {\n\tos.Stdout.WriteString(\"Content-Type: application/json\\n\\n\")\n\tio.Copy(os.Stdout, os.Stdin)\n}\n"))
	functions := []string{"fresh", "reuse", "go"}
	if wasm, err := os.ReadFile("../examples/c/hello/hello.wasm"); err == nil {
		s.deploy("c", wasm)
		functions = append(functions, "c")
	} else {
		b.Log("c is left out: make examples builds it where clang and wasi-libc are there")
	}
	for _, f := range functions {
		measure("warm/"+f, s.url+"/fn/"+f, nil)
	}
	for _, cold := range []struct{ function, from string }{{"fresh", "image"}, {"fresh", "module"}, {"fresh", "disk"}, {"go", "disk"}} {
		measure(fmt.Sprintf("cold-%s/%s", cold.from, cold.function), s.url+"/fn/"+cold.function, func() error {
			if a := s.send("POST", "/v1/functions/"+cold.function+"/unload", `{"from":"`+cold.from+`"}`); a.status != 204 {
				return fmt.Errorf("unload: %d %s", a.status, a.body)
			}
			return nil
		})
	}
}
