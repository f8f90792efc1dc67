package site

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mayfly-faas/mayfly/pyenv/wheel"
	"github.com/mayfly-faas/mayfly/pyenv/wheelstore"
)

// plan is a change in the making. All paths are relative to the environment. Nothing is written before it is complete.
type plan struct {
	e       *Environment
	root    *os.Root
	removed []Distribution
	staying []Distribution
	remove  map[string]bool
	add     map[string]source
	folders map[string]bool   // known to be there, or to be made
	make    []string          // folders, parents first
	owners  map[string]string // of the staying packages' files; nil until it is asked for
}

// source is where an added file comes from: content, or the path of a file of the store.
type source struct {
	file       string
	content    []byte
	executable bool
	of         string // the wheel
	source     string // of byte code: the .py file, relative to the environment
	recorded   wheel.RecordEntry
}

// plan works out what is to be removed.
func (e *Environment) plan(root *os.Root, c Change, entries []wheelstore.Entry) (*plan, error) {
	p := &plan{e: e, root: root, remove: map[string]bool{}, add: map[string]source{}, folders: map[string]bool{".": true}}
	list, err := e.list(root)
	if err != nil {
		return nil, err
	}
	gone := map[string]bool{}
	for _, name := range c.Remove {
		if len(find(list, name)) == 0 {
			return nil, detailf(ErrNotInstalled, "%s is not installed in %s", name, e.Dir)
		}
		gone[wheel.NormalName(name)] = true
	}
	for _, entry := range entries {
		gone[wheel.NormalName(entry.Project)] = true
	}
	for _, d := range list {
		if gone[wheel.NormalName(d.Name)] {
			p.removed = append(p.removed, d)
		} else {
			p.staying = append(p.staying, d)
		}
	}
	for _, d := range p.removed {
		if err := p.uninstall(d); err != nil {
			return nil, err
		}
	}
	return p, nil
}

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

// install adds a wheel's files, and those that an installer writes.
func (p *plan) install(ctx context.Context, entry wheelstore.Entry, item Item, o Options) error {
	info := path.Join(p.e.lib, entry.DistInfo)
	var record []wheel.RecordEntry
	put := func(to string, s source) error {
		s.of = entry.FileName
		if s.recorded.Hash == (wheel.Hash{}) && s.file == "" {
			s.recorded = recordOf(s.content)
		}
		if err := p.put(to, s, o); err != nil {
			return err
		}
		s.recorded.Path = p.e.recordPath(to)
		record = append(record, s.recorded)
		return nil
	}
	scripts := p.e.scriptPoints(entry.Project, entry.EntryPoints)
	for _, f := range entry.Files {
		to, kind, err := p.e.destination(entry, f.Path)
		if err != nil {
			return err
		}
		s := source{file: filepath.Join(entry.Dir(), filepath.FromSlash(f.Path)), executable: f.Executable, recorded: f.RecordEntry}
		switch kind {
		case inInfo: // what an installer writes is not the wheel's to say
			switch path.Base(to) {
			case "RECORD", "INSTALLER", "REQUESTED", "direct_url.json":
				continue
			}
		case inScripts:
			if isLauncher(path.Base(to), scripts) {
				continue
			}
			data, err := os.ReadFile(s.file)
			if err != nil {
				return err
			}
			s = source{content: rewritten(data, p.e.Python), executable: true}
		}
		if err := put(to, s); err != nil {
			return err
		}
	}
	for _, point := range scripts {
		to := path.Join(p.e.scripts, point.Name)
		s := source{content: launcher(point, p.e.Python), executable: true}
		if p.e.windows {
			if err := put(to+".cmd", source{content: windowsLauncher(point.Name), executable: true}); err != nil {
				return err
			}
			to += "-script.py"
		}
		if err := put(to, s); err != nil {
			return err
		}
	}
	if o.Compiler != nil {
		dir, files, err := o.Store.ByteCode(ctx, entry, o.Interpreter, o.Compiler)
		if err != nil {
			return err
		}
		for _, f := range files {
			to, _, err := p.e.destination(entry, f)
			if err != nil {
				return err
			}
			s := source{file: filepath.Join(dir, filepath.FromSlash(f)), source: sourceOf(to), recorded: wheel.RecordEntry{Size: -1}} // as pip has it
			if err := put(to, s); err != nil {
				return err
			}
		}
	}
	if err := put(info+"/INSTALLER", source{content: []byte(o.Installer + "\n")}); err != nil {
		return err
	}
	if item.Requested {
		if err := put(info+"/REQUESTED", source{}); err != nil {
			return err
		}
	}
	if item.DirectURL != nil {
		data, err := json.Marshal(item.DirectURL.withoutSecrets())
		if err != nil {
			return err
		}
		if err := put(info+"/direct_url.json", source{content: data}); err != nil {
			return err
		}
	}
	record = append(record, wheel.RecordEntry{Path: p.e.recordPath(info + "/RECORD"), Size: -1})
	return p.put(info+"/RECORD", source{content: wheel.FormatRecord(record), of: entry.FileName}, o)
}

// sourceOf is the .py file of byte code in __pycache__.
func sourceOf(byteCode string) string {
	stem, _, _ := strings.Cut(path.Base(byteCode), ".opt-")
	stem = strings.TrimSuffix(stem, ".pyc")
	if i := strings.LastIndexByte(stem, '.'); i > 0 {
		stem = stem[:i]
	}
	return path.Join(path.Dir(path.Dir(byteCode)), stem+".py")
}

// kind is what is done to a file beside putting it where it belongs.
type kind int

const (
	inLib kind = iota
	inInfo
	inScripts
	inOther
)

// destination says where a wheel's file goes.
// https://packaging.python.org/specifications/binary-distribution-format/#installing-a-wheel-distribution-1-0-py32-none-any-whl
func (e *Environment) destination(entry wheelstore.Entry, p string) (string, kind, error) {
	if strings.HasPrefix(p, entry.DistInfo+"/") {
		return path.Join(e.lib, p), inInfo, nil
	}
	in, ok := strings.CutPrefix(p, entry.Data+"/")
	if entry.Data == "" || !ok {
		return path.Join(e.lib, p), inLib, nil
	}
	scheme, name, ok := strings.Cut(in, "/")
	if ok {
		switch scheme {
		case "purelib", "platlib":
			return path.Join(e.lib, name), inLib, nil
		case "scripts":
			return path.Join(e.scripts, name), inScripts, nil
		case "headers":
			return path.Join(e.headers, entry.Project, name), inOther, nil
		case "data":
			return name, inOther, nil
		}
	}
	return "", 0, &wheel.Error{Wheel: entry.FileName, Path: p, Why: "is for a place that there is not: .data has purelib, platlib, scripts, headers and data", Is: wheel.ErrUnsupported}
}

// isLauncher says whether a script of a wheel is what an older builder made of an entry point, for its own system.
func isLauncher(name string, scripts []wheel.EntryPoint) bool {
	for _, suffix := range []string{".exe", "-script.py", "-script.pyw", ".pya"} {
		name = strings.TrimSuffix(name, suffix)
	}
	return slices.ContainsFunc(scripts, func(p wheel.EntryPoint) bool { return p.Name == name })
}

// put adds a file, unless something is in its way.
func (p *plan) put(to string, s source, o Options) error {
	if p.e.protected(to) {
		return detailf(ErrConflict, "%s has %s, which is the environment's own: nothing was installed", s.of, to)
	}
	if other, ok := p.add[to]; ok {
		switch {
		case s.source != "" && p.add[s.source].of == s.of: // its source was the last one
			p.add[to] = s
		case s.source != "": // packages that share the source
		case other.of == s.of:
			return detailf(ErrConflict, "%s has %s twice, by different ways: nothing was installed", s.of, to)
		case other.recorded.Hash == s.recorded.Hash && s.recorded.Hash != (wheel.Hash{}):
		case o.Overwrite: // the last one, as with pip
			p.add[to] = s
		default:
			return detailf(ErrConflict, "%s and %s both have %s: nothing was installed; install one of them, or use --overwrite", other.of, s.of, to)
		}
		return nil
	}
	if err := p.makeFolder(path.Dir(to), s.of); err != nil {
		return err
	}
	info, err := p.root.Lstat(to)
	switch {
	case errors.Is(err, fs.ErrNotExist), isNotDir(err), p.remove[to]:
	case err != nil:
		return detailf(ErrOutside, "%s cannot put %s: %v", s.of, to, err)
	case info.IsDir():
		return detailf(ErrConflict, "%s has a file %s, where there is a folder: nothing was installed", s.of, to)
	default:
		owner, err := p.owner(to)
		if err != nil {
			return err
		}
		same := p.same(to, s)
		switch {
		case s.source != "" && owner != "" && p.add[s.source].of != s.of:
			return nil
		case same && owner != "":
			return nil // both have it
		case same || o.Overwrite || strings.HasSuffix(to, ".pyc"):
			p.remove[to] = true
		case owner != "":
			return detailf(ErrConflict, "%s has %s, which %s has too, with other content: nothing was installed; remove %[3]s, or use --overwrite", s.of, to, owner)
		default:
			return detailf(ErrConflict, "%s has %s, which is there and no package's: nothing was installed; move it away, or use --overwrite", s.of, to)
		}
	}
	p.add[to] = s
	return nil
}

// same says whether a file in the way has the content already.
func (p *plan) same(to string, s source) bool {
	h, ok := s.recorded.Hash.New()
	if !ok {
		return false
	}
	info, err := p.root.Lstat(to)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	f, err := p.root.Open(to)
	if err != nil {
		return false
	}
	defer f.Close()
	_, err = io.Copy(h, f)
	return err == nil && h.Hash() == s.recorded.Hash
}

// makeFolder adds a folder and its parents.
func (p *plan) makeFolder(dir, of string) error {
	if p.folders[dir] {
		return nil
	}
	if err := p.makeFolder(path.Dir(dir), of); err != nil {
		return err
	}
	if _, ok := p.add[dir]; ok {
		return detailf(ErrConflict, "%s needs a folder %s, where a file is installed too: nothing was installed", of, dir)
	}
	info, err := p.root.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist), p.remove[dir]:
		p.make = append(p.make, dir)
	case err != nil:
		return detailf(ErrOutside, "%s cannot use the folder %s: %v", of, dir, err)
	case !info.IsDir():
		return detailf(ErrConflict, "%s needs a folder %s, where there is a file: nothing was installed", of, dir)
	}
	p.folders[dir] = true
	return nil
}

// stage puts the new files beside the environment's and returns what is to be done with them.
func (p *plan) stage(o Options) (journal, error) {
	j := journal{Make: p.make}
	for _, dir := range []string{newDir, oldDir} {
		if err := p.root.MkdirAll(dir, 0o755); err != nil {
			return j, err
		}
	}
	for f := range p.remove {
		j.Remove = append(j.Remove, f)
	}
	for f := range p.add {
		j.Add = append(j.Add, f)
	}
	slices.Sort(j.Remove)
	slices.Sort(j.Add)
	for i, f := range j.Add {
		if err := p.add[f].stage(p.root, numbered(newDir, i), o); err != nil {
			return j, err
		}
	}
	j.Sweep = p.sweep()
	return j, nil
}

func (s source) stage(root *os.Root, to string, o Options) error {
	if s.file != "" && !o.Copy {
		return wheelstore.Place(s.file, filepath.Join(root.Name(), filepath.FromSlash(to)))
	}
	mode := os.FileMode(0o644)
	if s.executable {
		mode = 0o755
	}
	if s.file != "" {
		data, err := os.ReadFile(s.file)
		if err != nil {
			return err
		}
		s.content = data
	}
	return root.WriteFile(to, s.content, mode)
}

// sweep is the folders that may be empty after the change, children first. Those that each environment has are kept.
func (p *plan) sweep() []string {
	keep := map[string]bool{".": true, "include": true, p.e.scripts: true}
	for d := p.e.lib; d != "."; d = path.Dir(d) {
		keep[d] = true
	}
	seen := map[string]bool{}
	var dirs []string
	for f := range p.remove {
		for d := path.Dir(f); !keep[d] && !seen[d]; d = path.Dir(d) {
			seen[d] = true
			dirs = append(dirs, d)
		}
	}
	slices.SortFunc(dirs, func(a, b string) int { return strings.Compare(b, a) })
	return dirs
}

func recordOf(content []byte) wheel.RecordEntry {
	h := wheel.SHA256()
	h.Write(content)
	return wheel.RecordEntry{Hash: h.Hash(), Size: int64(len(content))}
}
