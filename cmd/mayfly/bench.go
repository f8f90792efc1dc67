package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mayfly-faas/mayfly/cmd/mayfly/internal/bench"
	"github.com/mayfly-faas/mayfly/cmd/mayfly/internal/client"
	"github.com/mayfly-faas/mayfly/runtime"
)

// unloadFrom is what a server can be made to drop before a cold call, the least first.
var unloadFrom = []string{"image", "module", "disk"}

func (a *app) benchCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure a function, phase by phase",
		Long: `Measure how long a function takes to answer. The phases are what the server reports of each call; total is their sum, and http
is what the client has waited. Percentiles are of the calls in which a phase took place, and are values that occurred.`,
		Example: "  mayfly bench cold hello -n 50\n  mayfly bench warm hello --json >warm.json",
		Args:    noSubcommand,
		RunE:    showHelp,
	}
	cmd.AddCommand(a.benchColdCommand(), a.benchWarmCommand())
	return cmd
}

func (a *app) benchColdCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cold NAME",
		Short: "Measure cold starts",
		Long: `Measure cold starts: before each call the server drops what is ready for the function. --from says what is left to
start from. For a Python function: image, of which a sandbox is made; module, with which the interpreter boots
again; disk, from which the compiled module is read first. For a wasm command it is always disk: every request to
one starts from its module.`,
		Example: "  mayfly bench cold hello -n 50 --from module",
	}
	from := cmd.Flags().String("from", "", "what a call `starts` from: "+strings.Join(unloadFrom, ", ")+" (default image, or disk for a wasm command)")
	return a.measured(cmd, func(s *bench.Settings) error {
		if *from != "" && !slices.Contains(unloadFrom, *from) {
			return usage(cmd, "--from is %.40q: it must be image, module or disk", *from)
		}
		s.Mode, s.From = bench.Cold, *from
		return nil
	})
}

func (a *app) benchWarmCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "warm NAME",
		Short:   "Measure calls for which everything is ready",
		Long:    "Measure calls for which everything is ready: one call comes first that is not counted.",
		Example: "  mayfly bench warm hello -n 1000 --data '{\"name\":\"Ada\"}'",
	}
	return a.measured(cmd, func(s *bench.Settings) error {
		s.Mode = bench.Warm
		return nil
	})
}

// measured completes a command that measures what settings say.
func (a *app) measured(cmd *cobra.Command, settings func(*bench.Settings) error) *cobra.Command {
	cmd.Args, cmd.ValidArgsFunction = positional("NAME"), a.completeFunction
	calls := cmd.Flags().IntP("calls", "n", 50, "measure `N` calls")
	asJSON := cmd.Flags().Bool("json", false, "print JSON, with the settings and every call, instead of a table")
	var request requestFlags
	request.addTo(cmd)
	cmd.RunE = a.remote(func(cmd *cobra.Command, args []string, c *client.Client) error {
		if *calls < 1 {
			return usage(cmd, "-n is %d: it must be 1 or more", *calls)
		}
		s := bench.Settings{Calls: *calls}
		if err := settings(&s); err != nil {
			return err
		}
		call, err := request.call(cmd, a, c, args[0])
		if err != nil {
			return err
		}
		report, err := a.measure(cmd, c, call, s)
		if err != nil {
			return err
		}
		if *asJSON {
			return writeJSON(a.stdout, report)
		}
		return report.WriteTable(a.stdout)
	})
	return cmd
}

// measure measures, shows on a terminal how far it is, and says what disturbed it.
func (a *app) measure(cmd *cobra.Command, c *client.Client, call client.Call, s bench.Settings) (*bench.Report, error) {
	f, err := c.Function(cmd.Context(), call.Function)
	if err != nil {
		return nil, err
	}
	s.Version, s.Digest = f.Live.Version, f.Live.Digest
	if s.Mode == bench.Cold {
		if s.From, err = coldFrom(s.From, f.Live.Kind); err != nil {
			return nil, err
		}
	}
	line := a.status()
	defer line.clear()
	report, err := bench.Run(cmd.Context(), c, call, s, func(calls int) { line.show("%s %s: %d of %d", s.Mode, call.Function, calls, s.Calls) })
	if err != nil {
		return nil, err
	}
	report.Mayfly = thisBuild().Version
	if n := report.Unlike(); n > 0 {
		line.clear()
		found := "nothing"
		if s.Mode == bench.Cold {
			found = "something"
		}
		fmt.Fprintf(a.stderr, "note: %d of %d calls found %s ready for them\n", n, s.Calls, found)
	}
	return report, nil
}

// coldFrom completes what --from says by what a function is.
func coldFrom(from string, kind runtime.Kind) (string, error) {
	const image, disk = "image", "disk"
	switch {
	case kind != runtime.Command:
		return cmp.Or(from, image), nil
	case from != "" && from != disk:
		return "", usage(nil, "--from is %s: every request to a wasm command starts from its module, so that only --from disk is cold", from)
	}
	return disk, nil
}
