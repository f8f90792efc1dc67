package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/mayfly-faas/mayfly/cmd/mayfly/internal/bench"
)

// What a cold call can be made to start from, the most first.
const (
	fromImage   = "image"
	fromModule  = "module"
	fromNothing = "nothing"
	fromAll     = "all"
)

var coldStarts = []string{fromImage, fromModule, "disk", fromNothing}

// How many calls are measured where no number is given.
const (
	coldCalls        = 50
	coldCallsNothing = 5 // of seconds each
)

func (a *app) benchColdCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cold NAME",
		Short: "Measure cold starts",
		Long: `Measure cold starts: before each call the server drops what is ready for the function. --from says what is left to
start from:

  image    the function's image, of which a sandbox is made
  module   the compiled module, and for Python a started CPython: the function's image is made again
  disk     the compiled module and a Python function's images as files, as after a start of the server
  nothing  no more than was deployed: the module is compiled again, which takes seconds for CPython; CPython is started
           and the image made, as for the first function on a server
  all      one after the other

Other functions keep what they have. A wasm command whose sandboxes are made anew for each request (mayfly describe says so) has no
image.`,
		Example: "  mayfly bench cold hello -n 50 --from module\n  mayfly bench cold hello --from all --html cold.html",
	}
	from := cmd.Flags().String("from", "", "what a call `starts` from: image, module, disk, nothing or all (default image, or module where there is none)")
	calls := cmd.Flags().IntP("calls", "n", coldCalls, fmt.Sprintf("measure `N` calls; from nothing %d, unless it is given", coldCallsNothing))
	check := func() error {
		if *from != "" && *from != fromAll && !slices.Contains(coldStarts, *from) {
			return usage(cmd, "--from is %.40q: it must be image, module, disk, nothing or all", *from)
		}
		return checkCalls(cmd, *calls)
	}
	return a.measuring(cmd, jsonOfCalls, check, func(ctx context.Context, r *benchRun) error {
		starts, err := startsOf(*from, r.remade)
		if err != nil {
			return err
		}
		var reports []*bench.Report
		for _, start := range starts {
			s := bench.Settings{Target: r.target, Mode: bench.Cold, From: start, Calls: *calls}
			if start == fromNothing && !cmd.Flags().Changed("calls") {
				s.Calls = coldCallsNothing
			}
			report, err := a.measure(ctx, r.client, r.call, s)
			if err != nil {
				return err
			}
			reports = append(reports, report)
		}
		return r.output.writeReports(a, reports)
	})
}

// startsOf returns what --from stands for, for a function whose sandboxes are made anew for the reason remade, or for none.
func startsOf(from, remade string) ([]string, error) {
	possible := coldStarts
	if remade != "" {
		possible = slices.DeleteFunc(slices.Clone(coldStarts), func(s string) bool { return s == fromImage })
	}
	switch {
	case from == fromAll:
		return possible, nil
	case from == "":
		return possible[:1], nil
	case !slices.Contains(possible, from):
		return nil, usage(nil, "there is no image to start from: the function's sandboxes are made anew for each request, since %s; use --from module", remade)
	}
	return []string{from}, nil
}

// writeReports writes one report, or several of one function.
func (r *reportFlags) writeReports(a *app, reports []*bench.Report) error {
	var data any = reports
	if len(reports) == 1 {
		data = reports[0]
	}
	table := func(w io.Writer) error {
		for i, report := range reports {
			if len(reports) > 1 {
				if i > 0 {
					fmt.Fprintln(w)
				}
				fmt.Fprintf(w, "from %s\n", report.From)
			}
			if err := report.WriteTable(w); err != nil {
				return err
			}
		}
		return nil
	}
	return r.write(a, data, table, func(w io.Writer) error { return bench.WriteHTML(w, reports) })
}
