package main

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/mayfly-faas/mayfly/pyenv"
	"github.com/mayfly-faas/mayfly/runtime"
)

func (a *app) pythonCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "python",
		Short: "Install, list and remove CPython",
		Long: `Install, list and remove the CPython builds for WASI that functions in Python run on. These commands work on
the data folder itself, whether a server runs on it or not.`,
		Example: "  mayfly python install\n  mayfly python list",
		Args:    noSubcommand,
		RunE:    showHelp,
	}
	var p pythonFolder
	cmd.PersistentFlags().StringVar(&p.dataDir, "data-dir", defaultDataDir, "the `folder` that has everything the server keeps")
	cmd.AddCommand(a.pythonInstallCommand(&p), a.pythonListCommand(&p), a.pythonRemoveCommand(&p))
	return cmd
}

// pythonFolder is where the builds of a data folder are.
type pythonFolder struct{ dataDir string }

func (p *pythonFolder) bases() pyenv.Bases {
	return pyenv.Bases{Dir: filepath.Join(p.dataDir, "python")}
}

// prober compiles into the cache of the server, which then need not compile.
func (p *pythonFolder) prober() runtime.Prober {
	return runtime.Prober{CacheDir: filepath.Join(p.dataDir, "cache", "compiled")}
}
