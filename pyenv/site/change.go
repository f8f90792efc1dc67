package site

import (
	"context"
	"errors"
	"fmt"
	"path"

	"github.com/mayfly-faas/mayfly/pyenv/wheel"
	"github.com/mayfly-faas/mayfly/pyenv/wheelstore"
)

// Change is packages that are installed and removed as one.
type Change struct {
	Install []Item
	Remove  []string // names of projects
}

// Item is a wheel to be installed. Whatever version of its project is installed is replaced.
type Item struct {
	File      string     // path of the wheel; "" if the store has it by its digest
	Digest    string     // SHA-256 in hex that it has to have; "" for any
	Requested bool       // somebody asked for it, and not for something that requires it
	DirectURL *DirectURL // nil if it came from an index
}

// Options say how packages are installed.
type Options struct {
	Store wheelstore.Store // is needed

	// Compiler makes byte code, which is kept in the store for Interpreter (a name for what it compiles for, such as the digest of a
	// build) and installed with the rest. With nil there is none.
	Compiler    wheelstore.Compiler
	Interpreter string

	// Supported refuses wheels that are for another Python. nil takes all.
	Supported *wheel.Supported

	// Overwrite replaces files that are in the way, other packages' too, but for the environment's own. Without it they are an error.
	Overwrite bool

	// Copy makes files that may be written, in place of links to the store.
	Copy bool

	// Installer is what INSTALLER says. "" is mayfly.
	Installer string
}

// Result is what a change has done.
type Result struct {
	Installed []Distribution
	Removed   []Distribution // replaced ones too
}

// Apply makes a change. If it fails nothing has changed, and if the process is killed meanwhile, the next call of any function of this package
// undoes what was done. Changes of several processes wait for each other. (A process that runs in the environment may see it half changed.)
//
// The error is one of package wheel's or wheelstore's sentinels for a wheel that is unsound, [ErrConflict] for files in the way, [ErrOutside] for a package
// whose RECORD leads out of the environment, [ErrNotInstalled] or [ErrNoRecord] for what is to be removed and cannot be.
func (e *Environment) Apply(ctx context.Context, c Change, o Options) (Result, error) {
	if o.Installer == "" {
		o.Installer = "mayfly"
	}
	entries, release, err := c.entries(ctx, o)
	if err != nil {
		return Result{}, err
	}
	defer release()
	if o.Compiler != nil && len(entries) > 0 {
		if err := o.Store.Compile(ctx, entries, o.Interpreter, o.Compiler); err != nil {
			return Result{}, err
		}
	}
	var result Result
	err = e.change(ctx, func(root disk) error {
		p, err := e.plan(root.Root, c, entries)
		if err != nil {
			return err
		}
		for i, item := range c.Install {
			if err := p.install(entries[i], item, o); err != nil {
				return err
			}
		}
		j, err := p.stage(o)
		if err != nil {
			return errors.Join(err, root.RemoveAll(changeDir))
		}
		if err := j.apply(ctx, root); err != nil {
			return err
		}
		result.Removed = p.removed
		list, err := e.list(root.Root)
		if err != nil {
			return err
		}
		for _, entry := range entries {
			for _, d := range find(list, entry.Project) {
				if d.info == path.Join(e.lib, entry.DistInfo) {
					result.Installed = append(result.Installed, d)
				}
			}
		}
		return nil
	})
	if err != nil {
		return Result{}, fmt.Errorf("change packages of %s: %w", e.Dir, err)
	}
	return result, nil
}

// entries brings all wheels into the store, which can take long, before the environment is locked. release lets go of the store.
func (c Change) entries(ctx context.Context, o Options) (entries []wheelstore.Entry, release func(), err error) {
	if len(c.Install) == 0 {
		return nil, func() {}, nil
	}
	if o.Store.Dir == "" {
		return nil, nil, fmt.Errorf("%w: installing needs a store", ErrRequest)
	}
	held, err := o.Store.Hold(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			held()
		}
	}()
	seen := map[string]string{}
	for _, item := range c.Install {
		entry, err := item.entry(ctx, o.Store)
		if err != nil {
			return nil, nil, err
		}
		name, err := wheel.ParseFileName(entry.FileName)
		if err != nil {
			return nil, nil, err
		}
		if o.Supported != nil {
			if err := o.Supported.Check(name); err != nil {
				return nil, nil, err
			}
		}
		project := wheel.NormalName(entry.Project)
		if other, ok := seen[project]; ok {
			return nil, nil, detailf(ErrRequest, "%s and %s are of one project: choose one", other, entry.FileName)
		}
		seen[project] = entry.FileName
		entries = append(entries, entry)
	}
	return entries, held, nil
}

func (i Item) entry(ctx context.Context, s wheelstore.Store) (wheelstore.Entry, error) {
	if i.File == "" {
		return s.Find(i.Digest)
	}
	return s.Add(ctx, i.File, i.Digest)
}
