package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mayfly-faas/mayfly/cmd/mayfly/internal/client"
)

func (a *app) versionsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:               "versions NAME",
		Short:             "List the versions of a function",
		Long:              "List all versions of a function, the oldest first. The live one, which serves requests, has a star.",
		Example:           "  mayfly versions hello",
		Args:              positional("NAME"),
		ValidArgsFunction: a.completeFunction,
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = a.remote(func(cmd *cobra.Command, args []string, c *client.Client) error {
		versions, err := c.Versions(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		if *asJSON {
			return writeJSON(a.stdout, map[string]any{"versions": versions})
		}
		rows := [][]string{{"VERSION", "LIVE", "KIND", "ENTRY", "DIGEST", "SIZE", "CREATED"}}
		for _, v := range versions {
			live := ""
			if v.Live {
				live = "*"
			}
			rows = append(rows, []string{
				fmt.Sprint(v.Version), live, string(v.Kind), orDash(v.Entry), shortDigest(v.Digest), size(v.Bytes), timestamp(v.Created),
			})
		}
		return writeTable(a.stdout, rows)
	})
	return cmd
}
