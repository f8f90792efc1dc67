package gateway_test

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mayfly-faas/mayfly/gateway"
	"github.com/mayfly-faas/mayfly/host/wasi/wasitest"
	"github.com/mayfly-faas/mayfly/runtime"
	"github.com/mayfly-faas/mayfly/runtime/runtimetest"
)

func TestManagementAsksForTheToken(t *testing.T) {
	s := start(t, config{gateway: gateway.Options{AdminToken: "t0ken"}})
	for _, tc := range []struct {
		header string
		status int
	}{
		{"", 401}, {"Authorization: Bearer wrong", 401}, {"Authorization: Basic t0ken", 401}, {"Authorization: Bearer", 401},
		{"Authorization: Bearer t0ken", 200}, {"Authorization: bearer t0ken", 200},
	} {
		a := s.send("GET", "/v1/functions", "", tc.header)
		if a.status != tc.status {
			t.Errorf("%q: %d, want %d", tc.header, a.status, tc.status)
		}
		if a.status == 401 && a.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%q: 401 without WWW-Authenticate", tc.header)
		}
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if a := s.send("GET", path, ""); a.status != 200 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
}

func TestManagementRefusesForeignHostsAndOriginsEvenWithToken(t *testing.T) {
	s := start(t, config{gateway: gateway.Options{AdminToken: "t", Hosts: []string{"mayfly.example"}}})
	own := strings.TrimPrefix(s.url, "http://")
	for _, tc := range []struct {
		header []string
		status int
	}{
		{nil, 200},
		{[]string{"Host: localhost:1234"}, 200},
		{[]string{"Host: [::1]:80"}, 200},
		{[]string{"Host: mayfly.example"}, 200},
		{[]string{"Host: MAYFLY.example.:8080"}, 200},
		{[]string{"Host: evil.example"}, 403},
		{[]string{"Host: localhost.evil.example:8080"}, 403},
		{[]string{"Origin: " + s.url}, 403}, // a page that a function has made
		{[]string{"Origin: https://evil.example"}, 403},
		{[]string{"Origin: null"}, 403},
		{[]string{"Origin: http://" + own + ".evil.example"}, 403},
		{[]string{"Sec-Fetch-Site: cross-site"}, 403},
		{[]string{"Sec-Fetch-Site: same-origin"}, 403},
		{[]string{"Sec-Fetch-Site: none"}, 200},
	} {
		a := s.send("GET", "/v1/functions", "", append(tc.header, "Authorization: Bearer t")...)
		if a.status != tc.status {
			t.Errorf("%q: %d %s, want %d", tc.header, a.status, a.body, tc.status)
		}
	}
}

func TestListDescribeVersionsStatsDelete(t *testing.T) {
	s := start(t, config{})
	const source = "def handler(request):\n    return 'ok'\n"
	s.deploy("one", []byte(source))
	s.deploy("one", []byte(source+"#\n"))
	s.send("GET", "/fn/one", "")
	for _, tc := range []struct{ path, want string }{
		{"/v1/functions", `"name":"one","live":{"version":2,"live":true,"kind":"python"`},
		{"/v1/functions/one", `"entry":"main:handler","python":"3.12.0"`},
		{"/v1/functions/one/versions", `{"versions":[{"version":1,"live":false`},
		{"/v1/functions/one/stats", `"calls":1,"cold":0,"errors":0,`},
	} {
		if a := s.send("GET", tc.path, ""); a.status != 200 || !strings.Contains(a.body, tc.want) {
			t.Errorf("%s: %d %s, want it to have %s", tc.path, a.status, a.body, tc.want)
		}
	}
	if a := s.send("DELETE", "/v1/functions/one", ""); a.status != 204 {
		t.Errorf("delete: %d %s", a.status, a.body)
	}
	if a := s.send("GET", "/fn/one", ""); a.status != 404 {
		t.Errorf("after delete: %d %s", a.status, a.body)
	}
}

func TestFollowedLogSendsLinesAsTheyCome(t *testing.T) {
	s := start(t, config{})
	s.deploy("talk", s.python("def handler(request):\n    print('said', request.query['what'])\n    return ''\n", ""))
	s.send("GET", "/fn/talk?what=before", "")
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", s.url+"/v1/functions/talk/logs?follow=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	expect := func(what string) {
		t.Helper()
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				if !strings.Contains(data, `"stream":"stdout","text":"said `+what+`"`) {
					t.Fatalf("got %s, want %s", data, what)
				}
				return
			}
		}
		t.Fatalf("the log ended before %q: %v", what, lines.Err())
	}
	expect("before")
	s.send("GET", "/fn/talk?what=after", "")
	expect("after")
}

func TestShutdownFinishesRunningRequestsAndTakesNoNewOnes(t *testing.T) {
	s := start(t, config{})
	s.deploy("slow", s.python("import time\ndef handler(request):\n    print('begun')\n    time.sleep(0.5)\n    return 'finished'\n", ""))
	log, err := s.runtime.Log("slow")
	if err != nil {
		t.Fatal(err)
	}
	_, feed, stop := log.Follow(0)
	defer stop()
	got := make(chan answer, 1)
	go func() {
		a, err := s.try("GET", "/fn/slow", "")
		if err != nil {
			a.body = err.Error()
		}
		got <- a
	}()
	<-feed
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.gateway.Shutdown(ctx); err != nil {
		t.Errorf("shut down: %v", err)
	}
	if a := <-got; a.status != 200 || a.body != "finished" {
		t.Errorf("the running request got %d %s", a.status, a.body)
	}
	if _, err := s.try("GET", "/healthz", ""); err == nil {
		t.Error("a new request was answered after the shutdown")
	}
}

func TestGraceThatIsOverCutsRequestsOff(t *testing.T) {
	s := start(t, config{})
	s.deploy("spin", s.python("def handler(request):\n    print('begun', flush=True)\n    while True: pass\n", ""))
	log, err := s.runtime.Log("spin")
	if err != nil {
		t.Fatal(err)
	}
	_, feed, stop := log.Follow(0)
	defer stop()
	got := make(chan answer, 1)
	go func() {
		a, _ := s.try("GET", "/fn/spin", "")
		got <- a
	}()
	<-feed
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := s.gateway.Shutdown(ctx); err == nil {
		t.Error("shutdown said that all requests had ended")
	}
	if a := <-got; a.status != 503 {
		t.Errorf("the request that was cut off got %d %s, want 503", a.status, a.body)
	}
}

func TestIdleFunctionsLeaveMemory(t *testing.T) {
	s := start(t, config{runtime: runtime.Options{Idle: 50 * time.Millisecond, DataDir: runtimetest.DataDir(t)}})
	s.deploy("hello", s.python("def handler(request):\n    return 'hello'\n", ""))
	s.deploy("command", wasitest.Command(nil))
	s.send("GET", "/fn/command", "")
	deadline := time.Now().Add(20 * time.Second)
	for {
		in := s.runtime.InMemory()
		if in.Modules == 0 && in.Pythons == 0 && in.Images == 0 && in.Pool.Used == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("still in memory: %+v", in)
		}
		time.Sleep(10 * time.Millisecond) // polls a state, with a deadline
	}
	if a := s.send("GET", "/fn/hello", ""); a.body != "hello" || a.header.Get("X-Mayfly-Start") != "cold" {
		t.Errorf("after it was unloaded: %d %s %s", a.status, a.body, a.header.Get("X-Mayfly-Start"))
	}
}
