package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mayfly-faas/mayfly/cmd/mayfly/internal/client"
	"github.com/mayfly-faas/mayfly/runtime"
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
		rows = append(rows, []string{"entry", orDash(v.Entry)}, []string{"python", v.Python})
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
	var rows [][]string
	shown := []string{"calls", "errors", "cold"}
	for _, name := range slices.Sorted(maps.Keys(s.Counters)) {
		if !slices.Contains(shown, name) {
			shown = append(shown, name)
		}
	}
	for _, name := range shown {
		rows = append(rows, []string{strings.ReplaceAll(name, "_", " "), fmt.Sprint(s.Counters[name])})
	}
	for _, name := range slices.Sorted(maps.Keys(s.Phases)) {
		p := s.Phases[name]
		rows = append(rows, []string{name, fmt.Sprintf("%s on average of %d", millis(p.MeanMS), p.Calls)})
	}
	return rows
}
