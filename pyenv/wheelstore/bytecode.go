package wheelstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// Compiler compiles Python files for one interpreter.
type Compiler interface {
	// Compile makes byte code of files, which are slash-separated paths below dir: __pycache__/NAME.TAG.pyc beside each. A file that
	// is not valid Python is left out, and is no error. dir is a temporary folder, so byte code must not depend on it or on the files' times: it has to
	// be of the unchecked hash-based kind (PEP 552). Python corrects the paths in it when it imports a file.
	Compile(ctx context.Context, dir string, files []string) error
}

var interpreterPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// Compile makes the byte code of entries that have none for an interpreter, all in one call of c: a sandbox takes longer to start than to compile a small
// wheel. interpreter says what c compiles for, such as a digest of its build: letters, digits, dots, dashes. The caller holds the store.
func (s Store) Compile(ctx context.Context, entries []Entry, interpreter string, c Compiler) error {
	if !interpreterPattern.MatchString(interpreter) {
		return fmt.Errorf("byte code cannot be kept for an interpreter called %q: use letters, digits, dots and dashes", interpreter)
	}
	var missing []Entry
	for _, e := range entries {
		if !isDir(e.byteCode(interpreter)) {
			missing = append(missing, e)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	stage, err := os.MkdirTemp(s.Dir, tempPrefix)
	if err != nil {
		return err
	}
	defer os.RemoveAll(stage)
	sources := filepath.Join(stage, "sources")
	var files []string
	for _, e := range missing {
		own, err := e.copySources(filepath.Join(sources, e.Digest))
		if err != nil {
			return err
		}
		for _, f := range own {
			files = append(files, e.Digest+"/"+f)
		}
	}
	if len(files) > 0 {
		if err := c.Compile(ctx, sources, files); err != nil {
			return fmt.Errorf("compile byte code: %w", err)
		}
	}
	for _, e := range missing {
		made := filepath.Join(stage, e.Digest)
		if err := e.collect(filepath.Join(sources, e.Digest), made); err != nil {
			return err
		}
		to := e.byteCode(interpreter)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := os.Rename(made, to); err != nil && !isDir(to) { // somebody else's is as good
			return err
		}
	}
	return nil
}

// ByteCode is the folder of the entry's byte code for an interpreter, and the files in it: slash-separated paths as they have to be beside the
// entry's own. The error is fs.ErrNotExist if Compile was not called.
func (e Entry) ByteCode(interpreter string) (dir string, files []string, err error) {
	dir = e.byteCode(interpreter)
	err = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		files = append(files, filepath.ToSlash(rel))
		return err
	})
	return dir, files, err
}

func (e Entry) byteCode(interpreter string) string {
	return filepath.Join(e.dir, "bytecode", interpreter)
}

// isSource says whether a file is compiled: a .py that goes to site-packages.
func (e Entry) isSource(p string) bool {
	in, data := strings.CutPrefix(p, e.Data+"/")
	data = data && e.Data != ""
	return strings.HasSuffix(p, ".py") && (!data || strings.HasPrefix(in, "purelib/") || strings.HasPrefix(in, "platlib/"))
}

// copySources gives copies to a compiler, so that it cannot write to an environment's files.
func (e Entry) copySources(dir string) ([]string, error) {
	var files []string
	for _, f := range e.Files {
		if !e.isSource(f.Path) {
			continue
		}
		to := filepath.Join(dir, filepath.FromSlash(f.Path))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return nil, err
		}
		if err := copyFile(filepath.Join(e.Dir(), filepath.FromSlash(f.Path)), to); err != nil {
			return nil, err
		}
		files = append(files, f.Path)
	}
	return files, nil
}

// collect takes from what a compiler has left what is byte code of the entry's sources, and nothing else.
func (e Entry) collect(sources, made string) error {
	if err := os.Mkdir(made, 0o755); err != nil {
		return err
	}
	own := map[string]bool{}              // what the wheel has itself
	stems := map[string]map[string]bool{} // of sources, by the folder of their byte code
	for _, f := range e.Files {
		own[f.Path] = true
		if !e.isSource(f.Path) {
			continue
		}
		cache := path.Join(path.Dir(f.Path), "__pycache__")
		if stems[cache] == nil {
			stems[cache] = map[string]bool{}
		}
		stems[cache][strings.TrimSuffix(path.Base(f.Path), ".py")] = true
	}
	for cache, of := range stems {
		dir := filepath.Join(sources, filepath.FromSlash(cache))
		names, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, n := range names {
			if !n.Type().IsRegular() || own[cache+"/"+n.Name()] || !of[stemOf(n.Name())] {
				continue
			}
			to := filepath.Join(made, filepath.FromSlash(cache), n.Name())
			if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
				return err
			}
			if err := os.Rename(filepath.Join(dir, n.Name()), to); err != nil {
				return err
			}
			if err := os.Chmod(to, 0o444); err != nil {
				return err
			}
		}
	}
	return nil
}

// stemOf is STEM of byte code called STEM.TAG.pyc or STEM.TAG.opt-N.pyc (PEP 3147, 488), "" if it is called otherwise.
func stemOf(name string) string {
	name, ok := strings.CutSuffix(name, ".pyc")
	if !ok {
		return ""
	}
	name, _, _ = strings.Cut(name, ".opt-")
	if i := strings.LastIndexByte(name, '.'); i > 0 {
		return name[:i]
	}
	return ""
}

func isDir(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && info.IsDir()
}
