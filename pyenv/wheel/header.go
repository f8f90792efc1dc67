package wheel

import "strings"

// header is the head of an e-mail, which is what METADATA and WHEEL are written as. It is read as Python's email package reads it: what
// cannot be a field ends the head. (net/mail refuses the whole file, and joins folded lines.)
type header map[string][]string // by name in lower case

var newlines = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// readHeader reads fields up to the first empty line. Bytes that are not UTF-8 become U+FFFD.
func readHeader(data []byte) (h header, body string) {
	h = header{}
	rest := newlines.Replace(strings.ToValidUTF8(string(data), "\uFFFD"))
	last, value := "", ""
	flush := func() {
		if last != "" {
			h[last] = append(h[last], strings.TrimSpace(value))
		}
	}
	defer flush()
	var folded strings.Builder // of one field, so that a long one costs no more than its length
	for rest != "" {
		line, after, _ := strings.Cut(rest, "\n")
		if line == "" {
			return h, after
		}
		if line[0] == ' ' || line[0] == '\t' {
			if last == "" {
				return h, rest
			}
			rest = after
			folded.Reset()
			folded.WriteString(value)
			folded.WriteString("\n" + line)
			for strings.HasPrefix(rest, " ") || strings.HasPrefix(rest, "\t") {
				line, rest, _ = strings.Cut(rest, "\n")
				folded.WriteString("\n" + line)
			}
			value = folded.String()
			continue
		}
		name, v, ok := strings.Cut(line, ":")
		if !ok || name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return h, rest
		}
		flush()
		last, value = strings.ToLower(name), v
		rest = after
	}
	return h, ""
}

// one is the first value of a field, "" if there is none.
func (h header) one(name string) string {
	if v := h[name]; len(v) > 0 && v[0] != "UNKNOWN" { // what old setuptools wrote for nothing
		return v[0]
	}
	return ""
}
