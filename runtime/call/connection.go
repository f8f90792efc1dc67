package call

import "strings"

// ConnectionField reports whether a header field called name speaks of the connection or the message's framing (RFC 9110 section 7.6.1, RFC
// 9112 section 6). The server sets these itself; a function's are not sent on.
func ConnectionField(name string) bool {
	for _, f := range [...]string{
		"Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Content-Length",
	} {
		if strings.EqualFold(name, f) {
			return true
		}
	}
	return false
}
