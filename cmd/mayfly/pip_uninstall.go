package main

import (
	"bufio"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mayfly-faas/mayfly/pyenv/requirement"
	"github.com/mayfly-faas/mayfly/pyenv/site"
)

func (a *app) pipUninstallCommand(p *pipFolders) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "uninstall PACKAGE...",
		Aliases: []string{"remove", "rm"},
		Short:   "Remove packages from an environment",
		Long:    "Remove packages from an environment: all of those that are named, or none. What they needed stays.",
		Example: "  mayfly pip uninstall -y flask",
		Args:    cobra.ArbitraryArgs,
	}
	yes := cmd.Flags().BoolP("yes", "y", false, "do not ask")
	files := cmd.Flags().StringArrayP("requirement", "r", nil, "remove what a requirements `file` names, too")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		names := args
		for _, name := range *files {
			f, err := requirement.ReadFile(name, requirement.FileOptions{})
			if err != nil {
				return err
			}
			for _, line := range f.Lines {
				names = append(names, line.Name)
			}
		}
		if len(names) == 0 {
			return usage(cmd, "PACKAGE is missing: %s", cmd.UseLine())
		}
		env, err := p.environment()
		if err != nil {
			return err
		}
		// Said before it is asked.
		list, err := env.List(cmd.Context())
		if err != nil {
			return err
		}
		have := map[string]site.Distribution{}
		for _, d := range list {
			have[requirement.Normalize(d.Name)] = d
		}
		var remove []string
		seen := map[string]bool{}
		for _, name := range names {
			key := requirement.Normalize(name)
			d, ok := have[key]
			if !ok {
				return fmt.Errorf("%w: %.100s in %s: see what is there with mayfly pip list", site.ErrNotInstalled, name, env.Dir)
			}
			if seen[key] {
				continue
			}
			seen[key] = true
			remove = append(remove, d.Name)
			if !*yes {
				fmt.Fprintf(a.stderr, "- %s\n", printable(d.Name+" "+d.Version))
			}
		}
		if !*yes {
			fmt.Fprintf(a.stderr, "Remove from %s? [y/N] ", printable(env.Dir))
			answer, err := bufio.NewReader(a.stdin).ReadString('\n')
			if err != nil && answer == "" {
				fmt.Fprintln(a.stderr)
				return usage(cmd, "nothing was removed: nobody answers; give --yes to remove without being asked")
			}
			if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
				a.note("nothing was removed")
				return nil
			}
		}
		result, err := env.Apply(cmd.Context(), site.Change{Remove: remove}, site.Options{Store: p.store()})
		if err != nil {
			return err
		}
		return a.showChange(result, *asJSON)
	}
	return cmd
}
