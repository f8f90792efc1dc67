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
	ctx.Conn().(*conn).after = target.Close
	body, err := readBody(ctx, target.RequestLimit(), "a request's body", "max_request in mayfly.toml")
	if err != nil {
		s.failBody(ctx, err)
		return
	}
	r := newCall(ctx, functionPrefix+name, rest, body)
	target.Measure = len(ctx.Request.Header.Peek(headerUsage)) > 0
	response, outcome, err := target.Invoke(s.ctx, r)
	if err != nil {
		s.fail(ctx, err)
	} else {
		writeResponse(ctx, response)
	}
	h := &ctx.Response.Header
	h.SetCanonical(headerRequestIDBytes, []byte(r.ID))
	h.SetCanonical(headerTimingBytes, appendTiming(nil, &outcome.Phases))
	start := startWarm
	if outcome.Cold {
		start = startCold
	}
	h.SetCanonical(headerStartBytes, start)
	if target.Measure {
		h.Set(headerUsage, usage(&outcome))
	}
}

// Header fields of answers, in fasthttp's canonical form.
var (
	headerRequestIDBytes = []byte(headerRequestID)
	headerTimingBytes    = []byte("Server-Timing")
	headerStartBytes     = []byte("X-Mayfly-Start")
	startWarm, startCold = []byte("warm"), []byte("cold")
)

// headerUsage asks, in a request, for what the call has used, which is in the answer's field of the same name.
const headerUsage = "X-Mayfly-Usage"

// usage writes what a call has used as a dictionary (RFC 9651 section 3.2): CPU milliseconds, bytes of linear memory, pages of 4 KiB that were
// written, and how many of them are hot.
func usage(o *runtime.Outcome) string {
	return fmt.Sprintf("cpu-ms=%.3f, memory=%d, pages=%d, hot=%d", o.CPU.Seconds()*1e3, o.Memory, o.Pages, o.Hot)
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

// appendTiming appends the phases that took place as a Server-Timing header field (W3C Server Timing): milliseconds with
// microseconds behind the point.
func appendTiming(b []byte, p *call.Phases) []byte {
	start := len(b)
	for name, took := range p.All() {
		if len(b) > start {
			b = append(b, ", "...)
		}
		b = append(append(b, name...), ";dur="...)
		us := took.Microseconds()
		b = strconv.AppendInt(b, us/1000, 10)
		b = append(b, '.', byte('0'+us/100%10), byte('0'+us/10%10), byte('0'+us%10))
	}
	return b
}
