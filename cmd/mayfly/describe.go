package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mayfly-faas/mayfly/cmd/mayfly/internal/client"
	"github.com/mayfly-faas/mayfly/runtime"
	"github.com/mayfly-faas/mayfly/runtime/call"
)

func (a *app) describeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "describe NAME",
		Short: "Show a function, its settings and its counters",
		Long: `Show a function: its live version, the settings that hold for it, and what it has done since
it was first deployed.`,
		Example:           "  mayfly describe hello",
		Args:              positional("NAME"),
		ValidArgsFunction: a.completeFunction,
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = a.remote(func(cmd *cobra.Command, args []string, c *client.Client) error {
		f, err := c.Function(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		stats, err := c.Stats(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		if *asJSON {
			return writeJSON(a.stdout, struct {
				runtime.Function
				URL   string       `json:"url"`
				Stats client.Stats `json:"stats"`
			}{f, c.FunctionURL(f.Name), stats})
		}
		return writeTable(a.stdout, slices.Concat(functionRows(f, c.FunctionURL(f.Name)), statsRows(stats)))
	})
	return cmd
}

func functionRows(f runtime.Function, url string) [][]string {
	v, s := f.Live, f.Live.Settings
	rows := [][]string{
		{"name", f.Name},
		{"url", url},
		{"version", fmt.Sprintf("%d of %d", v.Version, f.Latest)},
		{"kind", string(v.Kind)},
	}
	if v.Kind == runtime.Python {
		rows = append(rows, []string{"entry", orDash(v.Entry)}, []string{"python", v.Python}, []string{"packages", orDash(strings.Join(v.Packages, ", "))})
	}
	if v.Remade != "" {
		rows = append(rows, []string{"sandbox", "made anew for each request: " + v.Remade})
	}
	return append(
		rows,
		[]string{"digest", v.Digest},
		[]string{"size", size(v.Bytes)},
		[]string{"created", timestamp(f.Created)},
		[]string{"updated", timestamp(f.Updated)},
		[]string{"isolation", string(s.Isolation)},
		[]string{"timeout", s.Timeout.String()},
		[]string{"cpu", s.CPU.String()},
		[]string{"memory", s.Memory.String()},
		[]string{"max_request", s.MaxRequest.String()},
		[]string{"max_response", s.MaxResponse.String()},
		[]string{"tmp", s.Tmp.String()},
		[]string{"concurrency", fmt.Sprint(s.Concurrency)},
		[]string{"queue", fmt.Sprint(s.Queue)},
		[]string{"env", orDash(strings.Join(s.Env, ", "))},
	)
}

func statsRows(s client.Stats) [][]string {
	rows := [][]string{{"calls", fmt.Sprint(s.Calls)}, {"errors", fmt.Sprint(s.Errors)}, {"cold", fmt.Sprint(s.Cold)}}
	for _, name := range slices.Sorted(maps.Keys(s.Outcomes)) {
		rows = append(rows, []string{strings.ReplaceAll(name, "_", " "), fmt.Sprint(s.Outcomes[name])})
	}
	row := func(name string, d client.Distribution, value func(float64) string) {
		if d.Calls > 0 {
			rows = append(rows, []string{name, fmt.Sprintf("p50 %s, p99 %s, of %d", value(d.P50), value(d.P99), d.Calls)})
		}
	}
	for _, name := range call.PhaseNames {
		row(name, s.PhasesMS[name], millis)
	}
	count := func(n float64) string { return fmt.Sprintf("%.0f", n) }
	row("cpu used", s.CPUMS, millis)
	row("memory used", s.MemoryBytes, func(n float64) string { return size(int64(n)) })
	row("pages", s.Pages, count)
	row("hot pages", s.HotPages, count)
	return rows
}
