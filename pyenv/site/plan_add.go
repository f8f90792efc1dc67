package site

import (
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

// install adds a wheel's files, and those that an installer writes.
func (p *plan) install(entry wheelstore.Entry, item Item, o Options) error {
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
		if info := p.e.infoOf(to); info != "" && info != entry.DistInfo {
			return &wheel.Error{Wheel: entry.FileName, Path: f.Path, Why: "would be among what another package says of itself, in " + info, Is: wheel.ErrUnsafe}
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
		dir, files, err := entry.ByteCode(o.Interpreter)
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

// infoOf is the name of the dist-info folder that a path is in, "" if it is in none.
func (e *Environment) infoOf(to string) string {
	in, ok := strings.CutPrefix(to, e.lib+"/")
	if !ok && e.lib != "." {
		return ""
	}
	dir, _, _ := strings.Cut(in, "/")
	if !strings.HasSuffix(strings.ToLower(dir), ".dist-info") {
		return ""
	}
	return dir
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

func recordOf(content []byte) wheel.RecordEntry {
	h := wheel.SHA256()
	_, _ = h.Write(content) // a hash takes all
	return wheel.RecordEntry{Hash: h.Hash(), Size: int64(len(content))}
}
