package main

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/mayfly-faas/mayfly/gateway"
	"github.com/mayfly-faas/mayfly/runtime"
)

// server is a runtime with its gateway, at work.
type server struct {
	runtime *runtime.Runtime
	gateway *gateway.Server
	served  chan error // has Serve's result, once
}

// startServer serves rt at ln. Both are the server's, to be closed by stop, or now where it cannot start.
func startServer(ln net.Listener, rt *runtime.Runtime, o gateway.Options) (*server, error) {
	o.Runtime, o.Version = rt, thisBuild().Version
	g, err := gateway.New(o)
	if err != nil {
		return nil, errors.Join(err, ln.Close(), rt.Close())
	}
	s := &server{runtime: rt, gateway: g, served: make(chan error, 1)}
	go func() { s.served <- g.Serve(ln) }()
	return s, nil
}

// run serves until ctx ends, then stops within the time of grace. cut reports whether requests had to be cut off.
func (s *server) run(ctx context.Context, grace time.Duration) (cut bool, err error) {
	select {
	case err := <-s.served:
		return false, errors.Join(err, s.runtime.Close())
	case <-ctx.Done():
		return s.stop(grace)
	}
}

// stop ends the server: no request comes in, those that run finish or are cut off, then everything closes.
func (s *server) stop(grace time.Duration) (cut bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	err = s.gateway.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		cut, err = true, nil
	}
	return cut, errors.Join(err, <-s.served, s.runtime.Close())
}
