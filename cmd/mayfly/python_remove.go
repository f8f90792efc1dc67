package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mayfly-faas/mayfly/runtime"
	"github.com/mayfly-faas/mayfly/store"
)

func (a *app) pythonRemoveCommand(p *pythonFolder) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "remove VERSION",
		Aliases: []string{"rm"},
		Short:   "Remove a CPython build",
		Long: `Remove a CPython build from the data folder. It is refused while a server runs on the folder, which may use the build, and
where a live version of a function was deployed on it. With --force it is removed all the same: such functions, and older versions that
are made live again, cannot start until it is installed again.`,
		Example: "  mayfly python remove 3.12.0",
		Args:    positional("VERSION"),
	}
	force := cmd.Flags().Bool("force", false, "remove it whoever uses it")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		if !*force {
			if err := p.checkUnused(args[0]); err != nil {
				return err
			}
		}
		if err := p.bases().Remove(args[0]); err != nil {
			return err
		}
		_, err := fmt.Fprintf(a.stdout, "removed CPython %s\n", args[0])
		return err
	}
	return cmd
}

// errInUse is what every inUseError is.
var errInUse = errors.New("in use")

// inUseError is a CPython that is not removed because somebody needs it.
type inUseError struct{ text string }

func (e *inUseError) Error() string { return e.text + "; --force removes it all the same" }
func (e *inUseError) Unwrap() error { return errInUse }

// checkUnused returns an inUseError for a build that a server may use, or that a function's live version was deployed on.
func (p *pythonFolder) checkUnused(version string) (err error) {
	if _, err := p.bases().Find(version); err != nil {
		return nil // what is not there, or not whole, nobody uses
	}
	if _, err := os.Stat(filepath.Join(p.dataDir, "mayfly.db")); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	rt, err := runtime.Open(runtime.Options{DataDir: p.dataDir, Logger: slog.New(slog.DiscardHandler)})
	if errors.Is(err, store.ErrLocked) {
		return &inUseError{fmt.Sprintf("a mayfly server runs on the data folder %s, and may use CPython %s: stop it first", p.dataDir, version)}
	}
	if err != nil {
		return fmt.Errorf("see which functions use CPython %s: %w", version, err)
	}
	defer func() { err = errors.Join(err, rt.Close()) }()
	functions, err := rt.Functions()
	if err != nil {
		return err
	}
	var users []string
	for _, f := range functions {
		if f.Live.Python == version {
			users = append(users, f.Name)
		}
	}
	if len(users) == 0 {
		return nil
	}
	const most = 8
	if more := len(users) - most; more > 0 {
		users = append(users[:most], fmt.Sprintf("%d more", more))
	}
	return &inUseError{fmt.Sprintf("CPython %s is used by functions: %s; delete them, or deploy them on another build, first", version, strings.Join(users, ", "))}
}
