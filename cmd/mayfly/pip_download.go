package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

func (a *app) pipDownloadCommand(p *pipFolders) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "download [REQUIREMENT]...",
		Short: "Download wheels into a folder",
		Long: `Resolve what is asked for, and download the wheels into a folder, which mayfly pip install takes by --no-index --find-links. They are for the Python
of the environment, in which nothing is changed.`,
		Example: "  mayfly pip download --dest wheels flask",
		Args:    cobra.ArbitraryArgs,
	}
	var s pipSources
	s.addFlags(cmd)
	dest := cmd.Flags().StringP("dest", "d", ".", "the `folder` that they go to")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		status := &sharedStatus{s: a.status()}
		defer status.clear()
		r, err := a.resolveAfresh(cmd, p, &s, args, status)
		if err != nil {
			return err
		}
		defer r.client.Close()
		if err := os.MkdirAll(*dest, 0o755); err != nil {
			return err
		}
		got, err := download(cmd.Context(), r.client, r.wheels(), *dest, status, nil)
		if err != nil {
			return err
		}
		status.clear()
		type file struct {
			Path   string `json:"path"`
			Size   int64  `json:"size"`
			SHA256 string `json:"sha256"`
		}
		list := []file{}
		for _, d := range got {
			list = append(list, file{d.Path, d.Size, d.SHA256})
			if *asJSON {
				continue
			}
			if _, err := fmt.Fprintf(a.stdout, "%s: %s\n", d.Path, size(d.Size)); err != nil {
				return err
			}
		}
		if *asJSON {
			return writeJSON(a.stdout, map[string]any{"files": list})
		}
		return nil
	}
	return cmd
}
