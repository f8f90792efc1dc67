package main

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/mayfly-faas/mayfly/runtime/image"
)

// version is set by the build: go build -ldflags '-X main.version=v1.2.3'.
var version string

// build says what this binary was made of.
type build struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Dirty   bool   `json:"dirty,omitempty"` // the work tree had changes that are in no commit
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	// Reset is how sandboxes are reset on this machine, "tracked" or "copied", and ResetReason why they are not tracked.
	Reset       image.Mode `json:"reset,omitempty"`
	ResetReason string     `json:"reset_reason,omitempty"`
}

func resetMode() (mode image.Mode, reason string) {
	tracker, err := image.OpenTracker()
	if err != nil {
		return image.Copied, err.Error()
	}
	tracker.Close()
	return image.Tracked, ""
}

func thisBuild() build {
	b := build{Version: version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	if b.Version == "" {
		b.Version = info.Main.Version
	}
	if b.Version == "" || b.Version == "(devel)" {
		b.Version = "dev"
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.modified":
			b.Dirty = s.Value == "true"
		}
	}
	return b
}

func (a *app) versionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the version of this command",
		Long:    "Print the version of this command, the commit it was built from, and by which Go for which system.",
		Example: "  mayfly version -v\n  mayfly version --json",
		Args:    positional(),
	}
	asJSON := jsonFlag(cmd)
	verbose := cmd.Flags().BoolP("verbose", "v", false, "say too how sandboxes are reset on this machine")
	cmd.RunE = func(*cobra.Command, []string) error {
		b := thisBuild()
		if *verbose {
			b.Reset, b.ResetReason = resetMode()
		}
		if *asJSON {
			return writeJSON(a.stdout, b)
		}
		rows := [][]string{{"version", b.Version}}
		if b.Commit != "" {
			commit := shortDigest(b.Commit)
			if b.Dirty {
				commit += " with changes"
			}
			rows = append(rows, []string{"commit", commit})
		}
		rows = append(rows, []string{"go", b.Go}, []string{"system", b.OS + "/" + b.Arch})
		switch b.Reset {
		case image.Tracked:
			rows = append(rows, []string{"reset", "tracked: the pages that a request wrote are copied back"})
		case image.Copied:
			rows = append(rows, []string{"reset", "copied: all of a sandbox's memory, since " + b.ResetReason})
		}
		return writeTable(a.stdout, rows)
	}
	return cmd
}
