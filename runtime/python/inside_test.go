package python_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mayfly-faas/mayfly/host/files"
	"github.com/mayfly-faas/mayfly/runtime/call"
	"github.com/mayfly-faas/mayfly/runtime/interrupt"
	"github.com/mayfly-faas/mayfly/runtime/python"
)

// TestInside runs the unit tests of testdata/sandbox, which are Python, as a function would run: imported into an image, and called after a restore.
func TestInside(t *testing.T) {
	tests, err := filepath.Glob("testdata/sandbox/test_*.py")
	if err != nil || len(tests) == 0 {
		t.Fatalf("no tests: %v", err)
	}
	s, c := boot(t, nil)
	for _, path := range tests {
		name := strings.TrimSuffix(filepath.Base(path), ".py")
		t.Run(name, func(t *testing.T) {
			for test, trace := range inside(t, s, c, name) {
				t.Run(test, func(t *testing.T) {
					if trace != "" {
						t.Error(trace)
					}
				})
			}
		})
	}
}

// inside runs one file of tests and returns what each of them failed with, by name; "" for those that passed.
func inside(t *testing.T, s *python.Sandbox, c *interrupt.Call, name string) map[string]string {
	t.Helper()
	if err := s.Leave(); err != nil {
		t.Fatal(err)
	}
	function := &python.Function{
		App: files.NewReadOnly(os.DirFS("testdata/sandbox")), Env: []string{"TESTS=" + name},
		MemoryBytes: 128 << 20, TempBytes: 4 << 20, ResponseBytes: 1 << 20,
	}
	var said strings.Builder
	entry, err := s.Load(c, function, python.Streams{Stdout: &said, Stderr: &said})
	if err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	if _, err := s.Take(c, entry); err != nil {
		t.Fatal(err)
	}
	response, err := s.Invoke(c, nil, &call.Request{ID: "1", Method: "GET", Host: "localhost"})
	if err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	var results map[string]string
	if err := json.Unmarshal(response.Body, &results); err != nil {
		t.Fatal(err)
	}
	if len(results) == 0 {
		t.Fatal("no test has run")
	}
	return results
}
