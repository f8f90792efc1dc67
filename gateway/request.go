package gateway

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/mayfly-faas/mayfly/runtime"
	"github.com/mayfly-faas/mayfly/runtime/call"
	"github.com/mayfly-faas/mayfly/runtime/manifest"
)

const (
	headerRequestID = "X-Request-Id"
	requestIDKey    = "mayfly-request-id"
	maxRequestID    = 128
)

// requestID returns the request's id: the caller's, where it is one that can be logged and sent back as it is, or a new one.
func requestID(ctx *fasthttp.RequestCtx) string {
	if id, ok := ctx.UserValue(requestIDKey).(string); ok {
		return id
	}
	id := string(ctx.Request.Header.Peek(headerRequestID))
	if !validRequestID(id) {
		var b [16]byte // as many random bits as a UUID has; the source is ChaCha8, seeded by the system
		binary.NativeEndian.PutUint64(b[:], rand.Uint64())
		binary.NativeEndian.PutUint64(b[8:], rand.Uint64())
		id = hex.EncodeToString(b[:])
	}
	ctx.SetUserValue(requestIDKey, id)
	return id
}

func validRequestID(id string) bool {
	if id == "" || len(id) > maxRequestID {
		return false
	}
	for _, c := range id {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.', c == ':', c == '/', c == '+', c == '=':
		default:
			return false
		}
	}
	return true
}

// slowest is how many bytes of a body must arrive in a second, on average, once readTimeout has passed.
const slowest = 64 << 10

// readBody reads the whole body, of at most limit bytes. What it returns belongs to the caller.
func readBody(ctx *fasthttp.RequestCtx, limit int64, what, setting string) ([]byte, error) {
	tooLarge := func(size string) error {
		return &runtime.LimitError{Kind: runtime.ErrTooLarge, Limit: what, Value: manifest.Size(limit).String(), Measured: size, Setting: setting}
	}
	announced := int64(ctx.Request.Header.ContentLength())
	if announced > limit {
		return nil, tooLarge(manifest.Size(announced).String())
	}
	stream := ctx.RequestBodyStream()
	if stream == nil {
		body := ctx.Request.Body()
		if int64(len(body)) > limit {
			return nil, tooLarge(manifest.Size(len(body)).String())
		}
		return append([]byte(nil), body...), nil
	}
	size := announced
	if size < 0 {
		size = limit
	}
	// A large body may take its time, but not for ever. A small one has readTimeout from the server.
	if size > slowest {
		if err := ctx.Conn().SetReadDeadline(time.Now().Add(readTimeout + time.Duration(size)*time.Second/slowest)); err != nil {
			return nil, &bodyError{err}
		}
	}
	body := make([]byte, 0, max(announced, 512))
	for {
		if len(body) == cap(body) {
			body = append(body, 0)[:len(body)]
		}
		n, err := stream.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case int64(len(body)) > limit:
			return nil, tooLarge("more")
		case err == io.EOF:
			return body, nil
		case err != nil:
			return nil, &bodyError{err}
		}
	}
}

// bodyError is a body that did not arrive.
type bodyError struct{ err error }

func (e *bodyError) Error() string {
	return fmt.Sprintf("the request's body cannot be read: %v", e.err)
}
func (e *bodyError) Unwrap() error { return e.err }

// newCall makes a call of a request: everything is copied here, since fasthttp uses its buffers again when the handler
// returns. scriptName and path are percent-decoded.
func newCall(ctx *fasthttp.RequestCtx, scriptName, path string, body []byte) *call.Request {
	h := &ctx.Request.Header
	method, query, target, proto, host := ctx.Method(), ctx.URI().QueryString(), h.RequestURI(), h.Protocol(), ctx.Host()
	// They are cut from one string.
	fields, size := 0, len(method)+len(query)+len(target)+len(proto)+len(host)
	for name, value := range h.All() {
		fields++
		size += len(name) + len(value)
	}
	b := make([]byte, 0, size)
	for _, part := range [...][]byte{method, query, target, proto, host} {
		b = append(b, part...)
	}
	for name, value := range h.All() {
		b = append(append(b, name...), value...)
	}
	rest := string(b)
	cut := func(like []byte) string {
		part := rest[:len(like)]
		rest = rest[len(like):]
		return part
	}
	conn := ctx.Conn().(*conn)
	r := &call.Request{
		ID: requestID(ctx), Method: cut(method), ScriptName: scriptName, Path: path, Query: cut(query), RequestURI: cut(target), Proto: cut(proto), Host: cut(host),
		RemoteAddr: conn.remote, ServerAddr: conn.local, TLS: ctx.IsTLS(), Header: make(call.Header, 0, fields), Body: body,
	}
	for name, value := range h.All() {
		r.Header = append(r.Header, call.Field{Name: cut(name), Value: cut(value)})
	}
	return r
}
