//go:build !race

// With the race detector, what this guest does takes half a minute.

package wasi_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"strings"
	"testing"

	"github.com/mayfly-faas/mayfly/host/files"
	"github.com/mayfly-faas/mayfly/host/wasi"
)

const goGuest = wasiTests + "go/wasi.go"

func init() { languages["Go"] = goGuest }

func TestGuestInGoDoesWhatItDoesUnderWazero(t *testing.T) {
	g := findWazeroGuests(t)
	g.make(t, goGuest)
	for _, tc := range []struct {
		run  run
		want string
	}{
		{run{args: []string{"stat"}}, noTerminals},
		{run{args: []string{"stdin"}, stdin: "foo"}, "foo"},
		{run{args: []string{"stdout"}}, "test"},
	} {
		if out, err := g.do(t, goGuest, tc.run); out != tc.want || exitCode(err) != 0 {
			t.Errorf("%s printed %q, want %q (%v)", tc.run.args[0], out, tc.want, err)
		}
	}
	// What it writes at once, 120 KiB, is a program.
	out, err := g.do(t, goGuest, run{args: []string{"largestdout"}})
	if err := checkGo(out); err != nil {
		t.Errorf("largestdout printed no Go program: %v", err)
	}
	if code := exitCode(err); code != 0 || len(out) < 100_000 {
		t.Errorf("largestdout: exit code %d after %d bytes", code, len(out))
	}
	// Its goroutines read pipes at a time, none of which holds up another. Here they are devices, each of which can be read when those after it have been.
	for _, mode := range []string{"open", "create"} {
		const count = 8
		unread := count
		args, want, pipes := []string{"nonblock", mode}, "waiting\n", map[string]wasi.File{}
		for i := range count {
			name := fmt.Sprintf("pipe%d", i)
			pipes[name] = &pipe{content: name + "\n", ready: func() bool {
				turn := i == unread-1
				if turn {
					unread--
				}
				return turn
			}}
			args = append(args, "/dev/"+name)
			want += fmt.Sprintf("pipe%d\n", count-1-i)
		}
		device := files.NewMounts()
		device.Mount("/dev", files.Devices{More: pipes})
		if out, err := g.do(t, goGuest, run{args: args, root: device}); out != want {
			t.Errorf("nonblock %s printed %q, want %q (%v)", mode, out, want, err)
		}
	}
	// It finds no sockets in a sandbox.
	for _, what := range []string{"sock", "http"} {
		const want = "panic: file file+net : Socket operation on non-socket"
		if out, err := g.do(t, goGuest, run{args: []string{what}}); exitCode(err) != 2 || !strings.HasPrefix(out, want) {
			t.Errorf("%s printed %q, want %q (%v)", what, out, want, err)
		}
	}
}

// checkGo parses a Go program that imports nothing, and checks its types.
func checkGo(source string) error {
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, "main.go", source, 0)
	if err != nil {
		return err
	}
	_, err = new(types.Config).Check("main", set, []*ast.File{f}, nil)
	return err
}
