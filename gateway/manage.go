package gateway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/fasthttp/router"
	"github.com/valyala/fasthttp"

	"github.com/mayfly-faas/mayfly/runtime"
	"github.com/mayfly-faas/mayfly/runtime/call"
)

// routes are the management API and the health checks.
func (s *Server) routes() *router.Router {
	r := router.New()
	r.RedirectTrailingSlash, r.RedirectFixedPath = false, false
	r.HandleOPTIONS = false
	r.NotFound = func(ctx *fasthttp.RequestCtx) {
		s.problem(ctx, problem{status: fasthttp.StatusNotFound, kind: "no-such-resource", title: "No such resource", detail: "functions are called at /fn/NAME; the management API is at /v1/functions"})
	}
	r.MethodNotAllowed = func(ctx *fasthttp.RequestCtx) {
		s.problem(ctx, problem{status: fasthttp.StatusMethodNotAllowed, kind: "method-not-allowed", title: "Method not allowed", detail: "the Allow header has the methods that are"})
	}
	r.GET("/healthz", func(ctx *fasthttp.RequestCtx) { s.json(ctx, fasthttp.StatusOK, map[string]string{"status": "ok"}) })
	r.GET("/readyz", s.ready)
	// Whatever a path looks like, what is reached by it has asked whether it may be.
	manage := func(add func(string, fasthttp.RequestHandler), path string, h fasthttp.RequestHandler) {
		add(path, func(ctx *fasthttp.RequestCtx) {
			if s.allowed(ctx) {
				h(ctx)
			}
		})
	}
	manage(r.GET, "/metrics", metricsHandler(s.options.Runtime))
	manage(r.GET, "/v1/version", s.version)
	manage(r.GET, "/v1/functions", s.list)
	manage(r.PUT, "/v1/functions/{name}", s.deploy)
	manage(r.GET, "/v1/functions/{name}", s.describe)
	manage(r.DELETE, "/v1/functions/{name}", s.delete)
	manage(r.GET, "/v1/functions/{name}/versions", s.versions)
	manage(r.POST, "/v1/functions/{name}/rollback", s.rollback)
	manage(r.POST, "/v1/functions/{name}/unload", s.unload)
	manage(r.GET, "/v1/functions/{name}/stats", s.stats)
	manage(r.GET, "/v1/functions/{name}/logs", s.logs)
	return r
}

// name returns the {name} of the route.
func name(ctx *fasthttp.RequestCtx) string {
	n, _ := ctx.UserValue("name").(string)
	return strings.Clone(n)
}

// json answers with v.
func (s *Server) json(ctx *fasthttp.RequestCtx, status int, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		s.fail(ctx, fmt.Errorf("encode answer: %w", err))
		return
	}
	ctx.SetStatusCode(status)
	ctx.SetContentType("application/json")
	ctx.Response.Header.Set(headerRequestID, requestID(ctx))
	ctx.SetBody(append(text, '\n'))
}

// answer answers with v, or with the problem for err.
func (s *Server) answer(ctx *fasthttp.RequestCtx, v any, err error) {
	if err != nil {
		s.fail(ctx, err)
		return
	}
	s.json(ctx, fasthttp.StatusOK, v)
}

func (s *Server) ready(ctx *fasthttp.RequestCtx) {
	if s.isDraining() {
		s.fail(ctx, runtime.ErrClosed)
		return
	}
	s.json(ctx, fasthttp.StatusOK, map[string]string{"status": "ready"})
}

func (s *Server) version(ctx *fasthttp.RequestCtx) {
	s.json(ctx, fasthttp.StatusOK, map[string]string{"version": s.options.Version})
}

func (s *Server) list(ctx *fasthttp.RequestCtx) {
	functions, err := s.options.Runtime.Functions()
	s.answer(ctx, map[string]any{"functions": functions}, err)
}

func (s *Server) deploy(ctx *fasthttp.RequestCtx) {
	body, err := readBody(ctx, s.options.MaxArtifact, "an artifact", "--max-artifact of mayfly serve")
	if err != nil {
		s.failBody(ctx, err)
		return
	}
	o := runtime.DeployOptions{}
	if lazy := string(ctx.QueryArgs().Peek("lazy")); lazy != "" {
		if o.Lazy, err = strconv.ParseBool(lazy); err != nil {
			s.problem(ctx, problem{status: fasthttp.StatusBadRequest, kind: "bad-request", title: "Bad request", detail: fmt.Sprintf("lazy is %.40q: it must be true or false", lazy)})
			return
		}
	}
	d, err := s.options.Runtime.Deploy(name(ctx), bytes.NewReader(body), o)
	if err != nil {
		s.fail(ctx, err)
		return
	}
	s.options.Logger.Info("deployed", "function", d.Function, "version", d.Version.Version, "kind", string(d.Version.Kind), "digest", d.Version.Digest)
	s.json(ctx, fasthttp.StatusCreated, map[string]any{
		"function": d.Function, "version": d.Version, "phases_ms": phasesMillis(&d.Phases),
	})
}

func phasesMillis(p *call.Phases) map[string]float64 {
	ms := map[string]float64{}
	for name, took := range p.All() {
		ms[name] = took.Seconds() * 1e3
	}
	return ms
}

func (s *Server) describe(ctx *fasthttp.RequestCtx) {
	f, err := s.options.Runtime.Function(name(ctx))
	s.answer(ctx, f, err)
}

func (s *Server) delete(ctx *fasthttp.RequestCtx) {
	if err := s.options.Runtime.Delete(name(ctx)); err != nil {
		s.fail(ctx, err)
		return
	}
	ctx.Response.Header.Set(headerRequestID, requestID(ctx))
	ctx.SetStatusCode(fasthttp.StatusNoContent)
}

func (s *Server) versions(ctx *fasthttp.RequestCtx) {
	versions, err := s.options.Runtime.Versions(name(ctx))
	s.answer(ctx, map[string]any{"versions": versions}, err)
}

// maxCommandBody bounds the JSON bodies of commands.
const maxCommandBody = 64 << 10

// command reads the JSON body of a POST into v; no body is an empty object. It answers where that cannot be.
func (s *Server) command(ctx *fasthttp.RequestCtx, v any) bool {
	body, err := readBody(ctx, maxCommandBody, "a request's body", "")
	if err != nil {
		s.failBody(ctx, err)
		return false
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return true
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		s.problem(ctx, problem{status: fasthttp.StatusBadRequest, kind: "bad-request", title: "Bad request", detail: "the body is not the JSON that is expected here: " + err.Error()})
		return false
	}
	return true
}

func (s *Server) rollback(ctx *fasthttp.RequestCtx) {
	var body struct {
		Version uint64 `json:"version"`
	}
	if s.command(ctx, &body) {
		f, err := s.options.Runtime.Rollback(name(ctx), body.Version)
		s.answer(ctx, f, err)
	}
}

func (s *Server) unload(ctx *fasthttp.RequestCtx) {
	var body struct {
		From string `json:"from"`
	}
	if !s.command(ctx, &body) {
		return
	}
	from, ok := map[string]runtime.From{
		"": runtime.FromImage, "image": runtime.FromImage, "module": runtime.FromModule, "disk": runtime.FromDisk, "nothing": runtime.FromNothing,
	}[body.From]
	if !ok {
		s.problem(ctx, problem{status: fasthttp.StatusBadRequest, kind: "bad-request", title: "Bad request", detail: fmt.Sprintf("from is %.40q: it must be image, module, disk or nothing", body.From)})
		return
	}
	if err := s.options.Runtime.Unload(name(ctx), from); err != nil {
		s.fail(ctx, err)
		return
	}
	ctx.SetStatusCode(fasthttp.StatusNoContent)
}
