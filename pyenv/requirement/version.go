package requirement

import (
	"cmp"
	"slices"
	"strings"
)

// maxVersion bounds the bytes of a version.
const maxVersion = 1024

// Version is a version by PEP 440. The zero Version is no version.
type Version struct {
	epoch   number
	release []number
	pre     string // "a", "b", "rc", or "" for none
	preN    number
	post    bool
	postN   number
	dev     bool
	devN    number
	local   []string // lower case
	text    string   // normalized
}

// number is a decimal number of any length, without leading zeros. The empty one is zero.
type number string

func parseNumber(digits string) number { return number(strings.TrimLeft(digits, "0")) }

func (n number) compare(m number) int {
	return cmp.Or(cmp.Compare(len(n), len(m)), strings.Compare(string(n), string(m)))
}

func (n number) String() string {
	if n == "" {
		return "0"
	}
	return string(n)
}

// ParseVersion reads a version in any of the spellings that PEP 440 allows ("v1.0-Alpha_2"). The error is a [*SyntaxError] that is [ErrVersion].
func ParseVersion(s string) (Version, error) {
	if len(s) > maxVersion {
		return Version{}, &SyntaxError{Kind: ErrVersion, Text: s[:32] + "...", Problem: "it is longer than 1024 bytes"}
	}
	sc := scanner{text: strings.ToLower(strings.TrimFunc(s, pythonSpace)), kind: ErrVersion}
	v, ok := sc.version()
	if !ok || !sc.done() {
		return Version{}, syntaxError(ErrVersion, s, sc.pos, "write it as 1.2.3, 1.2.3rc1, 1.2.3.post1 or 1.2.3.dev1")
	}
	return v, nil
}

// MustVersion is ParseVersion for constants. It panics on what is no version.
func MustVersion(s string) Version {
	v, err := ParseVersion(s)
	if err != nil {
		panic(err)
	}
	return v
}

// String is the normalized spelling: "1.0a2".
func (v Version) String() string { return v.text }

// IsZero says whether v is no version.
func (v Version) IsZero() bool { return len(v.release) == 0 }

// IsPrerelease says whether v is an alpha, beta, candidate or development release.
func (v Version) IsPrerelease() bool { return v.pre != "" || v.dev }

// Local is what follows '+', or "".
func (v Version) Local() string { return strings.Join(v.local, ".") }

// Release returns the numbers of the release: as many as were written.
func (v Version) Release() []string {
	r := make([]string, len(v.release))
	for i, n := range v.release {
		r[i] = n.String()
	}
	return r
}

// Compare orders versions as PEP 440 does: negative if v comes before w, 0 if they are the same version.
func (v Version) Compare(w Version) int {
	if c := cmp.Or(v.epoch.compare(w.epoch), compareRelease(v.release, w.release)); c != 0 {
		return c
	}
	if c := cmp.Or(cmp.Compare(v.preRank(), w.preRank()), v.preN.compare(w.preN)); c != 0 {
		return c
	}
	if v.post != w.post { // without one comes first
		return less(w.post)
	}
	if c := v.postN.compare(w.postN); c != 0 {
		return c
	}
	if v.dev != w.dev { // with one comes first
		return less(v.dev)
	}
	return cmp.Or(v.devN.compare(w.devN), compareLocal(v.local, w.local))
}

// less is -1 if the first of two is less.
func less(first bool) int {
	if first {
		return -1
	}
	return 1
}

// preRank puts 1.0.dev1 before 1.0a1, and 1.0 after 1.0rc1.
func (v Version) preRank() int {
	switch {
	case v.pre == "" && !v.post && v.dev:
		return 0
	case v.pre == "a":
		return 1
	case v.pre == "b":
		return 2
	case v.pre == "rc":
		return 3
	}
	return 4
}

func compareRelease(a, b []number) int {
	for i := range max(len(a), len(b)) {
		var m, n number
		if i < len(a) {
			m = a[i]
		}
		if i < len(b) {
			n = b[i]
		}
		if c := m.compare(n); c != 0 {
			return c
		}
	}
	return 0
}

// compareLocal puts letters before numbers, and the shorter of two that begin alike first.
func compareLocal(a, b []string) int {
	return slices.CompareFunc(a, b, func(x, y string) int {
		xn, yn := numeric(x), numeric(y)
		switch {
		case xn && yn:
			return parseNumber(x).compare(parseNumber(y))
		case xn != yn:
			return less(yn)
		}
		return strings.Compare(x, y)
	})
}

func numeric(s string) bool { return strings.Trim(s, "0123456789") == "" }

func digit(c byte) bool { return '0' <= c && c <= '9' }

// public is v without its local part.
func (v Version) public() Version {
	if len(v.local) == 0 {
		return v
	}
	v.local = nil
	return v.normalized()
}

// sameRelease says whether v and w differ only in what follows the numbers.
func (v Version) sameRelease(w Version) bool {
	return v.epoch == w.epoch && compareRelease(v.release, w.release) == 0
}

func (v Version) normalized() Version {
	var b strings.Builder
	if v.epoch != "" {
		b.WriteString(v.epoch.String() + "!")
	}
	b.WriteString(strings.Join(v.Release(), "."))
	if v.pre != "" {
		b.WriteString(v.pre + v.preN.String())
	}
	if v.post {
		b.WriteString(".post" + v.postN.String())
	}
	if v.dev {
		b.WriteString(".dev" + v.devN.String())
	}
	if len(v.local) > 0 {
		b.WriteString("+" + v.Local())
	}
	v.text = b.String()
	return v
}

// version reads as far as a version goes. The text is in lower case.
func (sc *scanner) version() (Version, bool) {
	var v Version
	sc.accept("v")
	first := sc.while(digit)
	if first == "" {
		return v, false
	}
	if sc.accept("!") {
		v.epoch = parseNumber(first)
		if first = sc.while(digit); first == "" {
			return v, false
		}
	}
	v.release = []number{parseNumber(first)}
	for {
		at := sc.pos
		if !sc.accept(".") {
			break
		}
		n := sc.while(digit)
		if n == "" {
			sc.pos = at
			break
		}
		v.release = append(v.release, parseNumber(n))
	}
	if name, n, ok := sc.suffix("alpha", "a", "beta", "b", "preview", "pre", "c", "rc"); ok {
		v.pre, v.preN = map[string]string{"alpha": "a", "beta": "b", "preview": "rc", "pre": "rc", "c": "rc"}[name], n
		if v.pre == "" {
			v.pre = name
		}
	}
	if at := sc.pos; sc.accept("-") {
		if n := sc.while(digit); n != "" {
			v.post, v.postN = true, parseNumber(n)
		} else {
			sc.pos = at
		}
	}
	if !v.post {
		_, v.postN, v.post = sc.suffix("post", "rev", "r")
	}
	_, v.devN, v.dev = sc.suffix("dev")
	if at := sc.pos; sc.accept("+") {
		for {
			part := sc.while(alphanumeric)
			if part == "" {
				sc.pos = at
				v.local = nil
				break
			}
			if numeric(part) {
				part = parseNumber(part).String()
			}
			v.local = append(v.local, part)
			at = sc.pos
			if !sc.accept(".") && !sc.accept("-") && !sc.accept("_") {
				break
			}
		}
	}
	return v.normalized(), true
}

// suffix reads [-_.]?NAME[-_.]?N?, and nothing if it is not there.
func (sc *scanner) suffix(names ...string) (name string, n number, ok bool) {
	at := sc.pos
	sc.separator()
	for _, name := range names {
		if !sc.accept(name) {
			continue
		}
		end := sc.pos
		sc.separator()
		digits := sc.while(digit)
		if digits == "" {
			sc.pos = end
		}
		return name, parseNumber(digits), true
	}
	sc.pos = at
	return "", "", false
}

func (sc *scanner) separator() {
	if !sc.accept("-") && !sc.accept("_") {
		sc.accept(".")
	}
}

// pythonSpace is what \s is in the regular expressions of PEP 440.
func pythonSpace(r rune) bool {
	return r == ' ' || '\t' <= r && r <= '\r' || 0x1c <= r && r <= 0x1f
}
