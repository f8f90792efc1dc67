package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/mayfly-faas/mayfly/runtime/runtimetest"
)

// The function that is measured, natively and in Mayfly: JSON in, JSON out.
const (
	greetHandler = "def handler(request):\n    return {'hello': request.json()['name']}\n"
	greetWSGI    = `import json

def app(environ, start_response):
    name = json.loads(environ["wsgi.input"].read())["name"]
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"hello": name}).encode()]
`
	greetWorker = `export default {
  async fetch(request) {
    const { name } = await request.json();
    return Response.json({ hello: name });
  },
};
`
	workerdConfig = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (modules = [(name = "main", esModule = embed "worker.js")], compatibilityDate = "2024-01-01"))],
  sockets = [(name = "http", address = "127.0.0.1:%d", http = (), service = "main")],
);
`
	greetBody   = `{"name":"Ada"}`
	greetAnswer = `{"hello":"Ada"}`
)

// connections is how many keep-alive connections send requests, each the next one when it has its answer.
const connections = 64

// TestMain lets this binary be the echo server that everything is measured beside.
func TestMain(m *testing.M) {
	if address := os.Getenv("MAYFLY_BENCH_ECHO"); address != "" {
		err := fasthttp.ListenAndServe(address, func(ctx *fasthttp.RequestCtx) {
			var in struct{ Name string }
			if err := json.Unmarshal(ctx.PostBody(), &in); err != nil {
				ctx.Error(err.Error(), fasthttp.StatusBadRequest)
				return
			}
			out, err := json.Marshal(map[string]string{"hello": in.Name})
			if err != nil {
				ctx.Error(err.Error(), fasthttp.StatusInternalServerError)
				return
			}
			ctx.SetContentType("application/json")
			ctx.SetBody(out)
		})
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// BenchmarkLoad measures servers in processes of their own under load over HTTP, all in one run: a bare fasthttp server that decodes and
// encodes the same JSON (echo), functions in Mayfly, and where they are installed the same in Python under gunicorn with two workers, and in JavaScript in
// workerd (which is looked for on PATH). They take turns, a second each, since a machine is not as fast in one minute as in the next. Metrics, each the
// median of the rounds: requests a second, as a part of echo's in the same round (of-echo), and p99 as a multiple of p50.
func BenchmarkLoad(b *testing.B) {
	dir := b.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(content), 0o600)); err != nil {
			b.Fatal(err)
		}
		return path
	}
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	mayfly := startBinary(b, buildBinary(b), runtimetest.DataDir(b))
	deploy := func(name string, artifact []byte) string {
		if _, err := mayfly.client.Deploy(b.Context(), name, artifact, false); err != nil {
			b.Fatalf("deploy %s: %v", name, err)
		}
		return mayfly.url + "/fn/" + name
	}
	echo := exec.Command(self)
	targets := []struct{ name, url string }{
		{"echo", "http://" + launchEnv(b, echo, "MAYFLY_BENCH_ECHO")},
		{"python-fresh", deploy("fresh", []byte(greetHandler))},
		{"python-reuse", deploy("reuse", runtimetest.Zip(b, map[string]string{"main.py": greetHandler, "mayfly.toml": "isolation = \"reuse\"\n"}))},
	}
	if hello, err := os.ReadFile("../../examples/c/hello/hello.wasm"); err == nil {
		targets = append(targets, struct{ name, url string }{"c-fresh", deploy("c", hello)})
	} else {
		b.Log("c-fresh is left out: make examples builds it where clang and wasi-libc are there")
	}
	if gunicorn, err := exec.LookPath("gunicorn"); err == nil {
		write("native.py", greetWSGI)
		url := "http://" + launch(b, exec.Command(gunicorn, "--workers", "2", "--bind", "ADDRESS", "--chdir", dir, "--log-level", "error", "--keep-alive", "60", "native:app"))
		targets = append(targets, struct{ name, url string }{"gunicorn", url})
		threads := launch(b, exec.Command(gunicorn, "--workers", "2", "--threads", "32", "--bind", "ADDRESS", "--chdir", dir, "--log-level", "error", "--keep-alive", "60", "native:app"))
		targets = append(targets, struct{ name, url string }{"gunicorn-threads", "http://" + threads})
	} else {
		b.Log("gunicorn is left out: it is not installed")
	}
	if workerd, err := exec.LookPath("workerd"); err == nil {
		write("worker.js", greetWorker)
		address := freeAddress(b)
		_, port, _ := net.SplitHostPort(address)
		config := write("config.capnp", strings.ReplaceAll(workerdConfig, "%d", port))
		launchAt(b, exec.Command(workerd, "serve", config), address)
		targets = append(targets, struct{ name, url string }{"workerd", "http://" + address})
	} else {
		b.Log("workerd is left out: it is not on PATH")
	}
	rates, spreads := make([][]float64, len(targets)), make([][]float64, len(targets))
	ofEcho := make([][]float64, len(targets))
	for range loadRounds {
		for i, target := range targets {
			latencies, took := load(b, target.url)
			rate := float64(len(latencies)) / took.Seconds()
			rates[i] = append(rates[i], rate)
			ofEcho[i] = append(ofEcho[i], rate/rates[0][len(rates[0])-1])
			spreads[i] = append(spreads[i], float64(percentile(latencies, 99))/float64(percentile(latencies, 50)))
		}
	}
	for i, target := range targets {
		b.Run(target.name, func(b *testing.B) {
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(percentile(rates[i], 50), "req/s")
			b.ReportMetric(percentile(ofEcho[i], 50), "of-echo")
			b.ReportMetric(percentile(spreads[i], 50), "p99/p50")
		})
	}
}

// A server is loaded in so many rounds, for so long in each.
const (
	loadRounds = 7
	loadTime   = time.Second
)

// load sends requests over the connections for loadTime, and returns how long each took, and all together.
func load(b *testing.B, url string) (latencies []time.Duration, took time.Duration) {
	uri := fasthttp.AcquireURI()
	defer fasthttp.ReleaseURI(uri)
	if err := uri.Parse(nil, []byte(url)); err != nil {
		b.Fatal(err)
	}
	const warm = 20 // requests on each connection that are not counted
	times := make([][]time.Duration, connections)
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	var begin time.Time
	for n := range connections {
		ready.Add(1)
		done.Go(func() {
			c := newBenchClient(string(uri.Host()), url)
			var err error
			for i := 0; err == nil && i < warm; i++ {
				err = c.exchange()
			}
			ready.Done()
			<-start
			for at := begin; err == nil && at.Sub(begin) < loadTime; {
				err = c.exchange()
				sent := at
				at = time.Now()
				times[n] = append(times[n], at.Sub(sent))
			}
			if err != nil {
				b.Error(err)
			}
			c.close()
		})
	}
	ready.Wait()
	begin = time.Now()
	close(start)
	done.Wait()
	took = time.Since(begin)
	latencies = slices.Concat(times...)
	if len(latencies) == 0 {
		b.Fatal("no request was answered")
	}
	return latencies, took
}

// percentile returns the smallest of values that p percent of them do not exceed (nearest rank). It sorts them.
func percentile[T cmp.Ordered](values []T, p int) T {
	slices.Sort(values)
	return values[(len(values)*p+99)/100-1]
}

// benchClient is one keep-alive connection.
type benchClient struct {
	address, url string

	conn net.Conn // nil: the next request makes one
	w    *bufio.Writer
	r    *bufio.Reader
	req  fasthttp.Request
	resp fasthttp.Response
}

func newBenchClient(address, url string) *benchClient {
	c := &benchClient{address: address, url: url}
	c.req.SetRequestURI(url)
	c.req.Header.SetMethod("POST")
	c.req.Header.SetContentType("application/json")
	c.req.SetBodyString(greetBody)
	return c
}

// exchange sends a request and reads its answer. A server may close the connection after it, as gunicorn's sync workers do.
func (c *benchClient) exchange() error {
	if c.conn == nil {
		var err error
		if c.conn, err = net.Dial("tcp", c.address); err != nil {
			return err
		}
		c.w, c.r = bufio.NewWriter(c.conn), bufio.NewReader(c.conn)
	}
	if err := errors.Join(c.req.Write(c.w), c.w.Flush(), c.resp.Read(c.r)); err != nil {
		return err
	}
	if got := strings.ReplaceAll(string(c.resp.Body()), " ", ""); c.resp.StatusCode() != 200 || got != greetAnswer && !strings.HasSuffix(c.url, "/fn/c") {
		return fmt.Errorf("%s answered %d %s", c.url, c.resp.StatusCode(), got)
	}
	if c.resp.ConnectionClose() {
		c.close()
	}
	return nil
}

func (c *benchClient) close() {
	if c.conn != nil {
		_ = c.conn.Close() // nothing is on its way
		c.conn = nil
	}
}
