//go:build unix

package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mayfly-faas/mayfly/host/wasi/wasitest"
	"github.com/mayfly-faas/mayfly/runtime/runtimetest"
	"github.com/mayfly-faas/mayfly/store"
)

// TestKilledServerKeepsEveryAcknowledgedDeploy kills a real server at random moments of a stream of deploys, 30 times over one data
// folder, and looks for each deploy that was answered with success.
func TestKilledServerKeepsEveryAcknowledgedDeploy(t *testing.T) {
	const rounds = 30
	binary := buildBinary(t)
	data := runtimetest.EmptyDataDir(t)
	acknowledged := map[string]int{} // function -> the newest version that was answered for
	deployed := 0
	for round := range rounds {
		server := startBinary(t, binary, data)
		for name, version := range acknowledged {
			status, body := server.do(t, "GET", "/v1/functions/"+name+"/versions", nil)
			if status != http.StatusOK || !strings.Contains(body, fmt.Sprintf(`"version":%d,`, version)) {
				t.Fatalf("round %d: version %d of %s is gone: %d %s", round, version, name, status, body)
			}
			if status, body := server.do(t, "GET", "/fn/"+name, nil); status != http.StatusOK || body != "hi" {
				t.Fatalf("round %d: %s does not work: %d %s", round, name, status, body)
			}
		}
		// The kill comes while some deploy after the n-th is on its way.
		kill, n := make(chan struct{}), rand.IntN(8)
		go func() {
			<-kill
			_ = server.cmd.Process.Kill()
		}()
		for i := 0; ; i++ {
			if i == n {
				close(kill)
			}
			name := fmt.Sprintf("fn-%d", rand.IntN(5))
			resp, err := http.DefaultClient.Do(server.request(t, "PUT", "/v1/functions/"+name, greeting(rand.IntN(1<<20))))
			if err != nil {
				break
			}
			_, err = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if resp.StatusCode == http.StatusCreated {
				acknowledged[name]++
				deployed++
			} else if err == nil {
				t.Fatalf("round %d: deploy of %s: %d", round, name, resp.StatusCode)
			}
			// A deploy that was cut off may or may not have become a version: the next start tells.
		}
		_ = server.cmd.Wait() // it was killed
		acknowledged = server.recount(t, binary, data, acknowledged)
	}
	if deployed < rounds {
		t.Errorf("only %d deploys were acknowledged in %d rounds", deployed, rounds)
	}
	// The last start has swept what no version has.
	st, err := store.Open(data, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	want := map[string]bool{}
	for function := range acknowledged {
		versions, err := st.Versions(function)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range versions {
			want[v.Digest] = true
		}
	}
	got := map[string]bool{}
	artifacts, err := os.ReadDir(filepath.Join(data, "artifacts"))
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range artifacts {
		got[a.Name()] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("artifacts (-of versions +on disk):\n%s", diff)
	}
}

// greeting is a command that prints a CGI response. n makes its bytes, and so its digest, differ.
func greeting(n int) []byte {
	// The iovec at 0 says that the text is at 16; _start writes it to standard output.
	text := "Content-Type: text/plain\n\nhi"
	m := &wasitest.Module{}
	m.Section(1, []byte{0x60, 0, 0}, []byte{0x60, 4, 0x7f, 0x7f, 0x7f, 0x7f, 1, 0x7f})
	m.Section(2, append(append(wasitest.Name("wasi_snapshot_preview1"), wasitest.Name("fd_write")...), 0, 1))
	m.Section(3, []byte{0})
	m.Section(5, []byte{0, 1})
	m.Section(7, append(wasitest.Name("_start"), 0, 1), append(wasitest.Name("memory"), 2, 0))
	code := []byte{0, 0x41, 1, 0x41, 0, 0x41, 1, 0x41, 8, 0x10, 0, 0x1a, 0x0b}
	m.Section(10, append([]byte{byte(len(code))}, code...))
	data := append([]byte{16, 0, 0, 0, byte(len(text)), 0, 0, 0}, make([]byte, 8)...)
	data = append(append(data, text...), fmt.Sprintf(" %d", n)...)
	m.Section(11, append([]byte{0, 0x41, 0, 0x0b, byte(len(data))}, data...))
	return m.Bytes()
}

func (r *process) request(t *testing.T, method, path string, body []byte) *http.Request {
	t.Helper()
	req, err := http.NewRequest(method, r.url+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	return req
}

func (r *process) do(t *testing.T, method, path string, body []byte) (status int, answer string) {
	t.Helper()
	resp, err := http.DefaultClient.Do(r.request(t, method, path, body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// recount starts the server once more and returns how many versions each function has, which must be at least as many as were
// acknowledged.
func (r *process) recount(t *testing.T, binary, data string, acknowledged map[string]int) map[string]int {
	t.Helper()
	server := startBinary(t, binary, data)
	counts := map[string]int{}
	for name, least := range acknowledged {
		_, body := server.do(t, "GET", "/v1/functions/"+name+"/versions", nil)
		counts[name] = strings.Count(body, `"version":`)
		if counts[name] < least {
			t.Fatalf("%s has %d versions, and %d were acknowledged: %s", name, counts[name], least, body)
		}
	}
	_ = server.cmd.Process.Kill()
	_ = server.cmd.Wait() // it was killed
	return counts
}
