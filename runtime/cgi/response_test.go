package cgi

import (
	"errors"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mayfly-faas/mayfly/runtime/call"
)

func TestParseResponseReadsHeaderAndBody(t *testing.T) {
	plain := call.Header{{Name: "Content-Type", Value: "text/plain"}}
	for _, tc := range []struct {
		name, out string
		want      call.Response
	}{
		{"document", "Content-Type: text/plain\n\nhello\n\nworld", call.Response{Status: 200, Header: plain, Body: []byte("hello\n\nworld")}},
		{"CRLF", "Content-Type: text/plain\r\n\r\nhello\r\n", call.Response{Status: 200, Header: plain, Body: []byte("hello\r\n")}},
		{"mixed line ends", "Content-Type: text/plain\r\n\nhello", call.Response{Status: 200, Header: plain, Body: []byte("hello")}},
		{"no body", "Content-Type: text/plain\n\n", call.Response{Status: 200, Header: plain}},
		{"space around the value", "Content-Type:\t text/plain \t\n\n", call.Response{Status: 200, Header: plain}},
		{"no space", "Content-Type:text/plain\n\n", call.Response{Status: 200, Header: plain}},
		{"no header", "\nhello", call.Response{Status: 200, Body: []byte("hello")}},
		{"no header nor body", "\r\n", call.Response{Status: 200}},
		{"no Content-Type", "X-A: b\n\nhello", call.Response{Status: 200, Header: call.Header{{Name: "X-A", Value: "b"}}, Body: []byte("hello")}},
		{"status", "Status: 404 Not Found\nContent-Type: text/plain\n\nno", call.Response{Status: 404, Header: plain, Body: []byte("no")}},
		{"status alone", "status: 204\n\n", call.Response{Status: 204}},
		{"highest status", "Status: 599\n\n", call.Response{Status: 599}},
		{"location", "Location: https://example.com/\n\n", call.Response{Status: 302, Header: call.Header{{Name: "Location", Value: "https://example.com/"}}}},
		{"local location", "Location: /there\n\n", call.Response{Status: 302, Header: call.Header{{Name: "Location", Value: "/there"}}}},
		{"empty location", "Location:\n\n", call.Response{Status: 200, Header: call.Header{{Name: "Location"}}}},
		{"location with status", "Location: /new\nStatus: 201 Created\n\n", call.Response{Status: 201, Header: call.Header{{Name: "Location", Value: "/new"}}}},
		{"repeated fields", "Set-Cookie: a=1\nSet-Cookie: b=2\n\n", call.Response{Status: 200, Header: call.Header{{Name: "Set-Cookie", Value: "a=1"}, {Name: "Set-Cookie", Value: "b=2"}}}},
		{"connection", "Connection: close\nTransfer-Encoding: chunked\nKeep-Alive: 1\nUpgrade: h2c\nTE: x\nTrailer: y\nProxy-Connection: z\n\n", call.Response{Status: 200}},
		{"length", "Content-Length: 2\nContent-Type: text/plain\n\nhi", call.Response{Status: 200, Header: plain, Body: []byte("hi")}},
		{"length twice", "Content-Length: 2\ncontent-length: 2\n\nhi", call.Response{Status: 200, Body: []byte("hi")}},
		{"length of a HEAD answer", "Content-Length: 200\n\n", call.Response{Status: 200}},
		{"binary body", "X-A: b\n\n\x00\xff", call.Response{Status: 200, Header: call.Header{{Name: "X-A", Value: "b"}}, Body: []byte("\x00\xff")}},
		{"value of another charset", "X-A: \xfc:\xe4\n\n", call.Response{Status: 200, Header: call.Header{{Name: "X-A", Value: "\xfc:\xe4"}}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := ParseResponse([]byte(tc.out))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&tc.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("response (-want +got):\n%s", diff)
			}
		})
	}
}

func TestResponseErrorsSayWhatWouldBeRight(t *testing.T) {
	const right = `; print a line such as "Content-Type: text/plain", then an empty line, then the body`
	long := strings.Repeat("x", 100)
	for _, tc := range []struct{ name, out, text string }{
		{"empty", "", "the output is no CGI response: it is empty" + right},
		{"no header", "hello world", `line 1 of the output is no CGI response: "hello world" is no header field` + right},
		{"no empty line", "Content-Type: text/plain\nhello world\n", `line 2 of the output is no CGI response: "hello world" is no header field` + right},
		{"no end", "Content-Type: text/plain", "line 1 of the output is no CGI response: the output ends within its header: an empty line must end the header, and the body follows"},
		{"no end after a line", "Content-Type: text/plain\n", "line 2 of the output is no CGI response: the output ends within its header: an empty line must end the header, and the body follows"},
		{"long line", long + "\n\n", `line 1 of the output is no CGI response: "` + long[:80] + `"... is no header field` + right},
		{"name", "X A: b\n\n", `line 1 of the output is no CGI response: "X A: b" is no header field` + right},
		{"no name", ": b\n\n", `line 1 of the output is no CGI response: ": b" is no header field` + right},
		{"folded line", "X-A: b\n c: d\n\n", `line 2 of the output is no CGI response: " c: d" is no header field` + right},
		{"value", "X-A: b\x00c\n\n", `line 1 of the output is no CGI response: "X-A: b\x00c" has a control character in its value, which no header field may have`},
		{"carriage return", "X-A: b\rX-B: c\n\n", `line 1 of the output is no CGI response: "X-A: b\rX-B: c" has a control character in its value, which no header field may have`},
		{"1xx", "Status: 100 Continue\n\n", `line 1 of the output is no CGI response: Status is "100 Continue": it must begin with a number from 200 to 599, such as "404 Not Found"`},
		{"600", "Status: 600\n\n", `Status is "600": it must begin with a number from 200 to 599, such as "404 Not Found"`},
		{"no number", "Status: OK\n\n", `Status is "OK": it must begin with a number from 200 to 599, such as "404 Not Found"`},
		{"four digits", "Status: 0200\n\n", `Status is "0200": it must begin with a number from 200 to 599, such as "404 Not Found"`},
		{"no status", "Status:\n\n", `Status is "": it must begin with a number from 200 to 599, such as "404 Not Found"`},
		{"status twice", "Status: 200\nStatus: 404\n\n", "line 2 of the output is no CGI response: Status is there twice; one status must do"},
		{"length", "Content-Length: 5\n\nhi", "the output is no CGI response: Content-Length is 5 and the body has 2 bytes: leave Content-Length out, the server sets it"},
		{"short length", "Content-Length: 0\n\nhi", "Content-Length is 0 and the body has 2 bytes: leave Content-Length out, the server sets it"},
		{"length is no number", "Content-Length: +2\n\nhi", `line 1 of the output is no CGI response: Content-Length is "+2": it must be a number of bytes, or be left out`},
		{"two lengths", "Content-Length: 2\nContent-Length: 3\n\nhi", "line 2 of the output is no CGI response: Content-Length is 3, and 2 further up: leave it out"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := ParseResponse([]byte(tc.out))
			if _, ok := errors.AsType[*ResponseError](err); !ok {
				t.Fatalf("got %+v, %v", r, err)
			}
			if !strings.HasSuffix(err.Error(), tc.text) {
				t.Errorf("got  %s\nwant %s", err, tc.text)
			}
		})
	}
}

// outputVariable makes this test's binary a CGI program that prints it.
const outputVariable = "MAYFLY_TEST_CGI_OUTPUT"

func TestMain(m *testing.M) {
	if out, ok := os.LookupEnv(outputVariable); ok {
		os.Stdout.WriteString(out)
		return
	}
	os.Exit(m.Run())
}

// The second opinion: where net/http/cgi and ParseResponse both take an output, they make the same of it.
func TestNetHTTPCGIMakesTheSameOfAnOutput(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{
		"Content-Type: text/plain\n\nhello\n\nworld",
		"Content-Type: text/plain\r\n\r\nhello\r\n",
		"Status: 404 Not Found\nContent-Type: text/html\n\nno",
		"Status: 418\nContent-Type: text/html\nX-A: 1\nx-a: 2\n\n",
		"Location: https://example.com/\n\n",
		"Location: /there\nStatus: 301 Moved\nContent-Type: text/html\n\nmoved",
		"Status: 500\n\nbad",
	} {
		server := &cgi.Handler{Path: program, Env: []string{outputVariable + "=" + out, "GORACE=atexit_sleep_ms=0"}}
		w := httptest.NewRecorder()
		server.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", http.NoBody))
		want := w.Result()
		got, err := ParseResponse([]byte(out))
		if err != nil {
			t.Errorf("%q: %v", out, err)
			continue
		}
		header := http.Header{}
		for _, f := range got.Header {
			header.Add(f.Name, f.Value)
		}
		// The recorder makes a type up for a body that has none.
		if header.Get("Content-Type") == "" {
			want.Header.Del("Content-Type")
		}
		if got.Status != want.StatusCode || string(got.Body) != w.Body.String() {
			t.Errorf("%q: %d %q, net/http/cgi has %d %q", out, got.Status, got.Body, want.StatusCode, w.Body)
		}
		if diff := cmp.Diff(want.Header, header); diff != "" {
			t.Errorf("%q: header (-net/http/cgi +ParseResponse):\n%s", out, diff)
		}
	}
}

func FuzzParseResponse(f *testing.F) {
	for _, s := range []string{
		"", "\n", "hello world", "Content-Type: text/plain\n\nbody", "Status: 404 Not Found\r\nX: y\r\n\r\n", "Location: /\nContent-Length: 0\n\n",
		"A: b\rc\n\n", "Status: 99999999999999999999\n\n", "Connection: close\n\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, out []byte) {
		r, err := ParseResponse(out)
		if err != nil {
			e, ok := errors.AsType[*ResponseError](err)
			if !ok || e.Line < 0 || e.Line > strings.Count(string(out), "\n")+1 || len(e.Msg) > 4*80+200 {
				t.Errorf("%#v", err)
			}
			return
		}
		if r.Status < 200 || r.Status > 599 {
			t.Errorf("status %d", r.Status)
		}
		for _, f := range r.Header {
			if !call.ValidName(f.Name) || !call.ValidValue(f.Value) || call.ConnectionField(f.Name) || strings.EqualFold(f.Name, "Status") {
				t.Errorf("field %q: %q", f.Name, f.Value)
			}
		}
		if !strings.HasSuffix(string(out), string(r.Body)) {
			t.Errorf("the body %q does not end %q", r.Body, out)
		}
	})
}
