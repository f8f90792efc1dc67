package main

import (
	"github.com/spf13/cobra"
)

func (a *app) pipListCommand(p *pipFolders) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the packages of an environment",
		Long:    "List the packages that are installed in an environment, by name.",
		Example: "  mayfly pip list -p .venv",
		Args:    positional(),
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		env, err := p.environment()
		if err != nil {
			return err
		}
		list, err := env.List(cmd.Context())
		if err != nil {
			return err
		}
		if *asJSON {
			return writeJSON(a.stdout, map[string]any{"packages": pipPackages(list)})
		}
		if len(list) == 0 {
			a.note("no packages in %s", env.Dir)
			return nil
		}
		rows := [][]string{{"PACKAGE", "VERSION", "INSTALLER"}}
		for _, d := range list {
			rows = append(rows, []string{printable(d.Name), printable(d.Version), orDash(printable(d.Installer))})
		}
		return writeTable(a.stdout, rows)
	}
	return cmd
}
