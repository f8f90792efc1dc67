package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mayfly-faas/mayfly/pyenv"
)

func (a *app) pythonListCommand(p *pythonFolder) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the CPython builds of a data folder",
		Long:    "List the CPython builds of a data folder, the newest version first.",
		Example: "  mayfly python list --data-dir /var/lib/mayfly",
		Args:    positional(),
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		bases, err := p.bases().List()
		if err != nil {
			return err
		}
		if *asJSON {
			return writeJSON(a.stdout, map[string]any{"bases": append([]pyenv.Base{}, bases...)})
		}
		if len(bases) == 0 {
			fmt.Fprintf(a.stderr, "no CPython in %s: run `%s`\n", p.bases().Dir, p.bases().Command("install"))
			return nil
		}
		rows := [][]string{{"VERSION", "DIGEST", "SIZE", "INSTALLED", "SOURCE"}}
		for _, b := range bases {
			rows = append(rows, []string{b.Version, shortDigest(b.Digest), size(b.Size), timestamp(b.Installed), b.Source})
		}
		return writeTable(a.stdout, rows)
	}
	return cmd
}
