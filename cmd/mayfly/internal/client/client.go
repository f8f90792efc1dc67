// Package client speaks to a Mayfly server: to its management API, and to the functions it serves.
//
// A Client is made by New. Its methods return a *Problem for what the server refuses, and an error that is ErrUnreachable
// where there was no server to answer.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// ErrUnreachable occurs when nothing answers at the server's address, or what answers is not Mayfly.
var ErrUnreachable = errors.New("server not reachable")

// maxAnswer bounds what is read of a management answer. Logs and function bodies are not bounded by it.
const maxAnswer = 64 << 20

// Client speaks to one server. It may be used by many goroutines at once.
type Client struct {
	base  string // scheme, host and port, without a slash at the end
	token string
	http  *http.Client
}

// New returns a client of the server at the http or https URL address. The token, which may be empty, is shown to the management
// API only, never to a function.
func New(address, token string) (*Client, error) {
	u, err := url.Parse(strings.TrimRight(address, "/"))
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return nil, fmt.Errorf("%.200q is not a server's URL: write it like http://127.0.0.1:8080", address)
	case u.User != nil:
		return nil, errors.New("a server's URL has no user and no password: give the token with --token or MAYFLY_TOKEN")
	case u.Path != "" || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("%.200q has more than a server's address: write it like %s://%s", address, u.Scheme, u.Host)
	}
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New("the token has characters that no token has: spaces, line ends or letters outside ASCII")
	}
	return &Client{
		base: u.Scheme + "://" + u.Host, token: token,
		// A redirect is a function's answer like others; and the token goes nowhere else.
		http: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}, nil
}

// WithConnections returns a client of the same server that has at most n connections of its own, and keeps all of them for further requests.
func (c *Client) WithConnections(n int) *Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost, transport.MaxConnsPerHost = n, n, n
	own := *c.http
	own.Transport = transport
	return &Client{base: c.base, token: c.token, http: &own}
}

// URL returns the server's address, such as http://127.0.0.1:8080.
func (c *Client) URL() string { return c.base }

// FunctionURL returns the URL at which a function is called.
func (c *Client) FunctionURL(name string) string { return c.base + "/fn/" + url.PathEscape(name) }

// Close lets go of the connections that are kept for further requests.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// manage sends a request to the management API and returns the answer, whose status is 2xx and whose body is the caller's to close.
func (c *Client) manage(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+"/v1/"+path, body)
	if err != nil {
		return nil, err
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	if p := parseProblem(resp.Header, text); p != nil {
		return nil, p
	}
	return nil, c.stranger(resp)
}

// exchange sends in as JSON, where it is not nil, and reads the answer's JSON into out, where that is not nil.
func (c *Client) exchange(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	return c.receive(ctx, method, path, body, out)
}

func (c *Client) receive(ctx context.Context, method, path string, body io.Reader, out any) error {
	resp, err := c.manage(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return c.unreachable(ctx, err)
	}
	if out == nil {
		return nil
	}
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		return c.stranger(resp)
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("read the answer of %s: %w", c.base, err)
	}
	return nil
}

func (c *Client) do(req *http.Request) (*http.Response, error) {
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(req.Context(), err)
	}
	return resp, nil
}
