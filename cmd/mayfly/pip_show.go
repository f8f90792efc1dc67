package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mayfly-faas/mayfly/pyenv/site"
)

func (a *app) pipShowCommand(p *pipFolders) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "show PACKAGE...",
		Short:   "Describe installed packages",
		Long:    "Describe installed packages: what they are, where they are, what they need and what needs them.",
		Example: "  mayfly pip show flask\n  mayfly pip show --files flask",
		Args:    cobra.ArbitraryArgs,
	}
	files := cmd.Flags().BoolP("files", "f", false, "list the files, too")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usage(cmd, "PACKAGE is missing: %s", cmd.UseLine())
		}
		t, err := p.target(cmd.Context())
		if err != nil {
			return err
		}
		var shown []shownPackage
		for _, name := range args {
			d, err := t.Show(cmd.Context(), name, t.evaluate)
			if err != nil {
				return err
			}
			if !*files {
				d.Files = nil
			}
			shown = append(shown, newShownPackage(d))
		}
		if *asJSON {
			return writeJSON(a.stdout, map[string]any{"packages": shown})
		}
		for i, s := range shown {
			if i > 0 {
				fmt.Fprintln(a.stdout, "---")
			}
			if _, err := fmt.Fprint(a.stdout, printable(s.text())); err != nil {
				return err
			}
		}
		return nil
	}
	return cmd
}

// shownPackage is a package as --json shows it.
type shownPackage struct {
	Name       string          `json:"name"`
	Version    string          `json:"version"`
	Summary    string          `json:"summary"`
	Homepage   string          `json:"homepage"`
	Author     string          `json:"author"`
	License    string          `json:"license"`
	Location   string          `json:"location"`
	Installer  string          `json:"installer"`
	Requested  bool            `json:"requested"`
	DirectURL  *site.DirectURL `json:"direct_url,omitempty"`
	Requires   []string        `json:"requires"`
	RequiredBy []string        `json:"required_by"`
	Files      []string        `json:"files,omitempty"`
}

func newShownPackage(d site.Details) shownPackage {
	author := d.Metadata.Author
	if author == "" {
		author = d.Metadata.AuthorEmail
	}
	return shownPackage{
		Name: d.Name, Version: d.Version, Summary: d.Metadata.Summary, Homepage: d.Metadata.Homepage, Author: author, License: d.Metadata.License,
		Location: d.Location, Installer: d.Installer, Requested: d.Requested, DirectURL: d.DirectURL,
		Requires: append([]string{}, d.Requires...), RequiredBy: append([]string{}, d.RequiredBy...), Files: d.Files,
	}
}

// text is the package in pip's lines.
func (s shownPackage) text() string {
	var b strings.Builder
	for _, line := range [][2]string{
		{"Name", s.Name}, {"Version", s.Version}, {"Summary", s.Summary}, {"Home-page", s.Homepage}, {"Author", s.Author}, {"License", s.License},
		{"Location", s.Location}, {"Installer", s.Installer}, {"Requires", strings.Join(s.Requires, ", ")}, {"Required-by", strings.Join(s.RequiredBy, ", ")},
	} {
		first, _, more := strings.Cut(line[1], "\n") // a whole license, at times
		if more {
			first += " ..."
		}
		b.WriteString(strings.TrimRight(line[0]+": "+first, " ") + "\n")
	}
	if s.Files != nil {
		b.WriteString("Files:\n")
		for _, f := range s.Files {
			b.WriteString("  " + f + "\n")
		}
	}
	return b.String()
}
