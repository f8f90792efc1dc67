package pylock

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/mayfly-faas/mayfly/pyenv/index"
	"github.com/mayfly-faas/mayfly/pyenv/requirement"
	"github.com/mayfly-faas/mayfly/pyenv/resolve"
)

// FromResolution locks what was resolved for a target: one wheel a package, without credentials. Sums are SHA-256 by name of what was downloaded, for packages whose index says no
// hash; it may be nil. Wheels of this machine have paths relative to dir, where the lock will be. The error is [ErrLock] if a hash is not known.
func FromResolution(r *resolve.Resolution, t resolve.Target, dir string, sums map[string]string) (*Lock, error) {
	l := &Lock{
		Version: "1.0", CreatedBy: "mayfly", RequiresPython: "==" + t.Environment.PythonVersion + ".*",
		Environments: []string{fmt.Sprintf("sys_platform == %q and platform_machine == %q and implementation_name == %q",
			t.Environment.SysPlatform, t.Environment.PlatformMachine, t.Environment.ImplementationName)},
	}
	for _, p := range r.Packages {
		f := File{Name: p.File.Name, Hashes: map[string]string{}, Size: p.File.Size}
		for algorithm, h := range p.File.Hashes {
			f.Hashes[algorithm] = h
		}
		if h := sums[p.Name]; h != "" {
			f.Hashes["sha256"] = h
		}
		if len(f.Hashes) == 0 {
			return nil, detailf(ErrLock, "lock %s: its index says no hash, so it has to be downloaded first", p.Name)
		}
		if !p.File.Uploaded.IsZero() {
			at := p.File.Uploaded.UTC()
			f.UploadTime = &at
		}
		if err := f.place(p.File, dir); err != nil {
			return nil, fmt.Errorf("lock %s: %w", p.Name, err)
		}
		locked := Package{Name: p.Name, Version: p.Version.String(), RequiresPython: p.Metadata.RequiresPython.String()}
		for _, n := range p.Needs {
			locked.Dependencies = append(locked.Dependencies, map[string]any{"name": n})
		}
		if p.URL != "" {
			f.Name = "" // an archive has none
			locked.Archive = &f
		} else {
			locked.Wheels = []File{f}
			if strings.HasPrefix(p.File.Index, "http") {
				locked.Index = strings.TrimSuffix(strings.TrimSuffix(p.File.Index, "/"), "/"+requirement.Normalize(p.Name)) + "/"
			}
		}
		l.Packages = append(l.Packages, locked)
	}
	return l, nil
}

func (f *File) place(file index.File, dir string) error {
	u, err := url.Parse(file.URL)
	if err != nil || u.Scheme != "file" {
		f.URL = file.URL
		return err
	}
	f.Path = filepath.ToSlash(filepath.FromSlash(u.Path))
	dir, err = filepath.Abs(dir)
	if err != nil {
		return err
	}
	if rel, err := filepath.Rel(dir, filepath.FromSlash(u.Path)); err == nil {
		f.Path = filepath.ToSlash(rel)
	}
	return nil
}
