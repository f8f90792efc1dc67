package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mayfly-faas/mayfly/cmd/mayfly/internal/bench"
	"github.com/mayfly-faas/mayfly/cmd/mayfly/internal/bundle"
	"github.com/mayfly-faas/mayfly/cmd/mayfly/internal/client"
	"github.com/mayfly-faas/mayfly/gateway"
	"github.com/mayfly-faas/mayfly/pyenv"
	"github.com/mayfly-faas/mayfly/runtime"
)

// demoExamples are deployed in this order, and called once each. What lacks its .wasm file is passed over.
var demoExamples = []struct {
	folder, wasm string
	call         client.Call
}{
	{"python/hello", "", client.Call{Method: http.MethodPost, Body: []byte(`{"name":"Ada"}`)}},
	{"python/wsgi", "", client.Call{Method: http.MethodPost, Path: "/echo", Body: []byte("what I send")}},
	{"go/hello", "hello.wasm", client.Call{Method: http.MethodPost, Body: []byte("Ada")}},
	{"go/cgi", "cgi.wasm", client.Call{Method: http.MethodPost, Path: "/sum", Body: []byte("[1, 2, 3.5]")}},
	{"c/hello", "hello.wasm", client.Call{Method: http.MethodPost, Body: []byte("Ada")}},
}

// demo is one run of mayfly demo.
type demo struct {
	*app
	cmd               *cobra.Command
	dataDir, examples string
	calls             int // how many cold starts are measured
	client            *client.Client
}

func (a *app) demoCommand() *cobra.Command {
	d := &demo{app: a}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Deploy the examples, call them and measure them",
		Long: `Show what Mayfly does, in one process and without leaving anything behind: install CPython into a temporary data
folder, start a server on a free port of this machine, deploy the examples, call each, and measure cold and
warm starts.`,
		Example: "  mayfly demo\n  mayfly demo --data-dir ./mayfly-data",
		Args:    positional(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			d.cmd = cmd
			return d.run(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&d.examples, "examples", "./examples", "the `folder` of the examples")
	cmd.Flags().IntVarP(&d.calls, "calls", "n", 20, "measure `N` cold starts of each kind, and ten times as many warm ones")
	cmd.Flags().StringVar(&d.dataDir, "data-dir", "", "use this data `folder`, and keep it (default: a temporary one)")
	return cmd
}

func (d *demo) run(ctx context.Context) (err error) {
	if info, err := os.Stat(d.examples); err != nil || !info.IsDir() {
		return usage(d.cmd, "there is no folder %s: name that of the examples with --examples", d.examples)
	}
	if d.calls < 1 {
		return usage(d.cmd, "-n is %d: it must be 1 or more", d.calls)
	}
	if d.dataDir == "" {
		if d.dataDir, err = os.MkdirTemp("", "mayfly-demo-*"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(d.dataDir)) }()
	}
	d.step("CPython for WASI")
	base, err := d.installPython(ctx, &pythonFolder{d.dataDir}, pyenv.InstallOptions{})
	if err != nil {
		return err
	}
	fmt.Fprintf(d.stdout, "CPython %s, %s, from %s\n", base.Version, size(base.Size), base.Source)

	s, err := d.start(ctx)
	if err != nil {
		return err
	}
	defer func() {
		_, stopped := s.stop(defaultGrace)
		err = errors.Join(err, stopped)
	}()
	defer d.client.Close() // before the server stops, which would wait for these connections
	return errors.Join(d.deployAndCall(ctx), d.measureAll())
}

// start starts a server on a free port, and a client of it.
func (d *demo) start(ctx context.Context) (*server, error) {
	ln, err := listen(ctx, "--listen", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	logger := slog.New(slog.NewTextHandler(d.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	rt, err := runtime.Open(runtime.Options{DataDir: d.dataDir, Logger: logger})
	if err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	if d.client, err = client.New("http://"+ln.Addr().String(), ""); err != nil {
		return nil, errors.Join(err, ln.Close(), rt.Close())
	}
	s, err := startServer(ln, rt, gateway.Options{Logger: logger})
	if err == nil {
		d.step("a server at %s", d.client.URL())
	}
	return s, err
}

// deployAndCall deploys and calls all examples, and returns what went wrong with any.
func (d *demo) deployAndCall(ctx context.Context) error {
	var errs []error
	for _, example := range demoExamples {
		folder := filepath.Join(d.examples, filepath.FromSlash(example.folder))
		if _, err := os.Stat(filepath.Join(folder, example.wasm)); example.wasm != "" && errors.Is(err, fs.ErrNotExist) {
			d.step("%s is passed over: %s is not built (make examples)", example.folder, example.wasm)
			continue
		}
		if err := d.try(ctx, folder, example.call); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			errs = append(errs, fmt.Errorf("%s: %w", example.folder, err))
		}
	}
	return errors.Join(errs...)
}

// try deploys one folder and calls it.
func (d *demo) try(ctx context.Context, folder string, call client.Call) error {
	d.step("mayfly deploy %s", folder)
	b, err := bundle.Pack(folder)
	if err != nil {
		return err
	}
	line := d.status()
	defer line.clear()
	line.show("deploying %s ...", b.Name)
	deployed, err := d.client.Deploy(ctx, b.Name, b.Content, false)
	line.clear()
	if err != nil {
		return err
	}
	fmt.Fprintf(d.stdout, "%s, version %d, %s, %s\n", deployed.Function, deployed.Version.Version, deployed.Version.Kind, tookText(deployed.PhasesMS))
	call.Function = b.Name
	fmt.Fprintf(d.stdout, "%s /fn/%s%s %s\n", call.Method, b.Name, call.Path, call.Body)
	answer, err := d.client.Call(ctx, call)
	if err != nil {
		return err
	}
	fmt.Fprintf(d.stdout, "%d %s %s\n", answer.Status, http.StatusText(answer.Status), printable(strings.TrimSpace(string(answer.Body))))
	return answer.Err()
}

// measureAll measures the first example.
func (d *demo) measureAll() error {
	first := demoExamples[0]
	b, err := bundle.Pack(filepath.Join(d.examples, filepath.FromSlash(first.folder)))
	if err != nil {
		return err
	}
	call := first.call
	call.Function = b.Name
	f, err := d.client.Function(d.cmd.Context(), b.Name)
	if err != nil {
		return err
	}
	for _, s := range []bench.Settings{
		{Mode: bench.Cold, From: "image", Calls: d.calls},
		{Mode: bench.Cold, From: "module", Calls: d.calls},
		{Mode: bench.Warm, Calls: 10 * d.calls},
	} {
		from := ""
		if s.Mode == bench.Cold {
			from = " --from " + s.From
		}
		s.Target = benchTarget(f)
		d.step("mayfly bench %s %s -n %d%s", s.Mode, call.Function, s.Calls, from)
		report, err := d.measure(d.cmd.Context(), d.client, call, s)
		if err != nil {
			return err
		}
		if err := report.WriteTable(d.stdout); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) step(format string, args ...any) {
	fmt.Fprintf(d.stdout, "\n== "+format+"\n", args...)
}
