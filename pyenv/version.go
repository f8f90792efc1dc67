package pyenv

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
)

// oldestMinor is the N of the oldest CPython 3.N that is installed. WASI is a supported platform (PEP 11) since 3.11.
const oldestMinor = 11

// version is a CPython version as platform.python_version() writes it: 3.12.0, 3.14.0rc2, 3.13.1+ (a build of a
// commit after 3.13.1). Versions of packages (PEP 440) are another, larger language.
type version struct {
	minor, micro int
	level        int // 0 alpha, 1 beta, 2 release candidate, 3 final
	serial       int // of the level
	after        bool
}

const levelFinal = 3

var (
	levels      = map[string]int{"a": 0, "b": 1, "rc": 2, "": levelFinal}
	levelNames  = [...]string{"a", "b", "rc"}
	versionText = regexp.MustCompile(`^3\.(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})(?:(a|b|rc)(0|[1-9][0-9]{0,2}))?(\+)?$`)
	minorText   = regexp.MustCompile(`^3\.(0|[1-9][0-9]{0,2})$`)
)

// parseVersion reads a whole version. What it takes is safe as the name of a folder on every system.
func parseVersion(s string) (version, error) {
	m := versionText.FindStringSubmatch(s)
	if m == nil {
		return version{}, detailf(ErrVersion, "%q is not a CPython version: write it as 3.12.0", s)
	}
	v := version{level: levels[m[3]], after: m[5] != ""}
	// The pattern leaves at most three digits, so none of these can fail.
	v.minor, _ = strconv.Atoi(m[1])
	v.micro, _ = strconv.Atoi(m[2])
	v.serial, _ = strconv.Atoi(m[4])
	return v, nil
}

// parseRunnable reads a whole version and refuses those that are too old.
func parseRunnable(s string) (version, error) {
	v, err := parseVersion(s)
	if err != nil {
		return version{}, err
	}
	return v, checkAge(v.minor, s)
}

func checkAge(minor int, text string) error {
	if minor < oldestMinor {
		return detailf(ErrVersion, "CPython %s is too old: a build of CPython 3.%d or newer is needed", text, oldestMinor)
	}
	return nil
}

func (v version) String() string {
	s := fmt.Sprintf("3.%d.%d", v.minor, v.micro)
	if v.level != levelFinal {
		s += levelNames[v.level] + strconv.Itoa(v.serial)
	}
	if v.after {
		s += "+"
	}
	return s
}

func (v version) compare(w version) int {
	after := func(v version) int {
		if v.after {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(v.minor, w.minor), cmp.Compare(v.micro, w.micro), cmp.Compare(v.level, w.level),
		cmp.Compare(v.serial, w.serial), cmp.Compare(after(v), after(w)))
}

// wanted is what a user asks for: any version, a series (3.12), or exactly one (3.12.0).
type wanted struct {
	any   bool
	exact bool
	version
}

func parseWanted(s string) (wanted, error) {
	if s == "" {
		return wanted{any: true}, nil
	}
	if m := minorText.FindStringSubmatch(s); m != nil {
		minor, _ := strconv.Atoi(m[1])
		return wanted{version: version{minor: minor}}, nil
	}
	v, err := parseVersion(s)
	if err != nil {
		return wanted{}, detailf(ErrVersion, "%q is not a CPython version: write it as 3.12 or 3.12.0", s)
	}
	return wanted{exact: true, version: v}, nil
}

func (w wanted) matches(v version) bool {
	switch {
	case w.any:
		return true
	case w.exact:
		return w.version == v
	}
	return w.minor == v.minor
}
