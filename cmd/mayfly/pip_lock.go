package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/mayfly-faas/mayfly/pyenv/index"
	"github.com/mayfly-faas/mayfly/pyenv/pylock"
	"github.com/mayfly-faas/mayfly/pyenv/resolve"
)

func (a *app) pipLockCommand(p *pipFolders) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lock [REQUIREMENT]...",
		Short: "Write which files make an environment to pylock.toml",
		Long: `Resolve what is asked for, and write which files make an environment of it, with their hashes, to a lock file (PEP 751). It is for the Python of
the environment, in which nothing is changed. mayfly pip sync installs it.`,
		Example: "  mayfly pip lock -r requirements.txt\n  mayfly pip lock flask --output pylock.web.toml",
		Args:    cobra.ArbitraryArgs,
	}
	var s pipSources
	s.addFlags(cmd)
	output := cmd.Flags().StringP("output", "o", "pylock.toml", "write to this `file` (-: standard output)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		status := &sharedStatus{s: a.status()}
		defer status.clear()
		r, err := a.resolveAfresh(cmd, p, &s, args, status)
		if err != nil {
			return err
		}
		defer r.client.Close()
		sums, err := r.sums(cmd.Context(), status)
		if err != nil {
			return err
		}
		lock, err := pylock.FromResolution(r.Resolution, r.target.Target, filepath.Dir(*output), sums)
		if err != nil {
			return err
		}
		data, err := lock.Marshal()
		if err != nil {
			return err
		}
		status.clear()
		if *output == "-" {
			_, err := a.stdout.Write(data)
			return err
		}
		if err := replaceFile(*output, data); err != nil {
			return fmt.Errorf("write the lock: %w", err)
		}
		_, err = fmt.Fprintf(a.stdout, "%s: %s\n", *output, plural(len(r.Packages), "package"))
		return err
	}
	return cmd
}

// resolved is what goes together for a target, and who has it.
type resolved struct {
	*resolve.Resolution
	target *pipTarget
	client *index.Client
}

// resolveAfresh resolves what is asked for as if nothing were installed. The client is to be closed.
func (a *app) resolveAfresh(cmd *cobra.Command, p *pipFolders, s *pipSources, args []string, status *sharedStatus) (*resolved, error) {
	w, err := s.read(cmd, args)
	if err != nil {
		return nil, err
	}
	t, err := p.target(cmd.Context())
	if err != nil {
		return nil, err
	}
	client, err := p.open(w.options)
	if err != nil {
		return nil, err
	}
	resolution, err := resolve.Resolve(cmd.Context(), watched{client, status}, w.roots, resolve.Options{
		Target: t.Target, Constraints: w.constraints, Pre: w.pre, NoDeps: s.noDeps, RequireHashes: w.requireHashes,
	})
	if err != nil {
		_ = client.Close() // nothing was written
		return nil, err
	}
	status.clear()
	for _, n := range resolution.Notes {
		a.note("%s", n)
	}
	return &resolved{resolution, t, client}, nil
}

// sums fetches what has no SHA-256 at its index, and what is asked for with another hash, and returns digests by name.
func (r *resolved) sums(ctx context.Context, status *sharedStatus) (map[string]string, error) {
	dir, err := os.MkdirTemp("", "mayfly-pip-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	got, err := download(ctx, r.client, r.wheels(), dir, status, func(f fetch) bool { return f.sha256() != "" })
	if err != nil {
		return nil, err
	}
	sums := map[string]string{}
	for i, d := range got {
		if d.SHA256 != "" {
			sums[r.Packages[i].Name] = d.SHA256
		}
	}
	return sums, nil
}

// wheels are the files of the packages, in their order.
func (r *resolved) wheels() []fetch {
	var wheels []fetch
	for _, p := range r.Packages {
		wheels = append(wheels, fetch{p.File, p.Hashes})
	}
	return wheels
}

// replaceFile writes a file whole or not at all.
func replaceFile(name string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".mayfly-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Chmod(f.Name(), 0o644)
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	return err
}
