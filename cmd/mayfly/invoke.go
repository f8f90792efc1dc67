package main

import (
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/mayfly-faas/mayfly/cmd/mayfly/internal/client"
)

func (a *app) invokeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "invoke NAME",
		Short: "Call a function",
		Long: `Call a function over HTTP and print the body of its answer, unchanged. A body that is JSON is sent as
application/json unless a header says otherwise.

The exit code is 0 for a status below 400 and 6 for others. Where the server answers in the function's place,
because there is none or it failed, its reason is printed as an error (mayfly help exit-codes).`,
		Example: `  mayfly invoke hello --data '{"name":"Ada"}'
  mayfly invoke hello --path '/greet?name=Ada' -i
  mayfly invoke upload --data @photo.png -H 'Content-Type: image/png'
  mayfly invoke hello --timing`,
		Args:              positional("NAME"),
		ValidArgsFunction: a.completeFunction,
	}
	var request requestFlags
	request.addTo(cmd)
	include := cmd.Flags().BoolP("include", "i", false, "print the status and the header fields too")
	timing := cmd.Flags().Bool("timing", false, "print to standard error how long each phase took")
	cmd.RunE = a.remote(func(cmd *cobra.Command, args []string, c *client.Client) error {
		call, err := request.call(cmd, a, c, args[0])
		if err != nil {
			return err
		}
		answer, err := c.Call(cmd.Context(), call)
		if err != nil {
			return err
		}
		if *timing {
			if err := writeTable(a.stderr, timingRows(answer)); err != nil {
				return err
			}
		}
		return a.printAnswer(answer, *include)
	})
	return cmd
}

func (a *app) printAnswer(answer *client.Answer, include bool) error {
	if include {
		if err := writeHead(a.stdout, answer); err != nil {
			return err
		}
	}
	if include || answer.Problem == nil {
		if _, err := a.stdout.Write(answer.Body); err != nil {
			return err
		}
	}
	return answer.Err()
}

func writeHead(w io.Writer, a *client.Answer) error {
	if _, err := fmt.Fprintf(w, "%s %d %s\r\n", a.Proto, a.Status, http.StatusText(a.Status)); err != nil {
		return err
	}
	if err := a.Header.Write(w); err != nil { // sorted by name
		return err
	}
	_, err := fmt.Fprint(w, "\r\n")
	return err
}

func timingRows(a *client.Answer) [][]string {
	start := "warm"
	if a.Cold {
		start = "cold"
	}
	rows := [][]string{{"start", start}}
	var total float64
	for _, p := range a.Phases {
		rows = append(rows, []string{p.Name, millis(p.MS)})
		total += p.MS
	}
	return append(rows, []string{"total", millis(total)}, []string{"http", millis(a.Took.Seconds() * 1e3)})
}
