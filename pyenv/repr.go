package pyenv

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// pyRepr writes a string as Python's repr() does: https://docs.python.org/3/library/functions.html#repr.
func pyRepr(s string) string {
	quote := '\''
	if strings.ContainsRune(s, '\'') && !strings.ContainsRune(s, '"') {
		quote = '"'
	}
	var b strings.Builder
	b.WriteRune(quote)
	for _, r := range s {
		switch {
		case r == quote, r == '\\':
			b.WriteRune('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteRune(quote)
	return b.String()
}

// pyUnrepr reads what pyRepr writes. What is no such literal is taken as it is.
func pyUnrepr(s string) string {
	if len(s) < 2 || s[0] != s[len(s)-1] || s[0] != '\'' && s[0] != '"' {
		return s
	}
	var b strings.Builder
	for in := s[1 : len(s)-1]; in != ""; {
		c := in[0]
		in = in[1:]
		if c == s[0] {
			return s
		}
		if c != '\\' {
			b.WriteByte(c)
			continue
		}
		if in == "" {
			return s
		}
		c, in = in[0], in[1:]
		switch c {
		case '\'', '"', '\\':
			b.WriteByte(c)
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 't':
			b.WriteByte('\t')
		case 'x', 'u', 'U':
			n := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
			if len(in) < n {
				return s
			}
			code, err := strconv.ParseUint(in[:n], 16, 32)
			if err != nil || code > unicode.MaxRune || !utf8.ValidRune(rune(code)) {
				return s
			}
			b.WriteRune(rune(code))
			in = in[n:]
		default:
			return s
		}
	}
	return b.String()
}
