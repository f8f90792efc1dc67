package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mayfly-faas/mayfly/cmd/mayfly/internal/client"
	"github.com/mayfly-faas/mayfly/host/logs"
)

func (a *app) logsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "logs NAME",
		Short: "Show what a function has printed",
		Long: `Show what a function has printed: the time, the version, the stream (stdout, stderr, or system for what
the server says of a call), the beginning of the request's id, and the line. With --json, a JSON object a line.

The server keeps the last 1000 lines of each function, in memory.`,
		Example:           "  mayfly logs hello -n 20\n  mayfly logs hello -f",
		Args:              positional("NAME"),
		ValidArgsFunction: a.completeFunction,
	}
	n := cmd.Flags().IntP("lines", "n", 100, "show the last `N` lines")
	follow := cmd.Flags().BoolP("follow", "f", false, "go on with the lines that come, until interrupted")
	asJSON := jsonFlag(cmd)
	cmd.RunE = a.remote(func(cmd *cobra.Command, args []string, c *client.Client) error {
		if *n < 0 {
			return usage(cmd, "-n is %d: it must be 0 or more", *n)
		}
		print := a.printLine
		if *asJSON {
			print = func(l logs.Line) error { return json.NewEncoder(a.stdout).Encode(l) }
		}
		err := c.Logs(cmd.Context(), args[0], *n, *follow, print)
		if *follow && errors.Is(err, context.Canceled) {
			return nil // an interrupt is how following ends
		}
		return err
	})
	return cmd
}

func (a *app) printLine(l logs.Line) error {
	const idLength = 8
	id := l.Request[:min(idLength, len(l.Request))]
	version := "-" // of what is being deployed
	if l.Version > 0 {
		version = fmt.Sprintf("v%d", l.Version)
	}
	_, err := fmt.Fprintf(a.stdout, "%s  %-2s  %-6s  %-*s  %s\n",
		l.Time.Local().Format("2006-01-02 15:04:05.000"), version, l.Stream, idLength, orDash(id), printable(l.Text))
	return err
}
