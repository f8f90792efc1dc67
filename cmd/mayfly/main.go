// Command mayfly is a serverless runtime for one machine: it serves functions, deploys them, calls them and measures them.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if isPython(os.Args[0]) {
		os.Exit(launchPython(os.Args))
	}
	os.Exit(mainCode())
}

func mainCode() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first signal asks to stop; from then on the next one ends the process at once.
	context.AfterFunc(ctx, stop)
	return run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
}
