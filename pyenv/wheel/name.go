package wheel

import (
	"fmt"
	"regexp"
	"strings"

	"deps.dev/util/pypi"
)

// FileName is what a wheel's file name says: NAME-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl.
// https://packaging.python.org/specifications/binary-distribution-format/#file-name-convention
type FileName struct {
	File    string // the name itself
	Project string // as written; see [NormalName]
	Version string // as written
	Build   Build
	Tags    []Tag // the sets of tags expanded
}

// Build orders wheels of the same version. The zero value, which is before all others, is a wheel without one.
type Build struct {
	Number int
	Suffix string
}

// Tag says what a wheel runs on (PEP 425).
type Tag struct {
	Python, ABI, Platform string
}

func (t Tag) String() string { return t.Python + "-" + t.ABI + "-" + t.Platform }

const maxTags = 1000 // of one wheel; real ones have a few

var (
	projectPattern = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)
	versionPattern = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._+!]*[A-Za-z0-9])?$`)
	tagPattern     = regexp.MustCompile(`^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*$`)
)

// ParseFileName reads the name of a wheel. The error is [ErrName].
func ParseFileName(name string) (FileName, error) {
	if len(name) > maxName {
		return FileName{}, notName(name, "it is longer than 255 bytes")
	}
	stem, ok := strings.CutSuffix(name, ".whl")
	if !ok {
		return FileName{}, notName(name, "it does not end in .whl")
	}
	parts := strings.Split(stem, "-")
	if len(parts) != 5 && len(parts) != 6 {
		return FileName{}, notName(name, fmt.Sprintf("it has %d parts between dashes, not 5 or 6", len(parts)))
	}
	combinations := 1
	for _, set := range parts[len(parts)-3:] {
		if !tagPattern.MatchString(set) {
			return FileName{}, notName(name, fmt.Sprintf("%q is no tag", set))
		}
		combinations *= 1 + strings.Count(set, ".")
	}
	switch {
	case !projectPattern.MatchString(parts[0]):
		return FileName{}, notName(name, fmt.Sprintf("%q is no project's name", parts[0]))
	case !versionPattern.MatchString(parts[1]):
		return FileName{}, notName(name, fmt.Sprintf("%q is no version", parts[1]))
	case combinations > maxTags:
		return FileName{}, notName(name, fmt.Sprintf("it stands for %d tags", combinations))
	}
	info, err := pypi.ParseWheelName(name)
	if err != nil {
		return FileName{}, notName(name, err.Error())
	}
	f := FileName{File: name, Project: info.Name, Version: info.Version, Build: Build{info.BuildTag.Num, info.BuildTag.Tag}}
	for _, t := range info.Platforms {
		f.Tags = append(f.Tags, Tag{strings.ToLower(t.Python), strings.ToLower(t.ABI), strings.ToLower(t.Platform)})
	}
	return f, nil
}

func notName(name, why string) error {
	return refuse(ErrName, "", "%.300q is not the name of a wheel: %s (wheels are named NAME-VERSION-PYTHON-ABI-PLATFORM.whl)", name, why)
}

// Pure says whether the wheel is for any platform, so that it has no native code.
func (f FileName) Pure() bool {
	for _, t := range f.Tags {
		if t.ABI != "none" || t.Platform != "any" {
			return false
		}
	}
	return true
}

// NormalName is a project's name as the index has it, by which names are compared (PEP 503).
func NormalName(project string) string { return pypi.CanonPackageName(project) }

// sameVersion compares a version in a file name, where dashes are written as underscores, with the same elsewhere.
func sameVersion(a, b string) bool {
	normal := func(v string) string { return pypi.CanonVersion(strings.ReplaceAll(strings.TrimSpace(v), "_", "-")) }
	return normal(a) == normal(b)
}
