package pyenv

import (
	"context"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// contents is where in an archive the parts of a build are.
type contents struct {
	wasm   string // member
	lib    string // folder with the standard library's files, or ""
	libZip string // member with them, or ""
	minor  int    // N of lib and libZip
	bytes  int64  // of all of it, as declared
}

// survey finds the parts of a build in an archive, which is read once for it: a stream cannot tell in time whether a second
// interpreter is to come.
func survey(ctx context.Context, a *archive) (contents, error) {
	var modules, libs, zips []string
	sizes := map[string]int64{}
	note := func(names *[]string, name string, size int64) {
		if _, seen := sizes[name]; !seen {
			*names = append(*names, name)
		}
		sizes[name] += size
	}
	err := a.walk(ctx, func(m member) error {
		if lib := stdlibFolder(m.name); lib != "" {
			note(&libs, lib, m.size)
		} else if zipText.MatchString(path.Base(m.name)) {
			note(&zips, m.name, m.size)
		} else if strings.HasSuffix(m.name, ".wasm") {
			note(&modules, m.name, m.size)
		}
		return nil
	})
	if err != nil {
		return contents{}, err
	}
	if named := slices.Clone(modules); len(modules) > 1 {
		named = slices.DeleteFunc(named, func(s string) bool { return !strings.HasPrefix(path.Base(s), "python") })
		if len(named) == 1 {
			modules = named
		}
	}
	switch {
	case len(modules) == 0:
		return contents{}, detailf(ErrSource, "%s holds no .wasm file: give a build of CPython for WASI", a.shown)
	case len(modules) > 1:
		return contents{}, a.several("interpreter", modules)
	case len(libs) > 1:
		return contents{}, a.several("standard library", libs)
	case len(zips) > 1:
		return contents{}, a.several("standard library", zips)
	}
	c := contents{wasm: modules[0], bytes: sizes[modules[0]]}
	if len(libs) == 1 {
		c.lib, c.bytes = libs[0], c.bytes+sizes[libs[0]]
		c.minor = minorOf(libText, path.Base(c.lib))
	}
	if len(zips) == 1 {
		c.libZip, c.bytes = zips[0], c.bytes+sizes[zips[0]]
		if n := minorOf(zipText, path.Base(c.libZip)); c.minor != 0 && n != c.minor {
			return contents{}, a.several("standard library", []string{c.lib, c.libZip})
		} else {
			c.minor = n
		}
	}
	return c, nil
}

func (a *archive) several(what string, names []string) error {
	const most = 10
	list := strings.Join(names[:min(len(names), most)], ", ")
	if len(names) > most {
		list += ", ..."
	}
	return detailf(ErrSource, "%s has more than one file or folder that may be the %s: %s: give an archive with one of them",
		a.shown, what, list)
}

var (
	libText = regexp.MustCompile(`^python3\.([1-9][0-9]{0,2})$`)
	zipText = regexp.MustCompile(`^python3([1-9][0-9]{0,2})\.zip$`)
)

// stdlibFolder is the part of a name up to lib/python3.N, "" if it does not lie in such a folder.
func stdlibFolder(name string) string {
	parts := strings.Split(name, "/")
	for i := 1; i < len(parts)-1; i++ {
		if parts[i-1] == libName && libText.MatchString(parts[i]) {
			return strings.Join(parts[:i+1], "/")
		}
	}
	return ""
}

func minorOf(pattern *regexp.Regexp, name string) int {
	m := pattern.FindStringSubmatch(name)
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(m[1]) // at most three digits
	return n
}

// destination is the place of a member in the base, "" if it has none.
func (c contents) destination(name string) string {
	if name == c.wasm {
		return wasmName
	}
	if c.libZip != "" && name == c.libZip {
		return path.Join(libName, path.Base(name))
	}
	if rest, ok := strings.CutPrefix(name, c.lib+"/"); ok && c.lib != "" {
		return path.Join(libName, path.Base(c.lib), rest)
	}
	return ""
}
