package call

// ValidName reports whether name is a header field's name: a token of RFC 9110 section 5.6.2.
func ValidName(name string) bool {
	if name == "" {
		return false
	}
	for i := range len(name) {
		if !isToken(name[i]) {
			return false
		}
	}
	return true
}

// ValidValue reports whether value can be a header field's value: no control character but the tab (RFC 9110
// section 5.5), so that it can neither end its line nor begin another.
func ValidValue(value string) bool {
	for i := range len(value) {
		if c := value[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

func isToken(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	switch c {
	case '!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~':
		return true
	}
	return false
}
