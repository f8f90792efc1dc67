package main

import (
	"github.com/spf13/cobra"

	"github.com/mayfly-faas/mayfly/cmd/mayfly/internal/client"
)

// remote makes a command's RunE of what it does with a client.
func (a *app) remote(do func(cmd *cobra.Command, args []string, c *client.Client) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		defer c.Close()
		return do(cmd, args, c)
	}
}

// completeFunction completes a first argument that is a function's name, by asking the server.
func (a *app) completeFunction(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	c, err := a.client()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	defer c.Close()
	functions, err := c.Functions(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, f := range functions {
		names = append(names, f.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
