// Package requirement reads what Python projects say they need: versions and specifiers (PEP 440), requirements with extras, URLs and markers (PEP 508),
// requirements.txt as pip has it, pyproject.toml (PEP 621, PEP 735) and the blocks of single-file scripts (PEP 723).
//
// [Parse] reads one requirement, [ReadFile] a requirements.txt, [ParseProject] a pyproject.toml, [ParseScript] a script. A [Marker] is evaluated for an
// [Environment], which need not be this machine's: [WASI] is that of the sandbox.
//
// # Why no library
//
// deps.dev/util/semver (2026-07) orders some versions unlike PEP 440: for it 1.0a1 equals 1.0a1.post0, 1.0.post1+a equals 1.0.post1+b, 1.0a18446744073709551617 comes
// before 1.0a1, and the epoch 256 is an error. deps.dev/util/pypi reads no URLs, and takes "fl ask" and "-flask>=1" for requirements. The markers of deps.dev/util/resolve
// are evaluated for one machine that is compiled in. For github.com/aquasecurity/go-pep440-version, the other library, 1 does not match ==1.0.*, nor 1.4.6 ~=1.4.5a4. What is here
// is checked against pip's own library on a table and at random (packaging_test.go).
package requirement

import (
	"net/url"
	"slices"
	"strings"
)

// maxText bounds the bytes of one requirement, marker or list of specifiers. pip has no limit; the longest on PyPI is far below.
const maxText = 64 << 10

// Requirement is what PEP 508 calls a dependency specifier: a name, and what is said of it.
type Requirement struct {
	Name       string     // as it was written; [Normalize] makes it comparable
	Extras     []string   // normalized, sorted, each once
	Specifiers Specifiers // none if any version will do, or URL is set
	URL        string     // where exactly to get it from; may contain credentials: show it by [RedactURL]
	Marker     Marker     // zero if it is always needed
}

// Parse reads a requirement. The error is a [*SyntaxError] that is [ErrRequirement].
func Parse(s string) (Requirement, error) {
	sc, err := newScanner(s, ErrRequirement)
	if err != nil {
		return Requirement{}, err
	}
	var r Requirement
	sc.space()
	if r.Name = sc.while(nameByte); !validName(r.Name) {
		return Requirement{}, sc.errorf("a name begins and ends with a letter or digit, and has only those, '.', '_' and '-'")
	}
	sc.space()
	if sc.accept("[") {
		if r.Extras, err = sc.extras(); err != nil {
			return Requirement{}, err
		}
	}
	sc.space()
	switch {
	case sc.accept("@"):
		sc.space()
		if r.URL = sc.while(func(c byte) bool { return c > ' ' }); r.URL == "" {
			return Requirement{}, sc.errorf("a URL is to follow '@'")
		}
		if u, err := url.Parse(r.URL); err != nil || u.Scheme == "" {
			// The parser's own text would repeat the URL, and with it any password.
			return Requirement{}, &SyntaxError{Kind: ErrRequirement, Text: r.Name + " @ ...", Problem: "the URL after '@' cannot be read: write it as https://HOST/PATH"}
		}
	case sc.accept("://"):
		return Requirement{}, sc.errorf("a URL needs a name in front of it: NAME @ URL")
	case sc.accept("("):
		text := sc.while(func(c byte) bool { return c != ')' })
		if !sc.accept(")") {
			return Requirement{}, sc.errorf("a ')' is missing")
		}
		if r.Specifiers, err = ParseSpecifiers(text); err != nil {
			return Requirement{}, err
		}
	default:
		if r.Specifiers, err = ParseSpecifiers(sc.while(func(c byte) bool { return c != ';' })); err != nil {
			return Requirement{}, err
		}
	}
	sc.space()
	if sc.accept(";") {
		if r.Marker.root, err = sc.markerOr(0); err != nil {
			return Requirement{}, err
		}
		sc.space()
	}
	if !sc.done() {
		if r.URL != "" {
			return Requirement{}, sc.errorf("after a URL, write a space before ';'")
		}
		return Requirement{}, sc.errorf("nothing of this may follow here")
	}
	return r, nil
}

// Key is the normalized name.
func (r Requirement) Key() string { return Normalize(r.Name) }

// String writes the requirement so that [Parse] reads it back. A URL is written with the credentials it has.
func (r Requirement) String() string { return r.write(r.URL) }

// Redacted is String without the credentials of a URL: for people and logs.
func (r Requirement) Redacted() string { return r.write(RedactURL(r.URL)) }

func (r Requirement) write(url string) string {
	var b strings.Builder
	b.WriteString(r.Name)
	if len(r.Extras) > 0 {
		b.WriteString("[" + strings.Join(r.Extras, ",") + "]")
	}
	if url != "" {
		b.WriteString(" @ " + url)
	}
	b.WriteString(r.Specifiers.String())
	if !r.Marker.IsZero() {
		if url != "" {
			b.WriteByte(' ') // a URL may end in ';'
		}
		b.WriteString("; " + r.Marker.String())
	}
	return b.String()
}

// RedactURL is the URL without what may be a secret: user and password, query and fragment. It is "(a URL)" if it cannot be read.
func RedactURL(s string) string {
	if s == "" {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || u.Opaque != "" {
		return "(a URL)"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}

// Normalize makes names comparable: lower case, and a single '-' for each run of '-', '_' and '.' (PEP 503).
func Normalize(name string) string {
	var b strings.Builder
	run := false
	for _, c := range []byte(name) {
		if c == '-' || c == '_' || c == '.' {
			if !run {
				b.WriteByte('-')
			}
			run = true
			continue
		}
		run = false
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		b.WriteByte(c)
	}
	return b.String()
}

func (sc *scanner) extras() ([]string, error) {
	var extras []string
	for {
		sc.space()
		if len(extras) == 0 && sc.accept("]") {
			return nil, nil
		}
		name := sc.while(nameByte)
		if !validName(name) {
			return nil, sc.errorf("the name of an extra is to come here")
		}
		extras = append(extras, Normalize(name))
		sc.space()
		if sc.accept("]") {
			slices.Sort(extras)
			return slices.Compact(extras), nil
		}
		if !sc.accept(",") {
			return nil, sc.errorf("extras are separated by ',' and end with ']'")
		}
	}
}

func alphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func nameByte(c byte) bool { return alphanumeric(c) || c == '-' || c == '_' || c == '.' }

func validName(s string) bool {
	for i := range len(s) {
		if !nameByte(s[i]) {
			return false
		}
	}
	return s != "" && alphanumeric(s[0]) && alphanumeric(s[len(s)-1])
}
