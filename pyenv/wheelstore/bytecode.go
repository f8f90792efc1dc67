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

// ByteCode is the folder of the entry's byte code, which is compiled if it is not there, and the files in it: slash-separated paths as they
// have to be beside the entry's files. interpreter says what c compiles for, such as a digest of its build: letters, digits, dots, dashes.
// The caller holds the store.
func (s Store) ByteCode(ctx context.Context, e Entry, interpreter string, c Compiler) (dir string, files []string, err error) {
	if !interpreterPattern.MatchString(interpreter) {
		return "", nil, fmt.Errorf("byte code cannot be kept for an interpreter called %q: use letters, digits, dots and dashes", interpreter)
	}
	dir = filepath.Join(e.dir, "bytecode", interpreter)
	files, err = list(dir)
	if err == nil {
		return dir, files, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", nil, err
	}
	stage, err := os.MkdirTemp(s.Dir, tempPrefix)
	if err != nil {
		return "", nil, err
	}
	defer os.RemoveAll(stage)
	made := filepath.Join(stage, "made")
	if err := e.compile(ctx, filepath.Join(stage, "sources"), made, c); err != nil {
		return "", nil, fmt.Errorf("compile %s: %w", e.FileName, err)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", nil, err
	}
	if err := os.Rename(made, dir); err != nil && !isDir(dir) { // somebody else's is as good
		return "", nil, err
	}
	files, err = list(dir)
	return dir, files, err
}

// compile gives copies of the sources to c, so that it cannot write to an environment's files, and takes from it what is byte code of theirs.
func (e Entry) compile(ctx context.Context, sources, made string, c Compiler) error {
	if err := os.Mkdir(made, 0o755); err != nil {
		return err
	}
	var files []string
	own := map[string]bool{}              // what the wheel has itself
	stems := map[string]map[string]bool{} // of sources, by the folder of their byte code
	for _, f := range e.Files {
		own[f.Path] = true
		if !strings.HasSuffix(f.Path, ".py") || e.Data != "" && strings.HasPrefix(f.Path, e.Data+"/") && !e.isLib(f.Path) {
			continue
		}
		to := filepath.Join(sources, filepath.FromSlash(f.Path))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := copyFile(filepath.Join(e.Dir(), filepath.FromSlash(f.Path)), to); err != nil {
			return err
		}
		files = append(files, f.Path)
		cache := path.Join(path.Dir(f.Path), "__pycache__")
		if stems[cache] == nil {
			stems[cache] = map[string]bool{}
		}
		stems[cache][strings.TrimSuffix(path.Base(f.Path), ".py")] = true
	}
	if len(files) == 0 {
		return nil
	}
	if err := c.Compile(ctx, sources, files); err != nil {
		return err
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

// isLib says whether a file of .data goes to site-packages.
func (e Entry) isLib(p string) bool {
	return strings.HasPrefix(p, e.Data+"/purelib/") || strings.HasPrefix(p, e.Data+"/platlib/")
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

func list(dir string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		files = append(files, filepath.ToSlash(rel))
		return err
	})
	return files, err
}

func isDir(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && info.IsDir()
}
