// Package gateway is Mayfly's HTTP server: calls of functions under /fn/, and the management API under /v1/.
//
// It knows nothing of Wasm: it turns HTTP requests into calls of a runtime.Runtime and what comes back into HTTP responses. Errors are problem
// details (RFC 9457); problem.go has the one table of them.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fasthttp/router"
	"github.com/valyala/fasthttp"

	"github.com/mayfly-faas/mayfly/runtime"
)

// Options says how a Server is to work.
type Options struct {
	// Runtime runs the functions. Required; whoever opened it closes it, after the Server.
	Runtime *runtime.Runtime
	// AdminToken is what the management API asks for. Empty: nothing, which is for servers on loopback only.
	AdminToken string
	// Hosts are further names, without port, by which the management API may be reached. IP addresses, localhost and the
	// machine's own name always may.
	Hosts []string
	// Debug sends the tracebacks of functions to their callers.
	Debug bool
	// MaxArtifact bounds an upload in bytes. Default 256 MiB.
	MaxArtifact int64
	// MaxRequests bounds how many calls of functions are in the server at a time, waiting ones too. Default DefaultMaxRequests.
	MaxRequests int
	// Version is what GET /v1/version says.
	Version string
	// Logger takes what the server has to say. Default: slog.Default().
	Logger *slog.Logger
}

// DefaultMaxRequests is Options.MaxRequests where it is not set.
const DefaultMaxRequests = 4096

// Limits on what a client may keep open or send in front of a body.
const (
	readTimeout    = 60 * time.Second
	idleTimeout    = 2 * time.Minute
	headerBytes    = 64 << 10
	maxConnections = 16 << 10
	functionPrefix = "/fn/"
)

// Server is Mayfly's HTTP server.
type Server struct {
	options Options
	http    *fasthttp.Server
	guard   guard
	manage  *router.Router

	ctx  context.Context // ends when the time to shut down is over: requests that still run end with it
	stop context.CancelFunc
	once sync.Once
	// mu guards ln, which is what Serve serves.
	mu sync.Mutex
	ln net.Listener
	// calls counts the calls of functions that are in the server.
	calls atomic.Int64
	// draining is closed when Shutdown begins.
	draining chan struct{}
}

// New returns a server that Serve starts.
func New(o Options) (*Server, error) {
	if o.Runtime == nil {
		return nil, errors.New("gateway: Options.Runtime is nil")
	}
	if o.MaxArtifact == 0 {
		o.MaxArtifact = 256 << 20
	}
	if o.MaxRequests == 0 {
		o.MaxRequests = DefaultMaxRequests
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	s := &Server{options: o, guard: newGuard(o), draining: make(chan struct{})}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.ctx, _ = o.Runtime.Follow(ctx)
	s.manage = s.routes()
	s.http = &fasthttp.Server{
		Handler:               s.handle,
		ErrorHandler:          s.badRequest,
		ConnState:             stateChanged,
		Name:                  "mayfly",
		ReadTimeout:           readTimeout,
		IdleTimeout:           idleTimeout,
		ReadBufferSize:        headerBytes,
		Concurrency:           maxConnections,
		StreamRequestBody:     true, // bodies have limits by function, which the handler knows
		NoDefaultContentType:  true,
		CloseOnShutdown:       true,
		SecureErrorLogMessage: true,
		Logger:                logAdapter{o.Logger},
		// Multipart forms are the function's business.
		DisablePreParseMultipartForm: true,
	}
	return s, nil
}

// Serve answers requests that come in at ln until Shutdown is called, then returns nil.
func (s *Server) Serve(ln net.Listener) error {
	s.mu.Lock()
	s.ln = ln
	stopped := s.isDraining()
	s.mu.Unlock()
	if stopped {
		return ln.Close()
	}
	return s.http.Serve(listener{ln})
}

// Shutdown takes no new requests and waits for those that run. When ctx ends before them, they are cut off, and the error is
// ctx's. It can be called again.
func (s *Server) Shutdown(ctx context.Context) error {
	s.once.Do(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		close(s.draining)
		if s.ln != nil {
			// fasthttp closes it only if it has got as far as serving it.
			_ = s.ln.Close()
		}
	})
	err := s.http.ShutdownWithContext(ctx)
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	s.stop()
	if err != nil {
		// What was cut off answers at once.
		last, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		err = errors.Join(err, s.http.ShutdownWithContext(last))
	}
	return err
}

func (s *Server) isDraining() bool {
	select {
	case <-s.draining:
		return true
	default:
		return false
	}
}

// handle answers every request.
func (s *Server) handle(ctx *fasthttp.RequestCtx) {
	defer s.recover(ctx)
	ctx.Conn().(*conn).unread.Store(ctx.Request.IsBodyStream())
	// Not ctx.Path, in which "//" and ".." are resolved: the path is the function's business.
	if path := string(ctx.URI().PathOriginal()); strings.HasPrefix(path, functionPrefix) {
		s.callFunction(ctx, path[len(functionPrefix):])
		return
	}
	s.manage.Handler(ctx)
}

// recover turns a panic, which is a mistake in Mayfly, into an answer: the server goes on.
func (s *Server) recover(ctx *fasthttp.RequestCtx) {
	if r := recover(); r != nil {
		s.options.Logger.Error("panic while serving", "request_id", requestID(ctx), "path", string(ctx.Path()), "panic", r, "stack", string(debug.Stack()))
		ctx.Response.Reset()
		s.problem(ctx, problem{status: fasthttp.StatusInternalServerError, kind: "internal", title: "Internal error", detail: "Mayfly made a mistake; its log has the request id"})
	}
}

// badRequest answers what fasthttp could not read.
func (s *Server) badRequest(ctx *fasthttp.RequestCtx, err error) {
	p := problem{status: fasthttp.StatusBadRequest, kind: "bad-request", title: "Bad request", detail: "the request cannot be read as HTTP"}
	var small *fasthttp.ErrSmallBuffer
	var timeout net.Error
	switch {
	case errors.As(err, &small):
		ctx.Conn().(*conn).unread.Store(true)
		p = problem{status: fasthttp.StatusRequestHeaderFieldsTooLarge, kind: "header-too-large", title: "Header too large", detail: "the request's header has more than 64 KiB"}
	case errors.As(err, &timeout) && timeout.Timeout():
		p = problem{status: fasthttp.StatusRequestTimeout, kind: "request-timeout", title: "Request timed out", detail: "the request did not arrive within " + readTimeout.String()}
	}
	s.problem(ctx, p)
}

// logAdapter lets fasthttp write to slog. What it reports are broken connections.
type logAdapter struct{ l *slog.Logger }

func (a logAdapter) Printf(format string, args ...any) {
	a.l.Debug("http", "message", strings.TrimSpace(fmt.Sprintf(format, args...)))
}
