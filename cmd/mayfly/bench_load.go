package main

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mayfly-faas/mayfly/cmd/mayfly/internal/bench"
	"github.com/mayfly-faas/mayfly/cmd/mayfly/internal/client"
	"github.com/mayfly-faas/mayfly/runtime/manifest"
)

func (a *app) benchLoadCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "load NAME --rate R",
		Short: "Measure a function under load",
		Long: `Measure a function under load: requests are sent by a schedule, whatever the answers do. A request that is due when all
connections are busy is sent late. Its latency, called corrected, counts from when it was due; http counts from when it was
sent, and hides what a stall does to those that come behind it (coordinated omission). Latencies are those of requests that succeeded; others
are counted by their status.

After the duration, answers and late requests are waited for, for 30 seconds at most. Ctrl-C ends it early, with a report.`,
		Example: "  mayfly bench load hello --rate 200/s --duration 30s\n  mayfly bench load hello --rate 50 --data '{\"name\":\"Ada\"}' --html load.html",
	}
	flags := cmd.Flags()
	rate := flags.String("rate", "", "how many requests are due in a `second`, such as 200/s or 0.5")
	duration := flags.Duration("duration", 10*time.Second, "for how long requests are due, as `time`")
	connections := flags.IntP("connections", "c", 100, "have at most `N` requests on their way at a time")
	var s bench.LoadSettings
	check := func() (err error) {
		s.Duration, s.Connections = manifest.Duration(*duration), *connections
		switch s.Rate, err = parseRate(cmd, *rate); {
		case err != nil:
			return err
		case *duration <= 0 || *duration > bench.MaxDuration:
			return usage(cmd, "--duration is %s: it must be above 0 and at most %s", *duration, bench.MaxDuration)
		case *connections < 1 || *connections > bench.MaxConnections:
			return usage(cmd, "--connections is %d: it must be from 1 to %d", *connections, bench.MaxConnections)
		}
		return nil
	}
	return a.measuring(cmd, "print JSON, with the settings, instead of a table", check, func(ctx context.Context, r *benchRun) error {
		s.Target = r.target
		load := a.load(ctx, r.client, r.call, s)
		if err := r.output.write(a, load, load.WriteTable, load.WriteHTML); err != nil {
			return err
		}
		if load.Interrupted {
			return context.Canceled
		}
		return load.Err()
	})
}

// load measures under load, shows on a terminal how far it is, and says what disturbed it.
func (a *app) load(ctx context.Context, c *client.Client, call client.Call, s bench.LoadSettings) *bench.Load {
	line := a.status()
	load := bench.RunLoad(ctx, c, call, s, func(due, ended int64) {
		line.show("%s: %d requests were due, %d have ended", call.Function, due, ended)
	})
	line.clear()
	load.Mayfly = thisBuild().Version
	for _, w := range load.Warnings() {
		fmt.Fprintln(a.stderr, "note:", w)
	}
	return load
}

// parseRate reads a number of requests a second.
func parseRate(cmd *cobra.Command, text string) (float64, error) {
	if text == "" {
		return 0, usage(cmd, "--rate is missing: say how many requests are due in a second, such as --rate 200/s")
	}
	rate, err := strconv.ParseFloat(strings.TrimSuffix(text, "/s"), 64)
	if err != nil || math.IsNaN(rate) || rate <= 0 || rate > bench.MaxRate {
		return 0, usage(cmd, "--rate is %.40q: it must be a number of requests in a second, above 0 and at most %d, such as 200/s or 0.5", text, bench.MaxRate)
	}
	return rate, nil
}
