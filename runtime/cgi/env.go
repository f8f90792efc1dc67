// Package cgi is the Common Gateway Interface, CGI/1.1 (RFC 3875), by which wasm commands are called, as WAGI uses it: the request is in
// the environment, the arguments and standard input; the response is on standard output.
package cgi

import (
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/mayfly-faas/mayfly/runtime/call"
)

// Env returns the meta-variables of RFC 3875 section 4.1 as KEY=value, with REQUEST_URI and REMOTE_PORT which CGI programs expect too. Header
// fields are HTTP_*; repeated ones are joined.
//
// HTTP_PROXY is never among them: it is an environment variable by which HTTP clients find their proxy (httpoxy). Nor are fields with an underscore in
// their name, which would pass for those with a dash. Authorization is passed on: it is the function that authorises.
func Env(r *call.Request) []string {
	remoteIP, remotePort := hostPort(r.RemoteAddr)
	serverName, serverPort := hostPort(r.Host)
	listenIP, listenPort := hostPort(r.ServerAddr)
	if serverName == "" {
		serverName, serverPort = listenIP, listenPort
	}
	if serverPort == "" {
		serverPort = "80"
		if r.TLS {
			serverPort = "443"
		}
	}
	env := []string{
		"GATEWAY_INTERFACE=CGI/1.1",
		"SERVER_SOFTWARE=mayfly",
		"SERVER_PROTOCOL=" + r.Proto,
		"SERVER_NAME=" + serverName,
		"SERVER_PORT=" + serverPort,
		"REQUEST_METHOD=" + r.Method,
		"REQUEST_URI=" + r.RequestURI,
		"SCRIPT_NAME=" + r.ScriptName,
		"PATH_INFO=" + r.Path,
		"QUERY_STRING=" + r.Query,
		"REMOTE_ADDR=" + remoteIP,
		"REMOTE_HOST=" + remoteIP,
		"REMOTE_PORT=" + remotePort,
		"HTTP_HOST=" + r.Host,
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
	env = append(env, headerEnv(r.Header)...)
	return withoutNUL(env)
}

// headerEnv returns the header fields as HTTP_* variables, in the order in which each name first occurs.
func headerEnv(header call.Header) []string {
	var env []string
	at := map[string]int{}
	for _, f := range header {
		key := "HTTP_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		switch {
		case strings.Contains(f.Name, "_"), key == "HTTP_PROXY", key == "HTTP_HOST", key == "HTTP_CONTENT_TYPE", key == "HTTP_CONTENT_LENGTH", !isVariable(key):
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

// isVariable reports whether key has only letters, digits and underscores. Field names may have more.
func isVariable(key string) bool {
	for _, c := range key {
		switch {
		case 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_':
		default:
			return false
		}
	}
	return true
}

// Args returns the command's arguments: the function's path, then each pair of the query as key=value, decoded, as WAGI passes
// them. A pair that cannot be decoded is passed as it was sent.
func Args(r *call.Request) []string {
	args := []string{r.ScriptName}
	if r.Query == "" {
		return args
	}
	for pair := range strings.SplitSeq(r.Query, "&") {
		if pair == "" {
			continue
		}
		if decoded, err := url.QueryUnescape(pair); err == nil {
			pair = decoded
		}
		args = append(args, pair)
	}
	return withoutNUL(args)
}

// withoutNUL cuts NULs out: strings end at them in WASI, so that one would hide what follows.
func withoutNUL(strs []string) []string {
	for i, s := range strs {
		strs[i] = strings.ReplaceAll(s, "\x00", "")
	}
	return strs
}

// hostPort splits an address whose port may be missing. IPv6 addresses lose their brackets.
func hostPort(addr string) (host, port string) {
	if host, port, err := net.SplitHostPort(addr); err == nil {
		return host, port
	}
	return strings.Trim(addr, "[]"), ""
}
