package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/mayfly-faas/mayfly/cmd/mayfly/internal/bench"
	"github.com/mayfly-faas/mayfly/cmd/mayfly/internal/client"
	"github.com/mayfly-faas/mayfly/runtime"
)

func (a *app) benchCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure a function, phase by phase",
		Long: `Measure how long a function takes to answer. The phases are what the server reports of each call; total is their sum, and http
is what the client has waited. Percentiles are of the calls in which a phase took place, and are values that occurred.`,
		Example: "  mayfly bench cold hello -n 50\n  mayfly bench warm hello --json >warm.json\n  mayfly bench load hello --rate 200/s --html load.html",
		Args:    noSubcommand,
		RunE:    showHelp,
	}
	cmd.AddCommand(a.benchColdCommand(), a.benchWarmCommand(), a.benchLoadCommand())
	return cmd
}

// benchRun is what a bench command measures with.
type benchRun struct {
	client *client.Client
	call   client.Call
	target bench.Target
	remade string // why the function's sandboxes are made anew for each request; "" where they are not
	output reportFlags
}

// measuring completes a command that measures a function: check finds what is wrong with its flags, and do measures and reports. json is what --json
// is told to print.
func (a *app) measuring(cmd *cobra.Command, json string, check func() error, do func(context.Context, *benchRun) error) *cobra.Command {
	cmd.Args, cmd.ValidArgsFunction = positional("NAME"), a.completeFunction
	var request requestFlags
	request.addTo(cmd)
	var output reportFlags
	output.addTo(cmd, json)
	cmd.RunE = a.remote(func(cmd *cobra.Command, args []string, c *client.Client) error {
		if err := check(); err != nil {
			return err
		}
		if err := output.check(cmd); err != nil {
			return err
		}
		call, err := request.call(cmd, a, c, args[0])
		if err != nil {
			return err
		}
		f, err := c.Function(cmd.Context(), call.Function)
		if err != nil {
			return err
		}
		return do(cmd.Context(), &benchRun{client: c, call: call, target: benchTarget(f), remade: f.Live.Remade, output: output})
	})
	return cmd
}

func benchTarget(f runtime.Function) bench.Target {
	return bench.Target{Version: f.Live.Version, Digest: f.Live.Digest}
}

// reportFlags say where what was measured is written to.
type reportFlags struct {
	json bool
	html string
}

func (r *reportFlags) addTo(cmd *cobra.Command, json string) {
	cmd.Flags().BoolVar(&r.json, "json", false, json)
	cmd.Flags().StringVar(&r.html, "html", "", "write a report with plots to this `file` too: one page that needs nothing else")
}

// check finds out before the work what would spoil its end.
func (r *reportFlags) check(cmd *cobra.Command) error {
	if r.html == "" {
		return nil
	}
	if info, err := os.Stat(filepath.Dir(r.html)); err != nil || !info.IsDir() {
		return usage(cmd, "--html: there is no folder %s", filepath.Dir(r.html))
	}
	if info, err := os.Stat(r.html); err == nil && info.IsDir() {
		return usage(cmd, "--html: %s is a folder: name a file in it", r.html)
	}
	return nil
}

// write writes a report in the forms that were asked for.
func (r *reportFlags) write(a *app, data any, table, html func(io.Writer) error) error {
	if r.html != "" {
		f, err := os.Create(r.html)
		if err != nil {
			return err
		}
		if err := html(f); err != nil {
			f.Close()
			return fmt.Errorf("write %s: %w", r.html, err)
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	if r.json {
		return writeJSON(a.stdout, data)
	}
	return table(a.stdout)
}

// measure measures, shows on a terminal how far it is, and says what disturbed it.
func (a *app) measure(ctx context.Context, c *client.Client, call client.Call, s bench.Settings) (*bench.Report, error) {
	line := a.status()
	defer line.clear()
	what := s.Mode
	if s.Mode == bench.Cold {
		what += " from " + s.From
	}
	report, err := bench.Run(ctx, c, call, s, func(calls int) { line.show("%s, %s: %d of %d", call.Function, what, calls, s.Calls) })
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
