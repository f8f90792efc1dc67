package gateway

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/mayfly-faas/mayfly/runtime"
	"github.com/mayfly-faas/mayfly/runtime/call"
)

// callFunction serves /fn/{name}/...: any method, any path beneath, which is percent-encoded.
func (s *Server) callFunction(ctx *fasthttp.RequestCtx, path string) {
	name, rest, slash := strings.Cut(path, "/")
	if slash {
		rest = "/" + rest
	}
	rest, err := url.PathUnescape(rest)
	if err != nil {
		s.problem(ctx, problem{status: fasthttp.StatusBadRequest, kind: "bad-request", title: "Bad request", detail: "the path cannot be decoded: " + err.Error()})
		return
	}
	if s.isDraining() {
		ctx.SetConnectionClose()
		s.fail(ctx, runtime.ErrClosed)
		return
	}
	defer s.calls.Add(-1)
	if s.calls.Add(1) > int64(s.options.MaxRequests) {
		s.problem(ctx, problem{
			status: fasthttp.StatusServiceUnavailable, kind: "server-busy", title: "The server is busy", retryAfter: 1,
			detail: fmt.Sprintf("the limit on calls at a time is %d; change it by --max-requests of mayfly serve", s.options.MaxRequests),
		})
		return
	}
	target, err := s.options.Runtime.Find(name)
	if err != nil {
		s.fail(ctx, err)
		return
	}
	body, err := readBody(ctx, target.RequestLimit(), "a request's body", "max_request in mayfly.toml")
	if err != nil {
		target.Close()
		s.failBody(ctx, err)
		return
	}
	r := newCall(ctx, functionPrefix+name, rest, body)
	response, outcome, err := target.Invoke(s.ctx, r)
	if err != nil {
		s.fail(ctx, err)
	} else {
		writeResponse(ctx, response)
	}
	h := &ctx.Response.Header
	h.Set(headerRequestID, r.ID)
	if outcome.Version == 0 {
		return
	}
	h.Set("Server-Timing", serverTiming(&outcome.Phases))
	start := "warm"
	if outcome.Cold {
		start = "cold"
	}
	h.Set("X-Mayfly-Start", start)
}

// failBody answers a request whose body was too large or did not arrive. The rest of it is not waited for.
func (s *Server) failBody(ctx *fasthttp.RequestCtx, err error) {
	ctx.SetConnectionClose()
	if _, ok := errors.AsType[*bodyError](err); ok {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			s.problem(ctx, problem{status: fasthttp.StatusRequestTimeout, kind: "request-timeout", title: "Request timed out", detail: "the request's body did not arrive in time"})
			return
		}
		s.problem(ctx, problem{status: fasthttp.StatusBadRequest, kind: "bad-request", title: "Bad request", detail: err.Error()})
		return
	}
	s.fail(ctx, err)
}

// writeResponse sends a function's response on. Header fields of the same name stay apart.
func writeResponse(ctx *fasthttp.RequestCtx, r *call.Response) {
	ctx.SetStatusCode(r.Status)
	for _, f := range r.Header {
		switch {
		case strings.EqualFold(f.Name, "Content-Type"):
			ctx.Response.Header.SetContentType(f.Value)
		case strings.EqualFold(f.Name, "Server"), strings.EqualFold(f.Name, "Date"):
			ctx.Response.Header.Set(f.Name, f.Value)
		default:
			ctx.Response.Header.Add(f.Name, f.Value)
		}
	}
	ctx.Response.SetBodyRaw(r.Body)
}

// serverTiming writes the phases that took place as a Server-Timing header field (W3C Server Timing): milliseconds with
// microseconds behind the point.
func serverTiming(p *call.Phases) string {
	b := make([]byte, 0, 96)
	for name, took := range p.All() {
		if len(b) > 0 {
			b = append(b, ", "...)
		}
		b = append(append(b, name...), ";dur="...)
		b = strconv.AppendFloat(b, took.Seconds()*1e3, 'f', 3, 64)
	}
	return string(b)
}
