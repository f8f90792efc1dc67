package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

// errUnmet occurs when an environment lacks what its packages need.
var errUnmet = errors.New("requirements are not met")

func (a *app) pipCheckCommand(p *pipFolders) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "check",
		Short:   "Check that installed packages have what they need",
		Long:    "Check that the installed packages have what they need, in versions that they allow. The exit code is 1 if they do not.",
		Example: "  mayfly pip check",
		Args:    positional(),
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		t, err := p.target(cmd.Context())
		if err != nil {
			return err
		}
		problems, err := t.Check(cmd.Context(), t.evaluate)
		if err != nil {
			return err
		}
		switch {
		case *asJSON:
			list := []map[string]string{}
			for _, p := range problems {
				list = append(list, map[string]string{
					"name": p.Name, "version": p.Version, "requirement": p.Requirement, "project": p.Project, "installed": p.Installed, "text": p.String(),
				})
			}
			err = writeJSON(a.stdout, map[string]any{"problems": list})
		case len(problems) == 0:
			_, err = fmt.Fprintln(a.stdout, "all requirements are met")
		}
		if err != nil || len(problems) == 0 {
			return err
		}
		if !*asJSON {
			for _, p := range problems {
				fmt.Fprintln(a.stdout, printable(p.String()))
			}
		}
		return fmt.Errorf("%s: %w: install what is missing with mayfly pip install", t.Dir, errUnmet)
	}
	return cmd
}
