//go:build !race

// With the race detector, wazero takes ten minutes to compile these guests.

package wasi_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mayfly-faas/mayfly/host/files"
)

// TestGoStandardLibraryTestsPass runs the tests of Go's own packages that lean on the operating system, built for wasip1: what
// they expect of files, times and streams is what guests in Go expect.
func TestGoStandardLibraryTestsPass(t *testing.T) {
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	root := strings.TrimSpace(string(goroot))
	for _, pkg := range []string{"os", "io/fs", "path/filepath", "time", "syscall", "bufio", "net/http/cgi", "io/ioutil"} {
		t.Run(strings.ReplaceAll(pkg, "/", "_"), func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, buildGo(t, "test", "-c", pkg))
			source, err := os.OpenRoot(root)
			if err != nil {
				t.Fatal(err)
			}
			defer source.Close()
			m := files.NewMounts()
			m.Mount("/tmp", files.NewTemp("/tmp", 256<<20))
			m.Mount("/dev", files.Devices{})
			m.Mount("/go", files.NewReadOnly(source.FS()))
			out, err := g.do(context.Background(), t, run{
				// A symbolic link that leads out of /tmp leads nowhere: one file system does not reach into another.
				args: []string{"-test.short", "-test.v", "-test.skip=^TestEvalSymlinks$"},
				env:  []string{"PWD=" + filepath.Join("/go/src", pkg), "GOROOT=/go", "TMPDIR=/tmp", "PATH=/go/bin"},
				root: m,
			})
			if code := exitCode(err); code != 0 {
				t.Errorf("exit code %d (%v)\n%s", code, err, failures(out))
			}
			t.Logf("%d tests passed, %d were skipped", strings.Count(out, "--- PASS"), strings.Count(out, "--- SKIP"))
		})
	}
}

// failures is what a verbose go test run has to say about the tests that failed, or the end of it.
func failures(out string) string {
	var kept, block strings.Builder
	for line := range strings.Lines(out) {
		switch trimmed := strings.TrimSpace(line); {
		case strings.HasPrefix(trimmed, "--- FAIL"):
			kept.WriteString(block.String() + line)
			block.Reset()
		case strings.HasPrefix(trimmed, "--- "), strings.HasPrefix(trimmed, "=== "):
			block.Reset()
		default:
			block.WriteString(line)
		}
	}
	const most = 12 << 10
	if kept.Len() == 0 {
		return out[max(0, len(out)-most):]
	}
	return kept.String()[:min(kept.Len(), most)]
}
