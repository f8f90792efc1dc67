package manifest

import (
	"iter"
	"strings"
)

// TopFolder returns the one folder, with a slash, that all of a bundle's files lie in, as in a zip that was made of a folder: it is left out of
// their names. "" says that there is none, or that the folder is a Python package, whose name is part of the entry; where the package has a manifest, it is
// what was deployed. What macOS adds to a zip is passed over.
func TopFolder(names iter.Seq[string]) string {
	top, isPackage, hasManifest := "", false, false
	for name := range names {
		dir, rest, ok := strings.Cut(name, "/")
		switch {
		case dir == "__MACOSX":
			continue
		case !ok, top != "" && dir+"/" != top:
			return ""
		}
		top = dir + "/"
		isPackage = isPackage || rest == "__init__.py"
		hasManifest = hasManifest || rest == FileName
	}
	if isPackage && !hasManifest {
		return ""
	}
	return top
}
