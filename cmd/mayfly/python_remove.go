package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) pythonRemoveCommand(p *pythonFolder) *cobra.Command {
	return &cobra.Command{
		Use:     "remove VERSION",
		Aliases: []string{"rm"},
		Short:   "Remove a CPython build",
		Long: `Remove a CPython build from the data folder. Functions that were deployed on it cannot start until it is
installed again.`,
		Example: "  mayfly python remove 3.12.0",
		Args:    positional("VERSION"),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := p.bases().Remove(args[0]); err != nil {
				return err
			}
			_, err := fmt.Fprintf(a.stdout, "removed CPython %s\n", args[0])
			return err
		},
	}
}
