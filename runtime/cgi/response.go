package cgi

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/mayfly-faas/mayfly/runtime/call"
)

const example = `print a line such as "Content-Type: text/plain", then an empty line, then the body`

// ParseResponse reads a command's standard output (RFC 3875 section 6): header lines, ended by LF or CRLF, an empty line, the body.
//
// Status names the status, as "404 Not Found" or "404" and from 200 to 599. Without one it is 200, or 302 where there is a Location: a local
// one too, which section 6.2.2 would have the server follow. Output that begins with the empty line has no header and is a body alone.
// Content-Type may be missing; none is made up for it (section 6.3.1).
//
// Fields of the connection are left out, Content-Length among them. One that disagrees with the body is an error, unless the body is
// empty: the answer to a HEAD request announces what it does not send. Errors are *ResponseError. The response's body is a part of out.
func ParseResponse(out []byte) (*call.Response, error) {
	if len(out) == 0 {
		return nil, responseError(0, "it is empty; %s", example)
	}
	p := parser{response: &call.Response{}, length: -1}
	for rest := out; ; {
		p.line++
		text, after, ended := bytes.Cut(rest, []byte("\n"))
		text = bytes.TrimSuffix(text, []byte("\r"))
		if ended && len(text) == 0 {
			return p.finish(after)
		}
		if len(text) > 0 {
			if err := p.field(text); err != nil {
				return nil, err
			}
		}
		if !ended {
			return nil, responseError(p.line, "the output ends within its header: an empty line must end the header, and the body follows")
		}
		rest = after
	}
}

// parser is what is known of a response so far.
type parser struct {
	response *call.Response
	line     int
	length   int64 // Content-Length; -1 if there is none
	location bool
}

func (p *parser) field(text []byte) error {
	name, value, ok := strings.Cut(string(text), ":")
	value = strings.Trim(value, " \t")
	switch {
	case !ok || !call.ValidName(name):
		return responseError(p.line, "%s is no header field; %s", quote(text), example)
	case !call.ValidValue(value):
		return responseError(p.line, "%s has a control character in its value, which no header field may have", quote(text))
	case strings.EqualFold(name, "Status"):
		return p.status(value)
	case strings.EqualFold(name, "Content-Length"):
		return p.contentLength(value)
	case call.ConnectionField(name):
		return nil
	case strings.EqualFold(name, "Location"):
		p.location = p.location || value != ""
	}
	p.response.Header = append(p.response.Header, call.Field{Name: name, Value: value})
	return nil
}

func (p *parser) status(value string) error {
	code, _, _ := strings.Cut(value, " ")
	status, err := strconv.Atoi(code)
	switch {
	case p.response.Status != 0:
		return responseError(p.line, "Status is there twice; one status must do")
	case err != nil || len(code) != 3 || status < 200 || status > 599:
		return responseError(p.line, "Status is %s: it must begin with a number from 200 to 599, such as \"404 Not Found\"", quote(value))
	}
	p.response.Status = status
	return nil
}

func (p *parser) contentLength(value string) error {
	n, err := strconv.ParseUint(value, 10, 63)
	switch {
	case err != nil:
		return responseError(p.line, "Content-Length is %s: it must be a number of bytes, or be left out", quote(value))
	case p.length >= 0 && p.length != int64(n):
		return responseError(p.line, "Content-Length is %d, and %d further up: leave it out", n, p.length)
	}
	p.length = int64(n)
	return nil
}

func (p *parser) finish(body []byte) (*call.Response, error) {
	if p.length >= 0 && p.length != int64(len(body)) && len(body) > 0 {
		return nil, responseError(0, "Content-Length is %d and the body has %d bytes: leave Content-Length out, the server sets it", p.length, len(body))
	}
	r := p.response
	switch {
	case r.Status != 0:
	case p.location:
		r.Status = 302
	default:
		r.Status = 200
	}
	r.Body = body
	return r, nil
}
