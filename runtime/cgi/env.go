// Package cgi is the Common Gateway Interface, CGI/1.1 (RFC 3875), by which wasm commands are called, as WAGI uses it
// (https://github.com/deislabs/wagi): the request is in the environment, the arguments and standard input; the response is on standard
// output.
//
// Env and Args say what a command is started with, ParseResponse reads what it has written. A Go program that uses net/http/cgi works
// with them unchanged.
package cgi

import (
	"net"
	"strconv"
	"strings"

	"github.com/mayfly-faas/mayfly/runtime/call"
)

// Env returns the meta-variables of RFC 3875 section 4.1 as KEY=value, with HTTPS, REQUEST_URI and REMOTE_PORT, which CGI programs expect
// too. What is unknown is left out. REMOTE_HOST is the address, as section 4.1.9 has it for servers that look no names up.
//
// Header fields are HTTP_* (section 4.1.18), repeated ones joined by a comma and cookies by a semicolon. Fields that name their variable
// ambiguously are passed over: those with an underscore, which would pass for a dash, or with anything but ASCII letters, digits and dashes. HTTP_PROXY
// is never among them, since HTTP clients take it for their own setting (https://httpoxy.org). Authorization is passed on, which the section
// allows: it is the function that authorises. A NUL, at which strings end in WASI, is cut out of any value.
func Env(r *call.Request) []string {
	host, port := serverName(r)
	env := []string{
		"GATEWAY_INTERFACE=CGI/1.1",
		"SERVER_SOFTWARE=mayfly",
		"SERVER_PROTOCOL=" + r.Proto,
		"SERVER_NAME=" + host,
		"SERVER_PORT=" + port,
		"REQUEST_METHOD=" + r.Method,
		"REQUEST_URI=" + originForm(r.RequestURI),
		"SCRIPT_NAME=" + r.ScriptName,
		"PATH_INFO=" + r.Path,
		"QUERY_STRING=" + r.Query,
	}
	remote, remotePort := hostPort(r.RemoteAddr)
	env = append(env, "REMOTE_ADDR="+remote, "REMOTE_HOST="+remote)
	if remotePort != "" {
		env = append(env, "REMOTE_PORT="+remotePort)
	}
	if r.TLS {
		env = append(env, "HTTPS=on")
	}
	if t := r.Header.Get("Content-Type"); t != "" {
		env = append(env, "CONTENT_TYPE="+t)
	}
	if len(r.Body) > 0 || r.Header.Get("Content-Length") != "" {
		env = append(env, "CONTENT_LENGTH="+strconv.Itoa(len(r.Body)))
	}
	if r.Host != "" {
		env = append(env, "HTTP_HOST="+r.Host)
	}
	env = append(env, headerEnv(r.Header)...)
	for i, s := range env {
		env[i] = withoutNUL(s)
	}
	return env
}

// headerEnv returns the header fields as HTTP_* variables, in the order in which each name first occurs.
func headerEnv(header call.Header) []string {
	var env []string
	at := map[string]int{}
	for _, f := range header {
		key, ok := variable(f.Name)
		if !ok {
			continue
		}
		switch key {
		case "HTTP_PROXY", "HTTP_HOST", "HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH":
			continue
		}
		if i, ok := at[key]; ok {
			separator := ", "
			if key == "HTTP_COOKIE" {
				separator = "; "
			}
			env[i] += separator + f.Value
			continue
		}
		at[key] = len(env)
		env = append(env, key+"="+f.Value)
	}
	return env
}

// variable returns the name of the variable that a header field goes to.
func variable(field string) (key string, ok bool) {
	b := append(make([]byte, 0, len("HTTP_")+len(field)), "HTTP_"...)
	for i := range len(field) {
		switch c := field[i]; {
		case 'a' <= c && c <= 'z':
			b = append(b, c-'a'+'A')
		case 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
			b = append(b, c)
		case c == '-':
			b = append(b, '_')
		default:
			return "", false
		}
	}
	return string(b), field != ""
}

// serverName returns the name and port that the caller used, or else those at which the request came in. An IPv6 address is in
// brackets (RFC 3875 section 4.1.14).
func serverName(r *call.Request) (host, port string) {
	if host, port = hostPort(r.Host); host == "" {
		host, port = hostPort(r.ServerAddr)
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	switch {
	case port != "":
	case r.TLS:
		port = "443"
	default:
		port = "80"
	}
	return host, port
}

// hostPort splits an address whose port may be missing. IPv6 addresses lose their brackets.
func hostPort(addr string) (host, port string) {
	if host, port, err := net.SplitHostPort(addr); err == nil {
		return host, port
	}
	return strings.Trim(addr, "[]"), ""
}

// originForm cuts scheme and authority off a request target that has them (RFC 9112 section 3.2.2), as a proxy's request does:
// CGI programs put REQUEST_URI behind HTTP_HOST.
func originForm(target string) string {
	_, rest, ok := strings.Cut(target, "://")
	if !ok || strings.HasPrefix(target, "/") {
		return target
	}
	switch i := strings.IndexAny(rest, "/?"); {
	case i < 0:
		return "/"
	case rest[i] == '?':
		return "/" + rest[i:]
	default:
		return rest[i:]
	}
}

func withoutNUL(s string) string { return strings.ReplaceAll(s, "\x00", "") }
