package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mayfly-faas/mayfly/cmd/mayfly/internal/client"
)

func (a *app) listCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the functions",
		Long:    "List the functions of a server, each with its live version.",
		Example: "  mayfly list\n  mayfly list --json",
		Args:    positional(),
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = a.remote(func(cmd *cobra.Command, _ []string, c *client.Client) error {
		functions, err := c.Functions(cmd.Context())
		if err != nil {
			return err
		}
		if *asJSON {
			return writeJSON(a.stdout, map[string]any{"functions": functions})
		}
		if len(functions) == 0 {
			fmt.Fprintf(a.stderr, "no functions at %s: deploy one with `mayfly deploy PATH`\n", c.URL())
			return nil
		}
		rows := [][]string{{"NAME", "VERSION", "KIND", "ENTRY", "DIGEST", "SIZE", "UPDATED"}}
		for _, f := range functions {
			rows = append(rows, []string{
				f.Name, fmt.Sprint(f.Live.Version), string(f.Live.Kind), orDash(f.Live.Entry), shortDigest(f.Live.Digest), size(f.Live.Bytes), timestamp(f.Updated),
			})
		}
		return writeTable(a.stdout, rows)
	})
	return cmd
}
