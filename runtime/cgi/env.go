// Package cgi is the Common Gateway Interface, CGI/1.1 (RFC 3875), by which wasm commands are called, as WAGI uses it
// (https://github.com/deislabs/wagi): the request is in the environment, the arguments and standard input; the response is on standard
// output.
//
// Env and Args say what a command is started with, ParseResponse reads what it has written. A Go program that uses net/http/cgi works
// with them unchanged.
package cgi

import (
	"net"
	"slices"
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
	remote, remotePort := hostPort(r.RemoteAddr)
	e := newEnvironment(r)
	e.add("GATEWAY_INTERFACE", "CGI/1.1")
	e.add("SERVER_SOFTWARE", "mayfly")
	e.add("SERVER_PROTOCOL", r.Proto)
	e.add("SERVER_NAME", host)
	e.add("SERVER_PORT", port)
	e.add("REQUEST_METHOD", r.Method)
	e.add("REQUEST_URI", originForm(r.RequestURI))
	e.add("SCRIPT_NAME", r.ScriptName)
	e.add("PATH_INFO", r.Path)
	e.add("QUERY_STRING", r.Query)
	e.add("REMOTE_ADDR", remote)
	e.add("REMOTE_HOST", remote)
	if remotePort != "" {
		e.add("REMOTE_PORT", remotePort)
	}
	if r.TLS {
		e.add("HTTPS", "on")
	}
	if t := r.Header.Get("Content-Type"); t != "" {
		e.add("CONTENT_TYPE", t)
	}
	if len(r.Body) > 0 || r.Header.Get("Content-Length") != "" {
		e.add("CONTENT_LENGTH", strconv.Itoa(len(r.Body)))
	}
	if r.Host != "" {
		e.add("HTTP_HOST", r.Host)
	}
	for _, v := range headerVariables(r.Header) {
		e.add(v.name, v.value)
	}
	return e.variables()
}

// environment is variables, one after the other in one piece of memory, from which they are cut.
type environment struct {
	b    []byte
	ends []int
}

func newEnvironment(r *call.Request) *environment {
	const own = 512 // is about what there is beside the request's own strings
	size := own + len(r.RequestURI) + len(r.Query) + len(r.Path) + len(r.ScriptName)
	for _, f := range r.Header {
		size += len("HTTP_=") + len(f.Name) + len(f.Value)
	}
	return &environment{make([]byte, 0, size), make([]int, 0, 20+len(r.Header))}
}

// add adds a variable, without the NULs in it.
func (e *environment) add(name, value string) {
	e.b = append(append(append(e.b, name...), '='), withoutNUL(value)...)
	e.ends = append(e.ends, len(e.b))
}

func (e *environment) variables() []string {
	all, at := string(e.b), 0
	list := make([]string, len(e.ends))
	for i, end := range e.ends {
		list[i], at = all[at:end], end
	}
	return list
}

// headerVariable is a header field as a variable.
type headerVariable struct{ name, value string }

// headerVariables returns the header fields as HTTP_* variables, in the order in which each name first occurs.
func headerVariables(header call.Header) []headerVariable {
	list := make([]headerVariable, 0, len(header))
	const few = 16 // names are found faster by looking at each than in a map
	var at map[string]int
	if len(header) > few {
		at = make(map[string]int, len(header))
	}
	find := func(name string) (int, bool) {
		if at != nil {
			i, ok := at[name]
			return i, ok
		}
		i := slices.IndexFunc(list, func(v headerVariable) bool { return v.name == name })
		return i, i >= 0
	}
	for _, f := range header {
		name, ok := variable(f.Name)
		if !ok {
			continue
		}
		switch name {
		case "HTTP_PROXY", "HTTP_HOST", "HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH":
			continue
		}
		if i, ok := find(name); ok {
			separator := ", "
			if name == "HTTP_COOKIE" {
				separator = "; "
			}
			list[i].value += separator + f.Value
			continue
		}
		if at != nil {
			at[name] = len(list)
		}
		list = append(list, headerVariable{name, f.Value})
	}
	return list
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
