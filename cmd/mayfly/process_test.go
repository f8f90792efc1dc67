package main

import (
	"bufio"
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mayfly-faas/mayfly/cmd/mayfly/internal/client"
)

// buildBinary builds the command as users have it. The test binary would do but for the race detector, with which compiling
// CPython takes a minute instead of seconds; run_test.go is for the detector.
func buildBinary(tb testing.TB) string {
	tb.Helper()
	binary := filepath.Join(tb.TempDir(), "mayfly")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		tb.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

// process is a Mayfly server that was started as a process of its own.
type process struct {
	cmd    *exec.Cmd
	url    string
	client *client.Client
}

// startBinary starts a server on a free address, and returns it when it listens.
func startBinary(tb testing.TB, binary, data string, flags ...string) *process {
	tb.Helper()
	cmd := exec.Command(binary, append([]string{"serve", "--listen", "127.0.0.1:0", "--data-dir", data}, flags...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { end(cmd) })
	line, err := bufio.NewReader(out).ReadString('\n')
	_, url, ok := strings.Cut(strings.TrimSpace(line), "listening on ")
	if !ok {
		end(cmd)
		tb.Fatalf("the server said %q (%v)\n%s", line, err, &stderr)
	}
	c, err := client.New(url, "")
	if err != nil {
		tb.Fatal(err)
	}
	return &process{cmd, url, c}
}

// stop lets the server end, and waits for it.
func (r *process) stop() {
	r.client.Close()
	end(r.cmd)
}

// end ends a process, by its own way where it has one. It may have ended already.
func end(cmd *exec.Cmd) {
	if cmd.Process.Signal(syscall.SIGTERM) != nil {
		_ = cmd.Process.Kill()
	}
	_ = cmd.Wait()
}

func freeAddress(tb testing.TB) string {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// launch starts a server of another kind with a free address in place of the argument ADDRESS, and returns it when it can be reached.
func launch(tb testing.TB, cmd *exec.Cmd) string {
	tb.Helper()
	address := freeAddress(tb)
	for i, arg := range cmd.Args {
		if arg == "ADDRESS" {
			cmd.Args[i] = address
		}
	}
	launchAt(tb, cmd, address)
	return address
}

// launchEnv is launch for a server that finds its address in an environment variable.
func launchEnv(tb testing.TB, cmd *exec.Cmd, variable string) string {
	tb.Helper()
	address := freeAddress(tb)
	cmd.Env = append(os.Environ(), variable+"="+address)
	launchAt(tb, cmd, address)
	return address
}

func launchAt(tb testing.TB, cmd *exec.Cmd, address string) {
	tb.Helper()
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { end(cmd) })
	for deadline := time.Now().Add(20 * time.Second); ; {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close() // it was only to see
			return
		}
		if time.Now().After(deadline) {
			tb.Fatalf("%s does not listen: %v", cmd.Path, err)
		}
		time.Sleep(10 * time.Millisecond) // polls, with a deadline
	}
}
