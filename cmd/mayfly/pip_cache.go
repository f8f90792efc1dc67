package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) pipCacheCommand(p *pipFolders) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cache",
		Short: "Look after the unpacked wheels of a data folder",
		Long: `Look after the wheels that a data folder keeps unpacked, each once, for all environments that have links to their files. What is removed is downloaded again when it
is asked for.`,
		Example: "  mayfly pip cache prune",
		Args:    noSubcommand,
		RunE:    showHelp,
	}
	prune := &cobra.Command{
		Use:   "prune",
		Short: "Remove the wheels that no environment uses",
		Long: `Remove the unpacked wheels of the data folder that no environment has links to. Environments that have copies, as on other file systems, do not need
them. It is refused while packages are installed.`,
		Example: "  mayfly pip cache prune",
		Args:    positional(),
	}
	asJSON := jsonFlag(prune)
	prune.RunE = func(*cobra.Command, []string) error {
		pruned, err := p.store().Prune()
		if err != nil {
			return err
		}
		if *asJSON {
			return writeJSON(a.stdout, map[string]int64{"wheels": int64(pruned.Wheels), "bytes": pruned.Bytes})
		}
		_, err = fmt.Fprintf(a.stdout, "removed %s, %s\n", plural(pruned.Wheels, "wheel"), size(pruned.Bytes))
		return err
	}
	cmd.AddCommand(prune)
	return cmd
}
