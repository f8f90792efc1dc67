package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/valyala/fasthttp"

	"github.com/mayfly-faas/mayfly/runtime"
)

// problemBase begins the type of every problem. The types are stable: clients decide by them.
const problemBase = "https://mayfly.dev/problems/"

// problem is one problem details object (RFC 9457).
type problem struct {
	status int
	kind   string // the end of the type
	title  string
	detail string
	// retryAfter is the seconds of Retry-After; 0 for none.
	retryAfter int
	// more are extension members.
	more map[string]any
}

// problems says how each error is answered, first match first. Nothing else decides on status codes of errors.
var problems = []struct {
	err        error
	status     int
	kind       string
	title      string
	retryAfter int
}{
	{runtime.ErrNotFound, fasthttp.StatusNotFound, "not-found", "Not found", 0},
	{runtime.ErrArtifact, fasthttp.StatusUnprocessableEntity, "artifact-refused", "The artifact cannot be deployed", 0},
	{runtime.ErrNoPython, fasthttp.StatusServiceUnavailable, "no-python", "No CPython is installed", 0},
	{runtime.ErrTooLarge, fasthttp.StatusRequestEntityTooLarge, "too-large", "Too large", 0},
	{runtime.ErrBusy, fasthttp.StatusTooManyRequests, "busy", "The function is busy", 1},
	{runtime.ErrTimeout, fasthttp.StatusGatewayTimeout, "timeout", "The function timed out", 0},
	{runtime.ErrMemory, fasthttp.StatusInsufficientStorage, "out-of-memory", "The function ran out of memory", 0},
	{runtime.ErrFailed, fasthttp.StatusBadGateway, "function-failed", "The function failed", 0},
	{runtime.ErrCanceled, fasthttp.StatusServiceUnavailable, "stopping", "The server is stopping", 5},
	{runtime.ErrClosed, fasthttp.StatusServiceUnavailable, "stopping", "The server is stopping", 5},
}

// problemOf finds the problem for an error. What is not in the table is internal: its text goes to the log only.
func (s *Server) problemOf(ctx *fasthttp.RequestCtx, err error) problem {
	for _, p := range problems {
		if errors.Is(err, p.err) {
			return problem{status: p.status, kind: p.kind, title: p.title, detail: err.Error(), retryAfter: p.retryAfter, more: s.details(err)}
		}
	}
	s.options.Logger.Error("request failed", "request_id", requestID(ctx), "path", string(ctx.Path()), "error", err)
	return problem{status: fasthttp.StatusInternalServerError, kind: "internal", title: "Internal error", detail: "Mayfly could not do this; its log has the request id and the reason"}
}

// details are the extension members of an error's problem.
func (s *Server) details(err error) map[string]any {
	more := map[string]any{}
	if limit, ok := errors.AsType[*runtime.LimitError](err); ok {
		more["limit"] = limit.Limit
		more["value"] = limit.Value
		if limit.Measured != "" {
			more["measured"] = limit.Measured
		}
		more["setting"] = limit.Setting
	}
	if refused, ok := errors.AsType[*runtime.ArtifactError](err); ok {
		if refused.Trace != "" {
			more["trace"] = refused.Trace
		}
		if len(refused.Imports) > 0 {
			more["imports"] = refused.Imports
		}
	}
	if failed, ok := errors.AsType[*runtime.FailedError](err); ok && s.options.Debug && failed.Trace != "" {
		more["trace"] = failed.Trace
	}
	return more
}

// fail answers with the problem for err.
func (s *Server) fail(ctx *fasthttp.RequestCtx, err error) { s.problem(ctx, s.problemOf(ctx, err)) }

// problem answers with p.
func (s *Server) problem(ctx *fasthttp.RequestCtx, p problem) {
	id := requestID(ctx)
	body := map[string]any{"type": problemBase + p.kind, "title": p.title, "status": p.status, "detail": p.detail, "request_id": id}
	for k, v := range p.more {
		body[k] = v
	}
	text, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("problem %s: %v", p.kind, err)) // all members are strings and numbers
	}
	ctx.Response.ResetBody()
	ctx.SetStatusCode(p.status)
	ctx.SetContentType("application/problem+json")
	ctx.Response.Header.Set(headerRequestID, id)
	if p.retryAfter > 0 {
		ctx.Response.Header.Set("Retry-After", strconv.Itoa(p.retryAfter))
	}
	ctx.SetBody(text)
}
