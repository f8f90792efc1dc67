package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/mayfly-faas/mayfly/pyenv/index"
	"github.com/mayfly-faas/mayfly/pyenv/pylock"
	"github.com/mayfly-faas/mayfly/pyenv/requirement"
	"github.com/mayfly-faas/mayfly/pyenv/site"
)

func (a *app) pipSyncCommand(p *pipFolders) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sync [PYLOCK.TOML]",
		Short: "Make an environment as a lock file has it",
		Long: `Install what a lock file (PEP 751) has for the environment's Python, and remove what it does not have, as one change. The hashes of the lock are
checked. pip stays, where it is.`,
		Example: "  mayfly pip sync\n  mayfly pip sync pylock.web.toml --extra async",
		Args:    positional("[PYLOCK.TOML]"),
	}
	flags := cmd.Flags()
	offline := flags.Bool("offline", false, "ask no server: take what is in the data folder")
	extras := flags.StringArray("extra", nil, "with this `extra` of the lock")
	groups := flags.StringArray("group", nil, "with this dependency `group`, in place of the lock's default ones")
	dryRun := flags.Bool("dry-run", false, "only say what would be done")
	overwrite := flags.Bool("overwrite", false, "replace files that are in the way, other packages' too")
	noCompile := flags.Bool("no-compile", false, "make no byte code")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx, name := cmd.Context(), "pylock.toml"
		if len(args) > 0 {
			name = args[0]
		}
		data, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("there is no %s: write it with mayfly pip lock, or name another lock file: %w", name, fs.ErrNotExist)
		}
		if err != nil {
			return err
		}
		lock, err := pylock.Parse(name, data)
		if err != nil {
			return err
		}
		t, err := p.target(ctx)
		if err != nil {
			return err
		}
		picked, err := lock.Select(filepath.Dir(name), t.Target, requirement.Chosen{Extras: *extras, Groups: *groups})
		if err != nil {
			return err
		}
		list, err := t.List(ctx)
		if err != nil {
			return err
		}
		change := pipChange{overwrite: *overwrite, byteCode: !*noCompile}
		have, keep := map[string]site.Distribution{}, map[string]bool{"pip": true}
		for _, d := range list {
			have[requirement.Normalize(d.Name)] = d
		}
		var would site.Result
		for _, s := range picked {
			key := requirement.Normalize(s.Package.Name)
			keep[key] = true
			d, ok := have[key]
			if ok && sameVersion(d.Version, s.File.Version.String()) && sameOrigin(d.DirectURL, s) {
				continue
			}
			if ok {
				would.Removed = append(would.Removed, d)
			}
			would.Installed = append(would.Installed, site.Distribution{Name: key, Version: s.File.Version.String()})
			change.install = append(change.install, pipItem{fetch: fetch{file: s.File}, direct: s.Package.Archive != nil})
		}
		for _, d := range list {
			if !keep[requirement.Normalize(d.Name)] {
				change.remove = append(change.remove, d.Name)
				would.Removed = append(would.Removed, d)
			}
		}
		if *dryRun || len(change.install)+len(change.remove) == 0 {
			return a.showChange(would, *asJSON)
		}
		client, err := p.open(index.Options{Offline: *offline})
		if err != nil {
			return err
		}
		defer client.Close()
		status := &sharedStatus{s: a.status()}
		defer status.clear()
		result, err := p.apply(ctx, client, t, change, status)
		if err != nil {
			return err
		}
		status.clear()
		a.warnUnmet(ctx, t)
		return a.showChange(result, *asJSON)
	}
	return cmd
}

func sameVersion(a, b string) bool {
	v, errA := requirement.ParseVersion(a)
	w, errB := requirement.ParseVersion(b)
	return errA == nil && errB == nil && v.Compare(w) == 0
}

// sameOrigin says whether what is installed came from where the lock has it: an index, or an archive of the same content.
func sameOrigin(d *site.DirectURL, s pylock.Selected) bool {
	if s.Package.Archive == nil || d == nil {
		return s.Package.Archive == nil && d == nil
	}
	digest := s.File.Hashes["sha256"]
	return digest != "" && d.Archive != nil && d.Archive.Hashes["sha256"] == digest
}
