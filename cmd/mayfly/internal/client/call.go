package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Call is a request to a function.
type Call struct {
	Function string
	Method   string
	// Path comes after the function's name: empty, or beginning with a slash or a question mark.
	Path   string
	Header http.Header
	// Body is what is sent; nil for none.
	Body []byte
}

// Answer is what a function, or the server in its place, has answered.
type Answer struct {
	Function string
	Proto    string
	Status   int
	Header   http.Header
	Body     []byte
	// Cold says that the server had nothing ready for the function.
	Cold bool
	// Phases are those the server reports to have taken place, in its order.
	Phases []Phase
	// Took is the time from the request to the last byte of the answer.
	Took time.Duration
	// Problem is not nil where the server answered and not the function.
	Problem *Problem
}

// TotalMS returns how long the phases took together, in milliseconds, but reset, which is over before the call comes.
func (a *Answer) TotalMS() float64 {
	var ms float64
	for _, p := range a.Phases {
		if p.Name != "reset" {
			ms += p.MS
		}
	}
	return ms
}

// request makes the HTTP request of a call. Its error is the caller's mistake.
func (c *Client) request(ctx context.Context, call Call) (*http.Request, error) {
	if call.Path != "" && !strings.HasPrefix(call.Path, "/") && !strings.HasPrefix(call.Path, "?") {
		return nil, fmt.Errorf("the path %.200q must begin with a slash or a question mark", call.Path)
	}
	u, err := url.Parse(c.FunctionURL(call.Function) + call.Path)
	if err != nil {
		return nil, fmt.Errorf("the path %.200q cannot be part of a URL", call.Path)
	}
	if u.Fragment != "" {
		return nil, fmt.Errorf("the path %.200q has a fragment, which is never sent: write # as %%23", call.Path)
	}
	var body io.Reader
	if call.Body != nil {
		body = bytes.NewReader(call.Body)
	}
	req, err := http.NewRequestWithContext(ctx, call.Method, u.String(), body)
	if err != nil {
		return nil, fmt.Errorf("%.40q is not an HTTP method", call.Method)
	}
	if call.Header != nil {
		req.Header = call.Header.Clone()
	}
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
	}
	if req.Header.Get("Content-Type") == "" && len(call.Body) > 0 && json.Valid(call.Body) {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// Check returns an error that says what is wrong with a call, without sending it.
func (c *Client) Check(call Call) error {
	_, err := c.request(context.Background(), call)
	return err
}

// Call calls a function. An answer of any status is no error.
func (c *Client) Call(ctx context.Context, call Call) (*Answer, error) {
	req, err := c.request(ctx, call)
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	resp, err := c.do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	return &Answer{
		Function: call.Function, Took: time.Since(begin), Proto: resp.Proto, Status: resp.StatusCode, Header: resp.Header, Body: body,
		Cold:   resp.Header.Get("X-Mayfly-Start") == "cold",
		Phases: parseTiming(resp.Header.Values("Server-Timing")), Problem: parseProblem(resp.Header, body),
	}, nil
}
