package cgi

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/mayfly-faas/mayfly/runtime/call"
)

// ResponseError is output that is no CGI response.
type ResponseError struct {
	// Line is the line of the output, from 1; 0 where no line is at fault.
	Line int
	// Msg says what is wrong and what would be right.
	Msg string
}

// Error implements error.
func (e *ResponseError) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("line %d of the output is no CGI response: %s", e.Line, e.Msg)
	}
	return "the output is no CGI response: " + e.Msg
}

const example = `print a line such as "Content-Type: text/plain", then an empty line, then the body`

// ParseResponse reads a command's standard output (RFC 3875 section 6): header lines, ended by LF or CRLF, an empty line, the body.
// Status names the status, which is otherwise 200, or 302 where there is a Location: unlike in section 6.2.2, a local one too, since the caller
// and not the function is to follow it. Output that begins with the empty line has no header and is a body alone.
//
// The body is a part of out. Header fields of the connection are left out. Errors are *ResponseError.
func ParseResponse(out []byte) (*call.Response, error) {
	if len(out) == 0 {
		return nil, &ResponseError{Msg: "there is none; " + example}
	}
	r := &call.Response{}
	location := false
	rest := out
	length := -1
	for line := 1; ; line++ {
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			if line == 1 {
				return nil, notHeader(line, rest)
			}
			return nil, &ResponseError{Line: line, Msg: "the header does not end: an empty line must come before the body"}
		}
		text := bytes.TrimSuffix(rest[:end], []byte("\r"))
		rest = rest[end+1:]
		if len(text) == 0 {
			break
		}
		name, value, ok := strings.Cut(string(text), ":")
		value = strings.Trim(value, " \t")
		switch {
		case !ok || !call.ValidName(name):
			return nil, notHeader(line, text)
		case !call.ValidValue(value):
			return nil, &ResponseError{Line: line, Msg: fmt.Sprintf("the value of %s holds a control character", name)}
		case strings.EqualFold(name, "Status"):
			if r.Status != 0 {
				return nil, &ResponseError{Line: line, Msg: "Status is there twice"}
			}
			var err error
			if r.Status, err = parseStatus(line, value); err != nil {
				return nil, err
			}
			continue
		case strings.EqualFold(name, "Content-Length"):
			n, err := strconv.Atoi(value)
			if err != nil || n < 0 {
				return nil, &ResponseError{Line: line, Msg: fmt.Sprintf("Content-Length is %.40q", value)}
			}
			length = n
			continue
		case strings.EqualFold(name, "Location"):
			location = true
		}
		if !call.ConnectionField(name) {
			r.Header = append(r.Header, call.Field{Name: name, Value: value})
		}
	}
	// A response to HEAD may announce a body that it does not send.
	if length >= 0 && length != len(rest) && len(rest) > 0 {
		return nil, &ResponseError{Msg: fmt.Sprintf("Content-Length is %d and the body has %d bytes", length, len(rest))}
	}
	if r.Status == 0 {
		r.Status = 200
		if location {
			r.Status = 302
		}
	}
	r.Body = rest
	return r, nil
}

func notHeader(line int, text []byte) error {
	return &ResponseError{Line: line, Msg: fmt.Sprintf("%.80q is no header field; %s", text, example)}
}

// parseStatus reads "404 Not Found" or "404".
func parseStatus(line int, value string) (int, error) {
	code, _, _ := strings.Cut(value, " ")
	status, err := strconv.Atoi(code)
	if err != nil || len(code) != 3 || status < 200 || status > 599 {
		return 0, &ResponseError{Line: line, Msg: fmt.Sprintf("Status is %.40q: it must begin with a number from 200 to 599, such as \"404 Not Found\"", value)}
	}
	return status, nil
}
