package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) pipFreezeCommand(p *pipFolders) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "freeze",
		Short:   "Print what is installed as a requirements file",
		Long:    "Print what is installed, with exact versions, as a requirements file. What installs packages itself, such as pip, is left out without --all.",
		Example: "  mayfly pip freeze > requirements.txt",
		Args:    positional(),
	}
	all := cmd.Flags().Bool("all", false, "do not leave out pip and its like")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		env, err := p.environment()
		if err != nil {
			return err
		}
		lines, err := env.Freeze(cmd.Context(), *all)
		if err != nil {
			return err
		}
		for _, line := range lines {
			if _, err := fmt.Fprintln(a.stdout, printable(line)); err != nil {
				return err
			}
		}
		return nil
	}
	return cmd
}
