package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	goruntime "runtime"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/mayfly-faas/mayfly/gateway"
	"github.com/mayfly-faas/mayfly/runtime"
)

func (a *app) serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: `Run the server: functions are called at /fn/NAME, the management API is at /v1/. When it is ready it prints its address
to standard output; its log goes to standard error.

On SIGTERM or an interrupt it takes no new requests, lets those that run finish within --grace, and closes; a second
signal ends it at once.

The management API asks for a token:
  --admin-token, else MAYFLY_ADMIN_TOKEN, says which;
  else --admin-token-file names the file that has it;
  else, where --listen is not a loopback address, it is in the file admin-token of the data folder;
  else, on loopback, there is none, and whoever can log in to this machine can deploy.
A token file that is not there is made, with a token that is printed this once.`,
		Example: `  mayfly serve
  mayfly serve --listen 0.0.0.0:8080 --host functions.example.net --data-dir /var/lib/mayfly`,
		Args: positional(),
	}
	o := newServeOptions()
	o.addFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := o.check(cmd); err != nil {
			return err
		}
		return o.run(cmd.Context(), a)
	}
	return cmd
}

// run serves until ctx ends.
func (o *serveOptions) run(ctx context.Context, a *app) (err error) {
	var handler slog.Handler = slog.NewTextHandler(a.stderr, nil)
	if o.logFormat == "json" {
		handler = slog.NewJSONHandler(a.stderr, nil)
	}
	logger := slog.New(handler)
	if os.Getenv("GOMAXPROCS") == "" {
		// Guests can be on every processor, and do not make way for who would look after the network. The system shares processors more finely.
		goruntime.GOMAXPROCS(goruntime.GOMAXPROCS(0) + 2)
	}
	if o.debugAddr != "" {
		d, err := startDebug(ctx, o.debugAddr)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, d.close()) }()
		logger.Info("pprof and trace are served", "url", "http://"+d.http.Addr+"/debug/pprof/")
	}
	ln, err := listen(ctx, "--listen", o.listen)
	if err != nil {
		return err
	}
	if o.memory < littleMemory {
		logger.Warn("--memory has hardly room for one CPython: functions in Python may be served one request at a time", "memory", o.memory.String())
	}
	rt, err := runtime.Open(o.runtime(logger))
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	token, err := o.token(ln.Addr(), a.stderr)
	if err != nil {
		return errors.Join(err, ln.Close(), rt.Close())
	}
	s, err := startServer(ln, rt, gateway.Options{
		AdminToken: token, Hosts: o.hosts, Debug: o.debug, MaxArtifact: int64(o.maxArtifact), MaxRequests: o.maxRequests, Logger: logger,
	})
	if err != nil {
		return err
	}
	_, printed := fmt.Fprintf(a.stdout, "mayfly: listening on http://%s\n", ln.Addr())
	cut, err := s.run(ctx, o.grace)
	if cut {
		logger.Warn("requests were cut off: they had not finished within the time of grace", "grace", o.grace)
	}
	return errors.Join(printed, err)
}

// listen listens on an address that a flag has given.
func listen(ctx context.Context, flag, address string) (net.Listener, error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is in use by another program, which may be a mayfly server: choose another address with %s", address, flag)
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err // what is in front of it names the address again
	}
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w; %s takes an address of this machine, such as 127.0.0.1:8080", address, err, flag)
	}
	return ln, nil
}

// isLoopback reports whether only this machine can reach addr.
func isLoopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

const (
	defaultDataDir = "./mayfly-data"
	defaultGrace   = 10 * time.Second

	// littleMemory holds two sandboxes of a function in Python that imports next to nothing.
	littleMemory = 32 << 20
)
