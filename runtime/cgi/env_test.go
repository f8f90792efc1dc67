package cgi

import (
	"bytes"
	"net/http"
	"net/http/cgi"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mayfly-faas/mayfly/runtime/call"
)

func request() *call.Request {
	return &call.Request{
		Method: "POST", ScriptName: "/fn/hello", Path: "/a b/c", Query: "x=1&y=%C3%BC", RequestURI: "/fn/hello/a%20b/c?x=1&y=%C3%BC",
		Proto: "HTTP/1.1", Host: "example.com:8080", RemoteAddr: "192.0.2.7:4711", ServerAddr: "10.0.0.1:7070",
		Header: call.Header{
			{Name: "Host", Value: "example.com:8080"}, {Name: "Content-Type", Value: "text/plain"}, {Name: "Content-Length", Value: "4"},
			{Name: "Accept", Value: "text/html"}, {Name: "accept", Value: "*/*"}, {Name: "Cookie", Value: "a=1"}, {Name: "Cookie", Value: "b=2"},
			{Name: "Authorization", Value: "Bearer x"}, {Name: "X-Request-2", Value: ""},
		},
		Body: []byte("body"),
	}
}

func TestEnvHasTheMetaVariables(t *testing.T) {
	want := []string{
		"GATEWAY_INTERFACE=CGI/1.1", "SERVER_SOFTWARE=mayfly", "SERVER_PROTOCOL=HTTP/1.1", "SERVER_NAME=example.com", "SERVER_PORT=8080",
		"REQUEST_METHOD=POST", "REQUEST_URI=/fn/hello/a%20b/c?x=1&y=%C3%BC", "SCRIPT_NAME=/fn/hello", "PATH_INFO=/a b/c", "QUERY_STRING=x=1&y=%C3%BC",
		"REMOTE_ADDR=192.0.2.7", "REMOTE_HOST=192.0.2.7", "REMOTE_PORT=4711", "CONTENT_TYPE=text/plain", "CONTENT_LENGTH=4",
		"HTTP_HOST=example.com:8080", "HTTP_ACCEPT=text/html, */*", "HTTP_COOKIE=a=1; b=2", "HTTP_AUTHORIZATION=Bearer x", "HTTP_X_REQUEST_2=",
	}
	if diff := cmp.Diff(want, Env(request())); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
}

func TestEnvPassesOverFieldsThatNameTheirVariableAmbiguously(t *testing.T) {
	r := &call.Request{Header: call.Header{
		{Name: "X_Real-IP", Value: "underscore"}, {Name: "Proxy", Value: "httpoxy"}, {Name: "PROXY", Value: "httpoxy"}, {Name: "", Value: "none"},
		{Name: "X.Y", Value: "dot"}, {Name: "X=Y", Value: "equals"}, {Name: "Cookıe", Value: "dotless i, upper case I"}, {Name: "Hoſt", Value: "long s"},
		{Name: "X-Real-IP", Value: "passed"},
	}}
	var got []string
	for _, s := range Env(r) {
		if strings.HasPrefix(s, "HTTP_") {
			got = append(got, s)
		}
	}
	if diff := cmp.Diff([]string{"HTTP_X_REAL_IP=passed"}, got); diff != "" {
		t.Errorf("header variables (-want +got):\n%s", diff)
	}
}

func TestEnvSaysWhereTheRequestCameFromAndWent(t *testing.T) {
	for _, tc := range []struct {
		name string
		r    call.Request
		want []string // among the variables; those that end in ! must be missing
	}{
		{"TLS", call.Request{Host: "example.com", TLS: true}, []string{"HTTPS=on", "SERVER_NAME=example.com", "SERVER_PORT=443"}},
		{"no TLS", call.Request{Host: "example.com"}, []string{"HTTPS!", "SERVER_PORT=80"}},
		{"no host", call.Request{ServerAddr: "10.0.0.1:7070"}, []string{"SERVER_NAME=10.0.0.1", "SERVER_PORT=7070", "HTTP_HOST!"}},
		{"IPv6", call.Request{Host: "[::1]:8080", RemoteAddr: "[2001:db8::1]:99"}, []string{"SERVER_NAME=[::1]", "SERVER_PORT=8080", "REMOTE_ADDR=2001:db8::1", "REMOTE_PORT=99"}},
		{"IPv6 without a port", call.Request{Host: "[::1]", RemoteAddr: "::2"}, []string{"SERVER_NAME=[::1]", "SERVER_PORT=80", "REMOTE_ADDR=::2", "REMOTE_PORT!"}},
		{"no body", call.Request{}, []string{"CONTENT_LENGTH!", "CONTENT_TYPE!"}},
		{"empty body", call.Request{Header: call.Header{{Name: "content-length", Value: "0"}}}, []string{"CONTENT_LENGTH=0"}},
		{"chunked body", call.Request{Body: []byte("12345")}, []string{"CONTENT_LENGTH=5"}},
		{"wrong length", call.Request{Body: []byte("12345"), Header: call.Header{{Name: "Content-Length", Value: "9"}}}, []string{"CONTENT_LENGTH=5", "HTTP_CONTENT_LENGTH!"}},
		{"NUL", call.Request{Path: "/a\x00b", Query: "\x00", Host: "a\x00"}, []string{"PATH_INFO=/ab", "QUERY_STRING=", "HTTP_HOST=a"}},
		{"absolute target", call.Request{RequestURI: "http://example.com/fn/a?b=c://d"}, []string{"REQUEST_URI=/fn/a?b=c://d"}},
		{"absolute target without path", call.Request{RequestURI: "http://example.com"}, []string{"REQUEST_URI=/"}},
		{"absolute target with query alone", call.Request{RequestURI: "http://example.com?a"}, []string{"REQUEST_URI=/?a"}},
		{"target with a URL in it", call.Request{RequestURI: "/fn/a?b=http://c/d"}, []string{"REQUEST_URI=/fn/a?b=http://c/d"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			env := Env(&tc.r)
			for _, want := range tc.want {
				if name, missing := strings.CutSuffix(want, "!"); missing {
					if _, ok := envMap(env)[name]; ok {
						t.Errorf("%s is there", name)
					}
				} else if !slices.Contains(env, want) {
					t.Errorf("%s is not there: %q", want, env)
				}
			}
		})
	}
}

func envMap(env []string) map[string]string {
	m := map[string]string{}
	for _, s := range env {
		key, value, _ := strings.Cut(s, "=")
		m[key] = value
	}
	return m
}

// The second opinion: what the standard library makes of our environment is the request that we described.
func TestNetHTTPCGIReadsTheSameRequest(t *testing.T) {
	absolute := request()
	absolute.RequestURI = "http://example.com:8080" + absolute.RequestURI
	secure := request()
	secure.TLS, secure.Proto = true, "HTTP/2.0"
	plain := &call.Request{Method: "GET", Proto: "HTTP/1.0", ScriptName: "/fn/x", RequestURI: "/fn/x", RemoteAddr: "[::1]:5"}
	for name, r := range map[string]*call.Request{"post": request(), "absolute": absolute, "secure": secure, "plain": plain} {
		t.Run(name, func(t *testing.T) {
			got, err := cgi.RequestFromMap(envMap(Env(r)))
			if err != nil {
				t.Fatal(err)
			}
			if got.Method != r.Method || got.Proto != r.Proto || got.Host != r.Host || got.RemoteAddr != r.RemoteAddr {
				t.Errorf("%s %s %s from %s, want %s %s %s from %s", got.Method, got.Proto, got.Host, got.RemoteAddr, r.Method, r.Proto, r.Host, r.RemoteAddr)
			}
			if got.URL.Path != r.ScriptName+r.Path || got.URL.RawQuery != r.Query || (got.TLS != nil) != r.TLS || got.ContentLength != int64(len(r.Body)) {
				t.Errorf("path %q, query %q, TLS %v, %d bytes", got.URL.Path, got.URL.RawQuery, got.TLS != nil, got.ContentLength)
			}
			want := http.Header{}
			if r.Body != nil {
				want = http.Header{"Accept": {"text/html, */*"}, "Authorization": {"Bearer x"}, "Content-Type": {"text/plain"}, "Cookie": {"a=1; b=2"}, "X-Request-2": {""}}
			}
			if diff := cmp.Diff(want, got.Header); diff != "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzEnv(f *testing.F) {
	f.Add("GET", "/a\x00", "x=1&%00", "http://h/p", "[::1]:80", "127.0.0.1:1", "X-Name", "value", []byte("b"))
	f.Add("", "", "%zz", "*", "::", "@", "Pro\x00xy", "a\x00", []byte(nil))
	f.Fuzz(func(t *testing.T, method, path, query, uri, host, remote, name, value string, body []byte) {
		r := &call.Request{
			Method: method, ScriptName: path, Path: path, Query: query, RequestURI: uri, Proto: "HTTP/1.1", Host: host, RemoteAddr: remote,
			Header: call.Header{{Name: name, Value: value}, {Name: strings.ToUpper(name), Value: value}}, Body: body,
		}
		seen := map[string]bool{}
		for _, s := range Env(r) {
			key, _, ok := strings.Cut(s, "=")
			if !ok || key == "" || strings.Contains(s, "\x00") || strings.Trim(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" || key == "HTTP_PROXY" {
				t.Errorf("variable %q", s)
			}
			if seen[key] {
				t.Errorf("%s is there twice", key)
			}
			seen[key] = true
		}
		args := Args(r)
		if strings.Contains(strings.Join(args, ""), "\x00") {
			t.Errorf("a NUL is among the arguments %q", args)
		}
		if bytes.Count([]byte(query), []byte("&"))+2 < len(args) {
			t.Errorf("%d arguments of %q", len(args), query)
		}
	})
}
