package gateway

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/valyala/fasthttp"
)

// guard decides who may use the management API.
type guard struct {
	token [sha256.Size]byte
	open  bool // no token is asked for
	hosts map[string]bool
}

func newGuard(o Options) guard {
	g := guard{token: sha256.Sum256([]byte(o.AdminToken)), open: o.AdminToken == "", hosts: map[string]bool{"localhost": true}}
	if name, err := os.Hostname(); err == nil {
		g.hosts[strings.ToLower(name)] = true
	}
	for _, host := range o.Hosts {
		g.hosts[strings.ToLower(host)] = true
	}
	return g
}

// allowed answers a request to the management API that may not be made, and reports whether it may.
//
// The Host must be the server's own, so that a page whose name an attacker points at this machine cannot reach it (DNS
// rebinding); IP addresses cannot be pointed elsewhere. An Origin is a browser that sends what a page wants: another site's, or one that a
// function of this very server has made. No page is given the management API. Both hold with a token too.
func (s *Server) allowed(ctx *fasthttp.RequestCtx) bool {
	host := string(ctx.Host())
	switch {
	case !s.guard.knows(host):
		s.problem(ctx, problem{status: fasthttp.StatusForbidden, kind: "foreign-host", title: "Foreign host", detail: "the Host header names another server; start mayfly serve with --host to give it that name"})
	case sentByPage(&ctx.Request.Header):
		s.problem(ctx, problem{status: fasthttp.StatusForbidden, kind: "foreign-origin", title: "Foreign origin", detail: "a page in a browser sent this request, and the management API is not for pages"})
	case !s.guard.authorized(string(ctx.Request.Header.Peek("Authorization"))):
		ctx.Response.Header.Set("WWW-Authenticate", `Bearer realm="mayfly"`)
		s.problem(ctx, problem{status: fasthttp.StatusUnauthorized, kind: "unauthorized", title: "Unauthorized", detail: "the management API asks for the server's admin token: send Authorization: Bearer TOKEN (mayfly --token, MAYFLY_TOKEN)"})
	default:
		return true
	}
	return false
}

// knows reports whether host, with or without a port, is this server.
func (g *guard) knows(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return g.hosts[strings.ToLower(strings.TrimSuffix(name, "."))]
}

// sentByPage reports whether a page in a browser made the request: it has an Origin, or Sec-Fetch-Site (W3C Fetch Metadata) says that it was not the
// user who typed the address.
func sentByPage(h *fasthttp.RequestHeader) bool {
	site := string(h.Peek("Sec-Fetch-Site"))
	return len(h.Peek("Origin")) > 0 || site != "" && site != "none"
}

// authorized compares digests, in constant time: neither the token nor its length can be found out by measuring.
func (g *guard) authorized(authorization string) bool {
	if g.open {
		return true
	}
	scheme, token, _ := strings.Cut(authorization, " ")
	digest := sha256.Sum256([]byte(strings.TrimSpace(token)))
	return subtle.ConstantTimeCompare(digest[:], g.token[:]) == 1 && strings.EqualFold(scheme, "Bearer")
}
