package wheel

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxPath = 1024 // bytes of a path
	maxName = 255  // bytes of an element, as most file systems have it
	maxDeep = 64   // elements
)

// CheckPath says why a relative path with slashes is not safe to write on one system or another, or "" if it is. The answer continues a
// sentence that begins with the path.
func CheckPath(p string) string {
	switch {
	case p == "":
		return "is empty"
	case len(p) > maxPath:
		return "is longer than 1024 bytes"
	case !utf8.ValidString(p):
		return "is not UTF-8"
	case p[0] == '/':
		return "is absolute"
	case strings.Contains(p, "\\"):
		return "has a backslash, which parts folders on Windows"
	case strings.Contains(p, ":"):
		return "has a colon, which names a drive or a stream on Windows"
	case strings.ContainsFunc(p, unicode.IsControl):
		return "has a control character"
	case strings.Count(p, "/") >= maxDeep:
		return "is deeper than 64 folders"
	}
	for name := range strings.SplitSeq(p, "/") {
		switch {
		case name == "":
			return "has an empty element"
		case name == ".." || name == ".":
			return "has an element " + name + ", which leads elsewhere"
		case len(name) > maxName:
			return "has an element longer than 255 bytes"
		case strings.HasSuffix(name, ".") || strings.HasSuffix(name, " "):
			return "has an element that ends in a dot or a blank, which Windows leaves out"
		case isDevice(name):
			return "has the name of a device on Windows"
		}
	}
	return ""
}

// isDevice knows the names that Windows takes for devices, with any extension.
// https://learn.microsoft.com/windows/win32/fileio/naming-a-file
func isDevice(name string) bool {
	stem, _, _ := strings.Cut(name, ".")
	switch stem = strings.ToUpper(strings.TrimRight(stem, " ")); stem {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	for _, port := range []string{"COM", "LPT"} {
		if n, ok := strings.CutPrefix(stem, port); ok && utf8.RuneCountInString(n) == 1 && strings.ContainsAny(n, "0123456789¹²³") {
			return true
		}
	}
	return false
}

// pathSet is the paths of a wheel. Those that differ by case alone clash, as they do on macOS and Windows.
type pathSet struct {
	seen    map[string]seenPath // by folded path
	folders int
	limit   int // of folders
}

type seenPath struct {
	path   string
	folder bool
}

func newPathSet(limit int) *pathSet { return &pathSet{seen: map[string]seenPath{}, limit: limit} }

// add says what is wrong with a path, by itself or with those before: an [*Error] without the path.
func (s *pathSet) add(p string, folder bool) error {
	if why := CheckPath(p); why != "" {
		return refuse(ErrUnsafe, "", "%s", why)
	}
	if dir := path.Dir(p); dir != "." {
		if err := s.addFolder(dir); err != nil {
			return err
		}
	}
	if folder {
		return s.addFolder(p)
	}
	key := fold(p)
	old, ok := s.seen[key]
	s.seen[key] = seenPath{p, false}
	switch {
	case !ok:
		return nil
	case old.folder:
		return refuse(ErrUnsafe, "", "is a file and a folder")
	case old.path == p:
		return refuse(ErrUnsafe, "", "is there twice")
	}
	return refuse(ErrUnsafe, "", "is the same file as %q where case does not count", old.path)
}

func (s *pathSet) addFolder(p string) error {
	for ; p != "."; p = path.Dir(p) {
		key := fold(p)
		old, ok := s.seen[key]
		switch {
		case ok && !old.folder:
			return refuse(ErrUnsafe, "", "needs a folder where %q is a file", old.path)
		case ok && old.path != p:
			return refuse(ErrUnsafe, "", "is in the same folder as %q where case does not count", old.path)
		case ok:
			return nil
		}
		s.seen[key] = seenPath{p, true}
		if s.folders++; s.folders > s.limit {
			return refuse(ErrLimit, "", "is in one folder too many")
		}
	}
	return nil
}

// fold brings together what differs by case. By upper case first, since more letters than one may have the same.
func fold(p string) string { return strings.ToLower(strings.ToUpper(p)) }
