package requirement

import (
	"fmt"
	"slices"
	"strings"
)

// Specifiers is a list of specifiers that a version has to meet all: ">=1.0,!=1.3". The zero Specifiers are met by every version.
type Specifiers struct {
	list []specifier
}

type specifier struct {
	op       string
	version  Version // zero for === with what is no version
	wildcard bool    // == and != with a final .*
	text     string  // the version, as it is written out
}

// operators are tried in this order: those that begin others come later.
var operators = []string{"===", "~=", "==", "!=", "<=", ">=", "<", ">"}

// ParseSpecifiers reads a list that is separated by commas. An empty list is none. The error is a [*SyntaxError] that is [ErrSpecifier].
func ParseSpecifiers(s string) (Specifiers, error) {
	if _, err := newScanner(s, ErrSpecifier); err != nil {
		return Specifiers{}, err
	}
	var list []specifier
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimFunc(part, pythonSpace); part == "" {
			continue // a trailing comma is allowed
		}
		one, err := parseSpecifier(part)
		if err != nil {
			return Specifiers{}, err
		}
		list = append(list, one)
	}
	return Specifiers{list}, nil
}

func parseSpecifier(s string) (specifier, error) {
	bad := func(format string, args ...any) (specifier, error) {
		return specifier{}, syntaxError(ErrSpecifier, s, 0, fmt.Sprintf(format, args...))
	}
	var op string
	for _, o := range operators {
		if strings.HasPrefix(s, o) {
			op = o
			break
		}
	}
	if op == "" {
		if _, err := ParseVersion(s); err == nil {
			return bad("write ==%s for exactly this version", s)
		}
		return bad("it begins with one of == != <= >= < > ~= ===")
	}
	text := strings.TrimFunc(s[len(op):], pythonSpace)
	if op == "===" {
		if text == "" || strings.ContainsFunc(text, pythonSpace) || strings.ContainsAny(text, ";)") {
			return bad("a version without spaces, ';' or ')' is to follow ===")
		}
		v, _ := ParseVersion(text)
		return specifier{op: op, version: v, text: text}, nil
	}
	sp := specifier{op: op}
	if op == "==" || op == "!=" {
		text, sp.wildcard = strings.CutSuffix(text, ".*")
	}
	v, err := ParseVersion(text)
	if err != nil || strings.TrimFunc(text, pythonSpace) != text {
		return bad("no version follows %s", op)
	}
	sp.version, sp.text = v, v.String()
	switch {
	case sp.wildcard && (v.pre != "" || v.post || v.dev || v.local != nil):
		return bad(".* may follow numbers only: %s%s.*", op, strings.Join(v.Release(), "."))
	case op != "==" && op != "!=" && v.local != nil:
		return bad("%s cannot be asked of a local version: leave out +%s", op, v.Local())
	case op == "~=" && len(v.release) < 2:
		return bad("~= needs two numbers at least: ~=%s.0", v)
	}
	if sp.wildcard {
		sp.text += ".*"
	}
	return sp, nil
}

// String is the list in its order, without spaces.
func (s Specifiers) String() string {
	parts := make([]string, len(s.list))
	for i, sp := range s.list {
		parts[i] = sp.op + sp.text
	}
	return strings.Join(parts, ",")
}

// IsZero says whether the list is empty.
func (s Specifiers) IsZero() bool { return len(s.list) == 0 }

// And is the list that is met by what meets both.
func (s Specifiers) And(t Specifiers) Specifiers { return Specifiers{slices.Concat(s.list, t.list)} }

// Match says whether v meets all specifiers. Pre-releases are versions like others here: whether one may be taken is asked by [Specifiers.Prereleases].
func (s Specifiers) Match(v Version) bool {
	for _, sp := range s.list {
		if !sp.match(v) {
			return false
		}
	}
	return true
}

// Prereleases says whether a specifier names a pre-release, and so asks for them (PEP 440, "Handling of pre-releases").
func (s Specifiers) Prereleases() bool {
	return slices.ContainsFunc(s.list, func(sp specifier) bool {
		switch sp.op {
		case "==", ">=", "<=", "~=", "===":
			return sp.version.IsPrerelease()
		}
		return false
	})
}

// Pinned says whether one of the specifiers leaves a single version: == without .*, or ===.
func (s Specifiers) Pinned() bool {
	return slices.ContainsFunc(s.list, func(sp specifier) bool { return sp.op == "===" || sp.op == "==" && !sp.wildcard })
}

// Filter returns what of the versions meets all specifiers, in their order: pre-releases only if pre is set, the specifiers name one, or nothing
// else meets them (PEP 440, "Handling of pre-releases").
func (s Specifiers) Filter(versions []Version, pre bool) []Version {
	pre = pre || s.Prereleases()
	var found, held []Version
	for _, v := range versions {
		switch {
		case !s.Match(v):
		case v.IsPrerelease() && !pre:
			held = append(held, v)
		default:
			found = append(found, v)
		}
	}
	if len(found) == 0 {
		return held
	}
	return found
}

func (sp specifier) match(v Version) bool {
	switch sp.op {
	case "===":
		return strings.EqualFold(v.String(), sp.text)
	case "==":
		return sp.equal(v)
	case "!=":
		return !sp.equal(v)
	case "<=":
		return v.public().Compare(sp.version) <= 0
	case ">=":
		return v.public().Compare(sp.version) >= 0
	case "<": // not a pre-release of the very version
		return v.Compare(sp.version) < 0 && (sp.version.IsPrerelease() || !v.IsPrerelease() || !v.sameRelease(sp.version))
	case ">": // neither a post-release of the very version, nor a local build of it
		return v.Compare(sp.version) > 0 && (sp.version.post || !v.post || !v.sameRelease(sp.version)) &&
			(v.local == nil || !v.sameRelease(sp.version))
	}
	// ~=: at least this one, and the same but for the last number.
	return v.public().Compare(sp.version) >= 0 && v.epoch == sp.version.epoch && prefixed(v.release, sp.version.release[:len(sp.version.release)-1])
}

func (sp specifier) equal(v Version) bool {
	if sp.wildcard {
		return v.epoch == sp.version.epoch && prefixed(v.release, sp.version.release)
	}
	if sp.version.local == nil {
		v = v.public()
	}
	return v.Compare(sp.version) == 0
}

// prefixed says whether a release begins with a prefix, which may be longer: what is missing is zero.
func prefixed(release, prefix []number) bool {
	if len(release) > len(prefix) {
		release = release[:len(prefix)]
	}
	return compareRelease(release, prefix) == 0
}
