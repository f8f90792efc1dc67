package requirement

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// scanner walks over a text that is being read. Positions are bytes.
type scanner struct {
	text string
	pos  int
	kind error // the sentinel of its errors
}

func newScanner(s string, kind error) (*scanner, error) {
	if len(s) > maxText {
		return nil, &SyntaxError{Kind: kind, Text: s[:32] + "...", Problem: fmt.Sprintf("it is longer than %d bytes", maxText)}
	}
	if !utf8.ValidString(s) {
		return nil, &SyntaxError{Kind: kind, Text: s, Problem: "it is not UTF-8"}
	}
	return &scanner{text: s, kind: kind}, nil
}

func (sc *scanner) done() bool { return sc.pos == len(sc.text) }

func (sc *scanner) while(is func(byte) bool) string {
	start := sc.pos
	for sc.pos < len(sc.text) && is(sc.text[sc.pos]) {
		sc.pos++
	}
	return sc.text[start:sc.pos]
}

func (sc *scanner) space() bool { return sc.while(isSpace) != "" }

// isSpace is what PEP 508 calls wsp, and the line ends that come with text from TOML.
func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func (sc *scanner) accept(s string) bool {
	if strings.HasPrefix(sc.text[sc.pos:], s) {
		sc.pos += len(s)
		return true
	}
	return false
}

// word accepts s where no letter, digit or '_' follows.
func (sc *scanner) word(s string) bool {
	rest, ok := strings.CutPrefix(sc.text[sc.pos:], s)
	if !ok || rest != "" && (alphanumeric(rest[0]) || rest[0] == '_' || rest[0] == '.') {
		return false
	}
	sc.pos += len(s)
	return true
}

func (sc *scanner) errorf(format string, args ...any) error {
	return syntaxError(sc.kind, sc.text, sc.pos, fmt.Sprintf(format, args...))
}
