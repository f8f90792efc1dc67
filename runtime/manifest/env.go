package manifest

import (
	"slices"
	"strings"
)

// ofRequest are the variables in which a wasm command finds its request: those of RFC 3875 section 4.1, and those that package cgi adds.
var ofRequest = []string{
	"AUTH_TYPE", "CONTENT_LENGTH", "CONTENT_TYPE", "GATEWAY_INTERFACE", "PATH_INFO", "PATH_TRANSLATED", "QUERY_STRING", "REMOTE_ADDR", "REMOTE_HOST",
	"REMOTE_IDENT", "REMOTE_USER", "REQUEST_METHOD", "SCRIPT_NAME", "SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL", "SERVER_SOFTWARE",
	"HTTPS", "REMOTE_PORT", "REQUEST_URI",
}

// isOfRequest reports whether a variable's name is taken for the request. A manifest that gave such a variable would have it overruled, or pass for
// what the caller has not sent; and who calls could set an HTTP_* of the function's by a header field. HTTP_PROXY is never a field's.
func isOfRequest(name string) bool {
	return slices.Contains(ofRequest, name) || strings.HasPrefix(name, "HTTP_") && name != "HTTP_PROXY"
}
