package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/mayfly-faas/mayfly/cmd/mayfly/internal/client"
)

func (a *app) rollbackCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rollback NAME [VERSION]",
		Short: "Make another version of a function live",
		Long: `Make another version of a function live: the one called VERSION, or without it the newest that is
older than the live one. It serves from the next request on; requests that run are not dropped.`,
		Example:           "  mayfly rollback hello\n  mayfly rollback hello 3",
		Args:              positional("NAME", "[VERSION]"),
		ValidArgsFunction: a.completeFunction,
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = a.remote(func(cmd *cobra.Command, args []string, c *client.Client) error {
		var number uint64
		if len(args) > 1 {
			var err error
			if number, err = strconv.ParseUint(args[1], 10, 64); err != nil || number == 0 {
				return usage(cmd, "%.40q is not a version: those are the numbers that `mayfly versions` lists", args[1])
			}
		}
		f, err := c.Rollback(cmd.Context(), args[0], number)
		if err != nil {
			return err
		}
		if *asJSON {
			return writeJSON(a.stdout, f)
		}
		_, err = fmt.Fprintf(a.stdout, "%s: version %d of %d is live\n", f.Name, f.Live.Version, f.Latest)
		return err
	})
	return cmd
}
