package main

import (
	"io"
	"net/http"
	"net/textproto"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mayfly-faas/mayfly/cmd/mayfly/internal/client"
)

// requestFlags say what is sent to a function.
type requestFlags struct {
	data, method, path string
	header             []string
}

func (r *requestFlags) addTo(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVarP(&r.data, "data", "d", "", "send this `text` as the body; @FILE sends a file, @- standard input")
	flags.StringVarP(&r.method, "method", "X", "", "the HTTP `method` (default: POST with --data, else GET)")
	flags.StringVar(&r.path, "path", "", "what comes after the function's name in the URL, such as `/x?y=z`")
	flags.StringArrayVarP(&r.header, "header", "H", nil, "send the header field `'Name: value'`; may be repeated")
}

// call makes a call of the flags. Standard input is read where they say so.
func (r *requestFlags) call(cmd *cobra.Command, a *app, c *client.Client, function string) (client.Call, error) {
	call := client.Call{Function: function, Method: http.MethodGet, Path: r.path, Header: http.Header{}}
	for _, field := range r.header {
		name, value, ok := strings.Cut(field, ":")
		value = textproto.TrimString(value)
		if !ok || strings.ContainsFunc(name, notToken) || name == "" || strings.ContainsAny(value, "\r\n\x00") {
			return call, usage(cmd, "%.80q is not a header field: write it like -H 'Name: value'", field)
		}
		call.Header.Add(name, value)
	}
	if cmd.Flags().Changed("data") {
		call.Method = http.MethodPost
		var err error
		if call.Body, err = r.body(a.stdin); err != nil {
			return call, usage(nil, "--data: %v", err)
		}
	}
	if r.method != "" {
		call.Method = r.method
	}
	if err := c.Check(call); err != nil {
		return call, usage(cmd, "%v", err)
	}
	return call, nil
}

func (r *requestFlags) body(stdin io.Reader) ([]byte, error) {
	file, ok := strings.CutPrefix(r.data, "@")
	switch {
	case !ok:
		return []byte(r.data), nil
	case file == "-":
		return io.ReadAll(stdin)
	}
	return os.ReadFile(file)
}

// notToken reports whether r cannot be in a field's name (RFC 9110 section 5.6.2).
func notToken(r rune) bool {
	return r <= ' ' || r > '~' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
}
