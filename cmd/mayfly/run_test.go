package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/spf13/cobra"

	"github.com/mayfly-faas/mayfly/host/wasi/wasitest"
	"github.com/mayfly-faas/mayfly/runtime/runtimetest"
)

// mayfly runs one command line in this process.
func mayfly(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(context.Background(), args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

// TestServeLeavesNothingRunning serves, deploys, calls and stops in this process, where the race detector looks on.
func TestServeLeavesNothingRunning(t *testing.T) {
	defer goleak.VerifyNone(t,
		goleak.IgnoreCurrent(),
		// fasthttp keeps the time of its Date header by a goroutine for the life of the program.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		// Its pool of workers sees only between two sleeps of ten seconds that it has been stopped.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
	)
	wasm := filepath.Join(t.TempDir(), "silent.wasm")
	if err := os.WriteFile(wasm, wasitest.Command(nil), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("MAYFLY_CONFIG", "")
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	r, w := io.Pipe()
	var log bytes.Buffer
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, []string{"serve", "--listen", "127.0.0.1:0", "--data-dir", runtimetest.EmptyDataDir(t)}, strings.NewReader(""), w, &log)
	}()
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("MAYFLY_URL", strings.TrimSpace(strings.TrimPrefix(line, "mayfly: listening on ")))
	for _, c := range []struct {
		args []string
		code int
	}{
		{[]string{"deploy", wasm}, 0},
		{[]string{"list", "--json"}, 0},
		{[]string{"invoke", "silent"}, 6},
		{[]string{"bench", "cold", "silent", "-n", "1"}, 6},
		{[]string{"delete", "silent"}, 0},
		{[]string{"delete", "silent"}, 3},
	} {
		if code, out, errs := mayfly(c.args...); code != c.code {
			t.Errorf("mayfly %s ends with %d, want %d:\n%s%s", strings.Join(c.args, " "), code, c.code, out, errs)
		}
	}
	stop()
	if code := <-done; code != 0 {
		t.Errorf("the server ends with %d; its log:\n%s", code, &log)
	}
}

func TestEveryCommandExplainsItselfWithAnExample(t *testing.T) {
	var check func(*cobra.Command)
	check = func(cmd *cobra.Command) {
		if cmd.Runnable() && cmd.HasParent() && (cmd.Short == "" || cmd.Long == "" || cmd.Example == "") {
			t.Errorf("%s lacks its short help, its long help or its example", cmd.CommandPath())
		}
		for _, sub := range cmd.Commands() {
			check(sub)
		}
	}
	check((&app{}).root())
}

func TestEveryCommandThatPrintsDataHasJSON(t *testing.T) {
	without := map[string]string{
		"mayfly serve": "prints its address", "mayfly invoke": "prints the function's own answer", "mayfly demo": "tells a story",
		"mayfly delete": "prints nothing", "mayfly python remove": "prints nothing", "mayfly exit-codes": "is help",
		"mayfly pip freeze": "prints requirements", "mayfly pip lock": "writes a file",
	}
	var check func(*cobra.Command)
	check = func(cmd *cobra.Command) {
		_, excepted := without[cmd.CommandPath()]
		if has := cmd.Flags().Lookup("json") != nil; cmd.HasParent() && !cmd.HasSubCommands() && has == excepted {
			t.Errorf("%s: --json is there: %v, and is not to be: %v", cmd.CommandPath(), has, excepted)
		}
		for _, sub := range cmd.Commands() {
			check(sub)
		}
	}
	check((&app{}).root())
}
