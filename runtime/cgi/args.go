package cgi

import (
	"net/url"
	"strings"

	"github.com/mayfly-faas/mayfly/runtime/call"
)

// Args returns a command's arguments: the script's name, then each pair of the query in its order as key=value, as with WAGI. Unlike
// WAGI's they are decoded, as form fields are: %20 and + are spaces. A pair that cannot be decoded, or that would have a NUL in it, at which
// arguments end in WASI, is passed as it was sent.
//
// The caller of a function chooses its arguments: a command that takes options must not trust them.
func Args(r *call.Request) []string {
	args := []string{withoutNUL(r.ScriptName)}
	for pair := range strings.SplitSeq(r.Query, "&") {
		if pair == "" {
			continue
		}
		if decoded, err := url.QueryUnescape(pair); err == nil && !strings.Contains(decoded, "\x00") {
			pair = decoded
		}
		args = append(args, withoutNUL(pair))
	}
	return args
}
