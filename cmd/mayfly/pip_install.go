package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/mayfly-faas/mayfly/pyenv/requirement"
	"github.com/mayfly-faas/mayfly/pyenv/resolve"
	"github.com/mayfly-faas/mayfly/pyenv/site"
)

func (a *app) pipInstallCommand(p *pipFolders) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "install [REQUIREMENT]...",
		Short: "Install packages",
		Long: `Install packages, and what they need, from an index, folders of wheels, or URLs. A requirement is a name (flask), one with versions and extras
("flask[async]>=2,<3"), NAME @ URL, or the path of a wheel. Versions that are installed stay where they fit, unless --upgrade is given. Byte code is made by the
environment's Python, once for all environments.`,
		Example: `  mayfly pip install flask
  mayfly pip install -r requirements.txt --require-hashes
  mayfly pip install --no-index --find-links ./wheels flask`,
		Args: cobra.ArbitraryArgs,
	}
	var s pipSources
	s.addFlags(cmd)
	flags := cmd.Flags()
	upgrade := flags.BoolP("upgrade", "U", false, "take the newest versions that fit, whatever is installed")
	dryRun := flags.Bool("dry-run", false, "only say what would be installed")
	report := flags.String("report", "", "write what is installed, and from where, to a `file` in JSON, as pip does (-: standard output)")
	overwrite := flags.Bool("overwrite", false, "replace files that are in the way, other packages' too")
	target := flags.StringP("target", "t", "", "install into this plain `folder`, for the Python of the environment")
	noCompile := flags.Bool("no-compile", false, "make no byte code")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx := cmd.Context()
		w, err := s.read(cmd, args)
		if err != nil {
			return err
		}
		t, err := p.target(ctx)
		if err != nil {
			return err
		}
		if *target != "" {
			if err := t.into(*target); err != nil {
				return err
			}
		}
		packages, installed, err := t.installed(ctx)
		if err != nil {
			return err
		}
		client, err := p.open(w.options)
		if err != nil {
			return err
		}
		defer client.Close()
		status := &sharedStatus{s: a.status()}
		defer status.clear()
		source := &withInstalled{Source: watched{client, status}, target: t.Target, installed: packages}
		resolution, err := resolve.Resolve(ctx, source, w.roots, resolve.Options{
			Target: t.Target, Constraints: w.constraints, Pre: w.pre, NoDeps: s.noDeps, RequireHashes: w.requireHashes, Installed: installed, Upgrade: *upgrade,
		})
		status.clear()
		for _, n := range source.said() {
			a.note("%s", n)
		}
		if err != nil {
			return err
		}
		for _, n := range resolution.Notes {
			a.note("%s", n)
		}
		change := pipChange{overwrite: *overwrite, byteCode: !*noCompile}
		var wanted []resolve.Package
		for _, pkg := range resolution.Packages {
			if v, ok := installed[pkg.Name]; ok && pkg.URL == "" && v.Compare(pkg.Version) == 0 {
				if pkg.Requested {
					a.note("%s %s is installed already", pkg.Name, v)
				}
				continue
			}
			wanted = append(wanted, pkg)
			change.install = append(change.install, pipItem{fetch{pkg.File, pkg.Hashes}, pkg.Requested, pkg.URL != ""})
		}
		if *report != "" {
			if err := a.writeReport(*report, wanted, t.Target.Environment); err != nil {
				return err
			}
		}
		quiet := *report == "-"
		if *dryRun {
			if quiet {
				return nil
			}
			var would site.Result
			for _, pkg := range wanted {
				would.Installed = append(would.Installed, site.Distribution{Name: pkg.Name, Version: pkg.Version.String()})
				if v, ok := installed[pkg.Name]; ok {
					would.Removed = append(would.Removed, site.Distribution{Name: pkg.Name, Version: v.String()})
				}
			}
			return a.showChange(would, *asJSON)
		}
		var result site.Result
		if len(change.install) > 0 {
			if result, err = p.apply(ctx, client, t, change, status); err != nil {
				return err
			}
			status.clear()
			a.warnUnmet(ctx, t)
		}
		if quiet {
			return nil
		}
		return a.showChange(result, *asJSON)
	}
	return cmd
}

// writeReport writes what is to be installed as pip does: https://pip.pypa.io/en/stable/reference/installation-report/.
func (a *app) writeReport(name string, packages []resolve.Package, env requirement.Environment) error {
	install := []map[string]any{}
	for _, p := range packages {
		metadata := map[string]any{"name": p.Metadata.Name, "version": p.Version.String()}
		if !p.Metadata.RequiresPython.IsZero() {
			metadata["requires_python"] = p.Metadata.RequiresPython.String()
		}
		var needs []string
		for _, r := range p.Metadata.RequiresDist {
			needs = append(needs, r.Redacted())
		}
		if needs != nil {
			metadata["requires_dist"] = needs
		}
		archive := map[string]any{}
		if len(p.File.Hashes) > 0 {
			archive["hashes"] = p.File.Hashes
		}
		one := map[string]any{
			"metadata": metadata, "is_direct": p.URL != "", "is_yanked": p.File.Yanked, "requested": p.Requested,
			"download_info": map[string]any{"url": p.File.URL, "archive_info": archive},
		}
		if len(p.Extras) > 0 && p.Requested {
			one["requested_extras"] = slices.Clone(p.Extras)
		}
		install = append(install, one)
	}
	r := map[string]any{"version": "1", "installer": "mayfly", "install": install, "environment": env}
	if name == "-" {
		return writeJSON(a.stdout, r)
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(name, append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}
