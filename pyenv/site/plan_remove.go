package site

import (
	"errors"
	"io/fs"
	"path"
	"strings"

	"github.com/mayfly-faas/mayfly/pyenv/wheel"
)

// uninstall adds a package's files to those that are removed: what RECORD has, byte code that Python made of it since, and the rest of
// dist-info. What a package that stays has too is kept.
func (p *plan) uninstall(d Distribution) error {
	files, err := p.e.files(p.root, d)
	if err != nil {
		return err
	}
	caches := map[string][]fs.DirEntry{}
	for _, f := range files {
		if p.e.protected(f) {
			return detailf(ErrOutside, "RECORD of %s %s has %s, which is the environment's own: nothing was removed", d.Name, d.Version, f)
		}
		if err := p.removeFile(f); err != nil {
			return err
		}
		stem, ok := strings.CutSuffix(path.Base(f), ".py")
		if !ok {
			continue
		}
		cache := path.Join(path.Dir(f), "__pycache__")
		if _, ok := caches[cache]; !ok {
			caches[cache], _ = fs.ReadDir(p.root.FS(), cache) // there need not be one
		}
		for _, n := range caches[cache] {
			if strings.HasPrefix(n.Name(), stem+".") && strings.HasSuffix(n.Name(), ".pyc") {
				if err := p.removeFile(path.Join(cache, n.Name())); err != nil {
					return err
				}
			}
		}
	}
	return fs.WalkDir(p.root.FS(), d.info, func(f string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		return p.removeFile(f)
	})
}

func (p *plan) removeFile(f string) error {
	if p.remove[f] {
		return nil
	}
	info, err := p.root.Lstat(f)
	switch {
	case errors.Is(err, fs.ErrNotExist), isNotDir(err):
		return nil
	case err != nil: // such as a folder that is a link to outside
		return detailf(ErrOutside, "%s cannot be removed: %v", f, err)
	case info.IsDir():
		return nil
	}
	owner, err := p.owner(f)
	if err == nil && owner == "" {
		p.remove[f] = true
	}
	return err
}

// owner is the staying package that has a file, "" if none has.
func (p *plan) owner(f string) (string, error) {
	if p.owners == nil {
		p.owners = map[string]string{}
		for _, d := range p.staying {
			files, err := p.e.files(p.root, d)
			if errors.Is(err, ErrNoRecord) || errors.Is(err, ErrOutside) || errors.Is(err, wheel.ErrFormat) {
				continue // one that does not say what it has
			}
			if err != nil {
				return "", err
			}
			for _, f := range files {
				p.owners[f] = d.Name
			}
		}
	}
	return p.owners[f], nil
}
