package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mayfly-faas/mayfly/cmd/mayfly/internal/bench"
)

// jsonOfCalls says what --json prints where each call is measured.
const jsonOfCalls = "print JSON, with the settings and every call, instead of a table"

func (a *app) benchWarmCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "warm NAME",
		Short:   "Measure calls for which everything is ready",
		Long:    "Measure calls for which everything is ready: one call comes first that is not counted.",
		Example: "  mayfly bench warm hello -n 1000 --data '{\"name\":\"Ada\"}'",
	}
	calls := cmd.Flags().IntP("calls", "n", 50, "measure `N` calls")
	check := func() error { return checkCalls(cmd, *calls) }
	return a.measuring(cmd, jsonOfCalls, check, func(ctx context.Context, r *benchRun) error {
		report, err := a.measure(ctx, r.client, r.call, bench.Settings{Target: r.target, Mode: bench.Warm, Calls: *calls})
		if err != nil {
			return err
		}
		return r.output.writeReports(a, []*bench.Report{report})
	})
}

func checkCalls(cmd *cobra.Command, calls int) error {
	if calls < 1 {
		return usage(cmd, "-n is %d: it must be 1 or more", calls)
	}
	return nil
}
