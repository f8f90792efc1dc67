package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mayfly-faas/mayfly/cmd/mayfly/internal/client"
)

func (a *app) deleteCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "delete NAME",
		Aliases: []string{"rm"},
		Short:   "Delete a function",
		Long: `Delete a function with all its versions, its counters and its log. Nothing brings them back. Requests
that run are served to their end.`,
		Example:           "  mayfly delete hello",
		Args:              positional("NAME"),
		ValidArgsFunction: a.completeFunction,
		RunE: a.remote(func(cmd *cobra.Command, args []string, c *client.Client) error {
			if err := c.Delete(cmd.Context(), args[0]); err != nil {
				return err
			}
			_, err := fmt.Fprintf(a.stdout, "deleted %s\n", args[0])
			return err
		}),
	}
}
