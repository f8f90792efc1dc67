package runtime

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mayfly-faas/mayfly/pyenv"
	"github.com/mayfly-faas/mayfly/pyenv/index"
	"github.com/mayfly-faas/mayfly/pyenv/pylock"
	"github.com/mayfly-faas/mayfly/pyenv/requirement"
	"github.com/mayfly-faas/mayfly/pyenv/resolve"
	"github.com/mayfly-faas/mayfly/pyenv/site"
	"github.com/mayfly-faas/mayfly/pyenv/wheel"
	"github.com/mayfly-faas/mayfly/pyenv/wheelstore"
	"github.com/mayfly-faas/mayfly/runtime/python"
)

// packages are what a version of a Python function has installed. It is all that its environment can be made from again.
type packages struct {
	// Identity names the environment: versions with the same one share it. See [pylock.Identity].
	Identity string `json:"identity"`
	// Names are the packages with their versions, for people.
	Names []string `json:"names"`
	// Lock is a pylock.toml with one wheel for each package and its SHA-256. Paths in it are relative to the data folder.
	Lock string `json:"lock"`
}

// Installing is not the guest's time, and has limits of its own: index.Options bound each request, this all of it.
const (
	installTimeout = 30 * time.Minute
	downloads      = 4 // at a time
)

func (rt *Runtime) wheels() wheelstore.Store {
	return wheelstore.Store{Dir: filepath.Join(rt.options.DataDir, "wheels")}
}

// installWants installs what a candidate asks for: nothing where it asks for nothing. The error is an *ArtifactError where somebody else than this server has to do
// something about it.
func (rt *Runtime) installWants(v *version, a *artifact) error {
	if a.kind != Python {
		return nil
	}
	w, err := a.wants()
	if err != nil || w == nil {
		return refuseWants(err)
	}
	build, err := rt.build(v.meta.Python)
	if err != nil {
		return err
	}
	if err := w.checkPython(build.Version); err != nil {
		return refuseWants(err)
	}
	if w.lock == nil && len(w.roots) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(rt.ctx, installTimeout, fmt.Errorf("it took more than %s", installTimeout))
	defer cancel()
	begin := time.Now()
	release, err := rt.wheels().Hold(ctx) // until the environment has links to them
	if err != nil {
		return err
	}
	defer release()
	if v.meta.Packages, err = rt.lock(ctx, w, resolve.WASI(build.Version)); err != nil || v.meta.Packages == nil {
		return refuseWants(err)
	}
	resolved := time.Now()
	if _, err := rt.environment(ctx, v.meta.Packages, build); err != nil {
		return refuseWants(err)
	}
	rt.options.Logger.Info("packages are installed", "function", v.function, "from", w.from, "packages", len(v.meta.Packages.Names),
		"resolve", resolved.Sub(begin).Round(time.Millisecond), "install", time.Since(resolved).Round(time.Millisecond))
	return nil
}

// refuseWants makes an error of resolving and installing one of the artifact's, but for those of this machine.
func refuseWants(err error) error {
	_, path := errors.AsType[*fs.PathError](err)
	_, link := errors.AsType[*os.LinkError](err)
	switch {
	case err == nil, path, link, errors.Is(err, ErrArtifact), errors.Is(err, context.Canceled):
		return err
	}
	return &ArtifactError{Msg: "what the function requires cannot be installed: " + err.Error()}
}

// lock finds what goes together for a target, and brings it into the store of wheels. It is nil where nothing is needed.
func (rt *Runtime) lock(ctx context.Context, w *wants, t resolve.Target) (*packages, error) {
	o, err := rt.sources(w.options)
	if err != nil {
		return nil, err
	}
	c, err := index.New(o)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var lock *pylock.Lock
	if w.lock != nil {
		lock, err = rt.lockSelected(ctx, c, w.lock, t)
	} else {
		lock, err = rt.lockResolved(ctx, c, w, t)
	}
	if err != nil || len(lock.Packages) == 0 {
		return nil, err
	}
	text, err := lock.Marshal()
	if err != nil {
		return nil, err
	}
	picked, err := lock.Select(rt.options.DataDir, t, requirement.Chosen{})
	if err != nil {
		return nil, err
	}
	p := &packages{Identity: pylock.Identity(t, picked), Lock: string(text)}
	for _, s := range picked {
		p.Names = append(p.Names, strings.TrimSpace(s.Package.Name+" "+s.Package.Version))
	}
	return p, nil
}

// lockResolved locks the newest versions that go together.
func (rt *Runtime) lockResolved(ctx context.Context, c *index.Client, w *wants, t resolve.Target) (*pylock.Lock, error) {
	found, err := resolve.Resolve(ctx, guarded{c, w.vendored}, w.roots, resolve.Options{
		Target: t, Constraints: w.constraints, Pre: w.options.Pre, RequireHashes: w.options.RequireHashes,
	})
	if err != nil {
		return nil, err
	}
	found.Packages = slices.DeleteFunc(found.Packages, func(p resolve.Package) bool { return strings.HasPrefix(p.File.URL, artifactScheme) })
	need := make([]download, len(found.Packages))
	for i, p := range found.Packages {
		need[i] = download{p.Name, p.File, p.Hashes}
	}
	sums, err := rt.fetch(ctx, c, need)
	if err != nil {
		return nil, err
	}
	return pylock.FromResolution(found, t, rt.options.DataDir, sums)
}

// lockSelected takes what a lock has for the target. Files of the server are refused.
func (rt *Runtime) lockSelected(ctx context.Context, c *index.Client, theirs *pylock.Lock, t resolve.Target) (*pylock.Lock, error) {
	picked, err := theirs.Select("", t, requirement.Chosen{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", lockFile, err)
	}
	sums, err := rt.fetch(ctx, c, wheelsOf(picked))
	if err != nil {
		return nil, err
	}
	lock := &pylock.Lock{Version: "1.0", CreatedBy: "mayfly"}
	for _, s := range picked {
		f := pylock.File{Name: s.File.Name, URL: s.File.URL, Size: s.File.Size, Hashes: map[string]string{"sha256": sums[s.Package.Name]}}
		p := pylock.Package{Name: s.Package.Name, Version: s.Package.Version, RequiresPython: s.Package.RequiresPython, Index: s.Package.Index, Wheels: []pylock.File{f}}
		if s.Package.Archive != nil {
			f.Name = ""
			p.Archive, p.Wheels = &f, nil
		}
		lock.Packages = append(lock.Packages, p)
	}
	return lock, nil
}

// download is a wheel that has to be in the store.
type download struct {
	name   string
	file   index.File
	hashes []string
}

func wheelsOf(picked []pylock.Selected) []download {
	need := make([]download, len(picked))
	for i, s := range picked {
		need[i] = download{s.Package.Name, s.File, nil}
	}
	return need
}

// fetch brings wheels into the store that it does not have, and returns the SHA-256 of all by package. The caller holds the store.
func (rt *Runtime) fetch(ctx context.Context, c *index.Client, need []download) (sums map[string]string, err error) {
	if len(need) == 0 {
		return nil, nil
	}
	tmp, err := rt.tempVenv()
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	got := make([]string, len(need))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(downloads)
	for i, d := range need {
		g.Go(func() error {
			// Hashes that are asked for are checked by downloading, unless they are the one by which the store has it.
			if sum := d.file.Hashes["sha256"]; sum != "" && (len(d.hashes) == 0 || slices.Contains(d.hashes, "sha256:"+sum)) {
				if e, err := rt.wheels().Find(sum); err == nil && e.FileName == d.file.Name {
					got[i] = sum
					return nil
				}
			}
			f, err := c.Download(ctx, d.file, tmp, index.DownloadOptions{Hashes: d.hashes})
			if err != nil {
				return err
			}
			got[i] = f.SHA256
			_, err = rt.wheels().Add(ctx, f.Path, f.SHA256)
			return errors.Join(err, os.Remove(f.Path))
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	sums = map[string]string{}
	for i, d := range need {
		sums[d.name] = got[i]
	}
	return sums, nil
}

// tempVenv makes a folder among the environments, which a later start sweeps if this one does not.
func (rt *Runtime) tempVenv() (string, error) {
	if err := os.MkdirAll(rt.cacheDir("venvs"), 0o700); err != nil {
		return "", err
	}
	return os.MkdirTemp(rt.cacheDir("venvs"), "tmp-*")
}

// environment returns the folder of an environment with these packages, made where there is none: from the store of wheels, or else from where they came
// from. It is whole or not there.
func (rt *Runtime) environment(ctx context.Context, p *packages, build pyenv.Base) (dir string, err error) {
	dir = filepath.Join(rt.cacheDir("venvs"), p.Identity+"-"+build.Version)
	_, err, _ = rt.installs.Do(dir, func() (any, error) {
		_, checked := rt.unpacked.Load(dir)
		_, err := os.Stat(filepath.Join(dir, "pyvenv.cfg"))
		if err == nil && !checked {
			if err = checkVenv(dir, build, len(p.Names)); err != nil {
				rt.options.Logger.Warn("an environment is damaged, and made again", "environment", filepath.Base(dir), "reason", err)
			}
		}
		if err != nil {
			err = rt.install(ctx, p, build, dir)
		}
		if err == nil {
			rt.unpacked.Store(dir, true)
		}
		return nil, err
	})
	return dir, err
}

// checkVenv says what an environment lacks of its packages: it looks at the sizes of files, as their RECORDs have them.
func checkVenv(dir string, build pyenv.Base, packages int) error {
	root, err := os.OpenRoot(filepath.Join(dir, "lib", "python"+build.Minor()))
	if err != nil {
		return err
	}
	defer root.Close()
	records, err := fs.Glob(root.FS(), "site-packages/*.dist-info/RECORD")
	if err != nil {
		return err
	}
	if len(records) != packages {
		return fmt.Errorf("it has %d packages, and %d were installed", len(records), packages)
	}
	for _, name := range records {
		text, err := root.ReadFile(name)
		if err != nil {
			return err
		}
		files, err := wheel.ParseRecord(text)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for _, f := range files {
			at := path.Join("site-packages", f.Path)
			if f.Size < 0 || !fs.ValidPath(at) { // scripts and headers, which no sandbox needs, are outside
				continue
			}
			if info, err := root.Stat(at); err != nil || info.Size() != f.Size {
				return fmt.Errorf("%s: %w", f.Path, errDamagedFile)
			}
		}
	}
	return nil
}

func (rt *Runtime) install(ctx context.Context, p *packages, build pyenv.Base, dir string) error {
	lock, err := pylock.Parse("the version's lock", []byte(p.Lock))
	if err != nil {
		return err
	}
	picked, err := lock.Select(rt.options.DataDir, resolve.WASI(build.Version), requirement.Chosen{})
	if err != nil {
		return err
	}
	release, err := rt.wheels().Hold(ctx)
	if err != nil {
		return err
	}
	defer release()
	o, err := rt.sources(requirement.Options{})
	if err != nil {
		return err
	}
	o.NoFiles = false // the lock is this server's own, and has its folders of wheels
	c, err := index.New(o)
	if err != nil {
		return err
	}
	defer c.Close()
	sums, err := rt.fetch(ctx, c, wheelsOf(picked))
	if err != nil {
		return err
	}
	var change site.Change
	for _, s := range picked {
		item := site.Item{Digest: sums[s.Package.Name]}
		if s.URL != "" {
			item.DirectURL = &site.DirectURL{URL: s.URL, Archive: &site.ArchiveInfo{Hashes: map[string]string{"sha256": item.Digest}}}
		}
		change.Install = append(change.Install, item)
	}
	tmp, err := rt.tempVenv()
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	made := filepath.Join(tmp, "venv")
	if err := makeVenv(ctx, made, build); err != nil {
		return err
	}
	env, err := site.Open(made)
	if err != nil {
		return err
	}
	env.Python = python.VenvDir + "/bin/python3"
	options := site.Options{Store: rt.wheels(), Compiler: compiler{rt, build}, Interpreter: build.Digest}
	_, err = env.Apply(ctx, change, options)
	if errors.Is(err, errByteCode) && ctx.Err() == nil {
		rt.options.Logger.Warn("packages are installed without byte code: importing them takes longer when an image is made", "reason", err)
		options.Compiler = nil
		_, err = env.Apply(ctx, change, options)
	}
	if err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil { // what is left of one that was damaged
		return err
	}
	return os.Rename(made, dir)
}

// pruneWheels drops the wheels that neither an environment nor a version needs.
func (rt *Runtime) pruneWheels(locks []*packages) error {
	var keep []string
	for _, p := range locks {
		lock, err := pylock.Parse("lock", []byte(p.Lock))
		if err != nil {
			return err
		}
		for _, one := range lock.Packages {
			for _, f := range one.Wheels {
				keep = append(keep, f.Hashes["sha256"])
			}
			if one.Archive != nil {
				keep = append(keep, one.Archive.Hashes["sha256"])
			}
		}
	}
	if _, err := rt.wheels().Prune(keep...); err != nil && !errors.Is(err, wheelstore.ErrBusy) {
		return fmt.Errorf("sweep wheels: %w", err)
	}
	return nil
}

// checkIndex says at the start what is wrong with the server's own sources of packages, where it was given any.
func (rt *Runtime) checkIndex() error {
	if len(rt.options.Index.Indexes)+len(rt.options.Index.FindLinks) == 0 {
		return nil
	}
	o, err := rt.sources(requirement.Options{})
	if err != nil {
		return err
	}
	c, err := index.New(o)
	if err != nil {
		return err
	}
	return c.Close()
}
