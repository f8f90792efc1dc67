package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// problemBase begins the types of the problems that Mayfly itself reports.
const problemBase = "https://mayfly.dev/problems/"

// Problem is a problem details object (RFC 9457) that a server has answered with.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	// Trace is the function's traceback, where the server tells it.
	Trace     string   `json:"trace"`
	Imports   []string `json:"imports"`
	RequestID string   `json:"request_id"`
}

// Kind returns the end of the type by which Mayfly's problems are told apart, such as "not-found".
func (p *Problem) Kind() string { return strings.TrimPrefix(p.Type, problemBase) }

// Error implements error.
func (p *Problem) Error() string {
	if p.Detail == "" {
		return p.Title
	}
	return p.Detail
}

// ErrAnswer occurs when a function has answered with a status of 400 or above.
var ErrAnswer = errors.New("the function answered with an error")

// answerError is an ErrAnswer whose text says which answer.
type answerError struct{ text string }

func (e *answerError) Error() string { return e.text }
func (e *answerError) Unwrap() error { return ErrAnswer }

// Err returns nil for an answer whose status is below 400, else the server's Problem, or an ErrAnswer where the function itself has
// answered so.
func (a *Answer) Err() error {
	switch {
	case a.Status < http.StatusBadRequest:
		return nil
	case a.Problem != nil:
		return a.Problem
	}
	return &answerError{strings.TrimSpace(fmt.Sprintf("%s answered %d %s", a.Function, a.Status, http.StatusText(a.Status)))}
}

// parseProblem returns the problem that an answer tells of, nil where it is none of Mayfly's own.
func parseProblem(header http.Header, body []byte) *Problem {
	if !strings.HasPrefix(header.Get("Content-Type"), "application/problem+json") {
		return nil
	}
	var p Problem
	if json.Unmarshal(body, &p) != nil || !strings.HasPrefix(p.Type, problemBase) {
		return nil
	}
	return &p
}

// unreachableError is an ErrUnreachable whose text is for the user.
type unreachableError struct {
	text  string
	cause error
}

func (e *unreachableError) Error() string   { return e.text }
func (e *unreachableError) Unwrap() []error { return []error{ErrUnreachable, e.cause} }

// unreachable says why a request had no answer.
func (c *Client) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	// The method and the URL in front of it say nothing that the user does not know.
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	text := fmt.Sprintf("the server at %s did not answer: %v", c.base, err)
	if dial, ok := errors.AsType[*net.OpError](err); ok && dial.Op == "dial" {
		text = fmt.Sprintf("no mayfly server at %s: start one with `mayfly serve`, or name another with --url", c.base)
		if dns, ok := errors.AsType[*net.DNSError](err); ok {
			text += fmt.Sprintf(" (%v)", dns)
		}
	}
	return &unreachableError{text, err}
}

// stranger is the error for an answer that no Mayfly server gives.
func (c *Client) stranger(resp *http.Response) error {
	what := resp.Status
	if kind := resp.Header.Get("Content-Type"); kind != "" {
		what += ", " + kind
	}
	return &unreachableError{fmt.Sprintf("what answers at %s is not a mayfly server (%.200s): name another with --url", c.base, what), nil}
}
