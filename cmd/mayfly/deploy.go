package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mayfly-faas/mayfly/cmd/mayfly/internal/bundle"
	"github.com/mayfly-faas/mayfly/cmd/mayfly/internal/client"
	"github.com/mayfly-faas/mayfly/runtime/manifest"
)

func (a *app) deployCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "deploy PATH",
		Short: "Deploy a function",
		Long: `Deploy a function: PATH is a folder, a .py file, a .wasm file or a .zip file. The server loads it once before it
becomes live; what cannot be run is refused, and the version before it goes on serving.

The function is called what --name says, else name in mayfly.toml, else what PATH is called.

A folder is sent without ` + strings.Join(bundle.Ignored, ", ") + `,
*.pyc and virtual environments.`,
		Example: `  mayfly deploy examples/python/hello
  mayfly deploy . --name greeter
  mayfly deploy fn.wasm`,
		Args: positional("PATH"),
	}
	name := cmd.Flags().String("name", "", "the function's `name`")
	lazy := cmd.Flags().Bool("lazy", false, "load the function at its first request, and not now: what is wrong with it shows only then")
	asJSON := jsonFlag(cmd)
	cmd.RunE = a.remote(func(cmd *cobra.Command, args []string, c *client.Client) error {
		b, err := bundle.Pack(args[0])
		if errors.Is(err, fs.ErrNotExist) {
			return usage(nil, "there is no file and no folder %s", args[0])
		}
		if err != nil {
			return err
		}
		called := cmp.Or(*name, b.Name)
		if err := manifest.CheckName(called); err != nil {
			return usage(nil, "%v; --name gives it one", err)
		}
		s := a.status()
		s.show("deploying %s (%s) ...", called, size(int64(len(b.Content))))
		d, err := c.Deploy(cmd.Context(), called, b.Content, *lazy)
		s.clear()
		if err != nil {
			return err
		}
		if *asJSON {
			return writeJSON(a.stdout, struct {
				client.Deployed
				URL string `json:"url"`
			}{d, c.FunctionURL(called)})
		}
		return writeTable(a.stdout, deployedRows(d, c.FunctionURL(called)))
	})
	return cmd
}

func deployedRows(d client.Deployed, url string) [][]string {
	rows := [][]string{
		{"name", d.Function},
		{"version", fmt.Sprint(d.Version.Version)},
		{"kind", string(d.Version.Kind)},
	}
	if d.Version.Entry != "" {
		rows = append(rows, []string{"entry", d.Version.Entry})
	}
	if len(d.Version.Packages) > 0 {
		rows = append(rows, []string{"packages", strings.Join(d.Version.Packages, ", ")})
	}
	return append(
		rows,
		[]string{"digest", shortDigest(d.Version.Digest)},
		[]string{"took", tookText(d.PhasesMS)},
		[]string{"url", url},
	)
}

// tookText tells how long the phases of a deploy took.
func tookText(ms map[string]float64) string {
	var took []string
	for _, phase := range []string{"load", "compile", "boot"} {
		if ms[phase] > 0 {
			took = append(took, fmt.Sprintf("%s %.1f ms", phase, ms[phase]))
		}
	}
	return orDash(strings.Join(took, ", "))
}
