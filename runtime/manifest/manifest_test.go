package manifest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/mayfly-faas/mayfly/runtime/call"
	"github.com/mayfly-faas/mayfly/runtime/cgi"
)

func TestEveryKeyIsRead(t *testing.T) {
	got, err := Parse([]byte(`
name = "shop"
entry = "pkg.web:app"
memory = "96MiB"
timeout = "1m30s"
isolation = "reuse"
concurrency = 4
queue = 10
max_request = "1.5MB"
max_response = "512KiB"
tmp = "1GiB"
cpu = "1m"
image = { timeout = "2m", warmup = ["/"] }

[env]
A = "1"
"b.c" = ""
`))
	if err != nil {
		t.Fatal(err)
	}
	want := &Manifest{
		Name: "shop", Entry: "pkg.web:app", Memory: 96 << 20, Timeout: Duration(90 * time.Second), Isolation: Reuse, Concurrency: 4, Queue: 10,
		MaxRequest: 1_500_000, MaxResponse: 512 << 10, Tmp: 1 << 30, CPU: Duration(time.Minute),
		Image: Image{Timeout: Duration(2 * time.Minute), Warmup: []string{"/"}}, Env: map[string]string{"A": "1", "b.c": ""},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNothingIsNeeded(t *testing.T) {
	got, err := Parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&Manifest{}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestErrorsSayWhereAndWhat(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"\nmemroy = \"1MiB\"", `mayfly.toml:2: unknown key "memroy"; did you mean "memory"?`},
		{"maxrequest = \"1MiB\"", `mayfly.toml:1: unknown key "maxrequest"; did you mean "max_request"?`},
		{"colour = 1", `mayfly.toml:1: unknown key "colour"; the keys are name, entry, memory, timeout, cpu, env, isolation, concurrency, queue, max_request, max_response, tmp, image`},
		{"[image]\nwarm = 1", `mayfly.toml:2: unknown key "image.warm"; the keys of [image] are warmup and timeout`},
		{"[image]\nwarmup = [\"items\"]", `mayfly.toml: image.warmup: "items" is no request: write a path such as "/"`},
		{"[kv]\nbuckets = []", `mayfly.toml:1: unknown key "kv"`},
		{"\nname = \"\"", `mayfly.toml:2: name = "": name the function, or leave the line out`},
		{"name = ", `mayfly.toml:1: `},
		{"name = \"a\"\nname = \"b\"", `mayfly.toml:2: `},
		{"name = \"My Function\"", `mayfly.toml: name: "My Function" cannot be a function's name: use 1 to 63 lower-case letters, digits and dashes, with no dash at the ends`},
		{"\nmemory = 128", `mayfly.toml:2: memory: 128 is not a size: write a number and its unit in quotes, such as "64MiB"`},
		{"memory = \"128\"", `mayfly.toml:1: memory: "128" is not a size: write a number and its unit, such as "64MiB"`},
		{"memory = \"-1MiB\"", `mayfly.toml:1: memory: "-1MiB" is too small: it must be more than 0`},
		{"tmp = \"0.5B\"", `mayfly.toml:1: tmp: "0.5B" is too small: it must be more than 0`},
		{"memory = \"9GiB\"", `mayfly.toml: memory = "9GiB": it must be more than 0 and at most 4GiB`},
		{"timeout = 30", `mayfly.toml:1: timeout: 30 is not a duration: write a number and its unit in quotes, such as "30s" or "250ms"`},
		{"timeout = \"30\"", `mayfly.toml:1: timeout: "30" is not a duration: write a number and its unit, such as "30s" or "250ms"`},
		{"timeout = \"1s\"\n[image]\ntimeout = 30", `mayfly.toml:3: image.timeout: 30 is not a duration: write a number and its unit in quotes`},
		{"image.timeout = 30", `mayfly.toml:1: image.timeout: 30 is not a duration`},
		{"[env]\ntimeout = \"1s\"\n[image]\ntimeout = \"0s\"", `mayfly.toml:4: image.timeout: "0s" is too short: it must be more than 0`},
		{"timeout = \"0s\"", `mayfly.toml:1: timeout: "0s" is too short: it must be more than 0`},
		{"timeout = \"10s\"\ncpu = \"11s\"", `mayfly.toml: cpu = "11s" is more than timeout = "10s": a request cannot compute for longer than it may last`},
		{"timeout = \"100h\"", `mayfly.toml: timeout = "100h0m0s": it must be more than 0 and at most 24h0m0s`},
		{"isolation = \"shared\"", `mayfly.toml: isolation = "shared": it must be "fresh" or "reuse"`},
		{"concurrency = 0", `mayfly.toml: concurrency = 0: it must be from 1 to 10000`},
		{"queue = 0", `mayfly.toml: queue = 0: it must be from 1 to 1000000`},
		{"concurrency = -1", `mayfly.toml: concurrency = -1: it must be from 1 to 10000`},
		{"queue = 9000000", `mayfly.toml: queue = 9000000: it must be from 1 to 1000000`},
		{"entry = \"../x.py\"", `mayfly.toml: entry = "../x.py": it must name a module or a file in the folder`},
		{"entry = \"/etc/x.py\"", `it must name a module or a file in the folder`},
		{"[env]\n\"A=B\" = \"\"", `mayfly.toml: env: "A=B" cannot be in an environment`},
		{"[env]\nREQUEST_METHOD = \"\"", `mayfly.toml: env: "REQUEST_METHOD" is a name by which CGI/1.1 tells of a request (RFC 3875): give the variable another`},
		{"[env]\nHTTP_TIMEOUT = \"\"", `mayfly.toml: env: "HTTP_TIMEOUT" is a name by which`},
		{"[env]\nA = 1", `mayfly.toml:2: env.A: its value must be of type string, and this is of type integer: put it in quotes`},
		{"env = 1", `mayfly.toml:1: env: its value must be of type table of strings, and this is of type integer`},
		{"[env.A]\nB = \"\"", `mayfly.toml:1: env.A: its value must be of type string, and this is of type table`},
		{"isolation = 1", `mayfly.toml:1: isolation: its value must be of type string, and this is of type integer: put it in quotes`},
		{"image = \"/\"", `mayfly.toml:1: image: its value must be of type table, and this is of type string`},
		{"[[image]]", `mayfly.toml:1: image: its value must be of type table, and this is of type array of tables`},
		{"[image]\nwarmup = \"/\"", `mayfly.toml:2: image.warmup: its value must be of type array of strings, and this is of type string`},
		{"[image]\nwarmup = {}", `mayfly.toml:2: image.warmup: its value must be of type array of strings, and this is of type table`},
		{"[image]\nwarmup = [1]", `mayfly.toml:2: image.warmup: its value must be of type string, and this is of type integer: put it in quotes`},
		{"concurrency = \"x\"", `mayfly.toml:1: concurrency: its value must be of type integer, and this is of type string`},
	} {
		_, err := Parse([]byte(tc.text))
		if _, ok := errors.AsType[*Error](err); !ok || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%q:\ngot  %v\nwant %s", tc.text, err, tc.want)
		}
	}
}

// TestNoVariableIsTakenForARequests asks package cgi which are.
func TestNoVariableIsTakenForARequests(t *testing.T) {
	request := &call.Request{
		Method: "POST", Host: "h", RemoteAddr: "127.0.0.1:1", TLS: true, Body: []byte("x"),
		Header: call.Header{{Name: "Content-Type", Value: "text/plain"}, {Name: "X-Test", Value: "1"}},
	}
	for _, variable := range cgi.Env(request) {
		name, _, _ := strings.Cut(variable, "=")
		if _, err := Parse(fmt.Appendf(nil, "[env]\n%s = \"\"", name)); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_x", "HTTP", "SERVER", "PATH"} {
		if _, err := Parse(fmt.Appendf(nil, "[env]\n%s = \"\"", name)); err != nil {
			t.Error(err)
		}
	}
}

func TestNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"a": true, "0": true, "a-b-1": true, strings.Repeat("a", 63): true,
		"": false, "A": false, "a_b": false, "-a": false, "a-": false, "a.b": false, "a/b": false, "ü": false, strings.Repeat("a", 64): false, "a\n": false,
	} {
		if err := CheckName(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestSizesAndDurationsAreReadAsTheyAreWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Size(rapid.Int64Range(1, 1<<40).Draw(t, "size"))
		if got, err := ParseSize(s.String()); err != nil || got != s {
			t.Fatalf("%d was written as %s and read as %d (%v)", int64(s), s, int64(got), err)
		}
		d := Duration(rapid.Int64Range(1, int64(maxTimeout)).Draw(t, "duration"))
		var got Duration
		if err := got.UnmarshalText([]byte(d.String())); err != nil || got != d {
			t.Fatalf("%s was read as %s (%v)", d, got, err)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add("name = \"a\"\n[env]\nA = \"1\"")
	f.Add("memory = \"1e3MiB\"")
	f.Add("[[env]]\n")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := Parse([]byte(text))
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		if err := m.validate(); err != nil {
			t.Fatal(err)
		}
		if m.Memory < 0 || m.Memory > maxSize || m.Timeout < 0 {
			t.Fatalf("%+v", m)
		}
	})
}
