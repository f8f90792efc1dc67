package python

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/mayfly-faas/mayfly/runtime/call"
)

// A request goes to the guest as one frame of little-endian u32s and bytes: where the body begins, the lengths of the other parts, those parts, and the
// body. sdk/mayfly/_request.py reads it, and decodes only the parts that the function asks for. The parts, in order: method, path, query, script name,
// request URI, protocol, host, remote address, server address, scheme, id, header fields (name NUL value NUL ...).

// appendRequest appends a request's frame to b.
func appendRequest(b []byte, r *call.Request) []byte {
	scheme := "http"
	if r.TLS {
		scheme = "https"
	}
	parts := [...]string{r.Method, r.Path, r.Query, r.ScriptName, r.RequestURI, r.Proto, r.Host, r.RemoteAddr, r.ServerAddr, scheme, r.ID}
	headerSize := 0
	for _, f := range r.Header {
		headerSize += len(f.Name) + len(f.Value) + 2
	}
	start := len(b)
	b = append(b, 0, 0, 0, 0)
	for _, part := range parts {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(part)))
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(headerSize))
	for _, part := range parts {
		b = append(b, part...)
	}
	for _, f := range r.Header {
		b = append(b, f.Name...)
		b = append(b, 0)
		b = append(b, f.Value...)
		b = append(b, 0)
	}
	binary.LittleEndian.PutUint32(b[start:], uint32(len(b)-start))
	return append(b, r.Body...)
}

// responseHead is the size of what a response's frame begins with: status, and length of the header block. The header fields follow
// (name NUL value NUL ...), in latin-1, and the body.
const responseHead = 8

// frameRoom is what a frame may have beside the body: its head, 64 KiB of header fields, or a failure with its traceback.
const frameRoom = 160 << 10

// parseResponse reads the frame that a guest answered with. What it wrote is not to be trusted: errors say what is wrong
// with it. A *Failure tells that the function failed.
func parseResponse(b []byte) (*call.Response, error) {
	if len(b) == 0 {
		return nil, fmt.Errorf("%w: it ended without one", ErrResponse)
	}
	if len(b) < responseHead {
		return nil, fmt.Errorf("%w: %d bytes are no frame", ErrResponse, len(b))
	}
	status := binary.LittleEndian.Uint32(b)
	headerSize := uint64(binary.LittleEndian.Uint32(b[4:]))
	b = b[responseHead:]
	if uint64(len(b)) < headerSize {
		return nil, fmt.Errorf("%w: a frame of %d bytes announces %d of header fields", ErrResponse, len(b), headerSize)
	}
	block, body := b[:headerSize], b[headerSize:]
	if status == 0 {
		return nil, parseFailure(body)
	}
	if status < 200 || status > 599 {
		return nil, fmt.Errorf("%w: status %d is not from 200 to 599", ErrResponse, status)
	}
	header, err := parseHeader(block)
	if err != nil {
		return nil, err
	}
	return &call.Response{Status: int(status), Header: header, Body: bytes.Clone(body)}, nil
}

func parseHeader(block []byte) (call.Header, error) {
	if len(block) == 0 {
		return nil, nil
	}
	parts := strings.Split(strings.TrimSuffix(string(block), "\x00"), "\x00")
	if len(parts)%2 != 0 {
		return nil, fmt.Errorf("%w: a header field has no value", ErrResponse)
	}
	var header call.Header
	for i := 0; i < len(parts); i += 2 {
		name, value := parts[i], parts[i+1]
		switch {
		case !call.ValidName(name):
			return nil, fmt.Errorf("%w: %.80q is no name for a header field", ErrResponse, name)
		case !call.ValidValue(value):
			return nil, fmt.Errorf("%w: header field %s has the value %.80q, which holds a control character", ErrResponse, name, value)
		case call.ConnectionField(name):
			// The server speaks for the connection.
		default:
			header = append(header, call.Field{Name: name, Value: value})
		}
	}
	return header, nil
}

// parseFailure reads what sdk/mayfly/_serve.py says of a failed call: kind, exception type, message, traceback.
func parseFailure(body []byte) error {
	parts := strings.SplitN(string(body), "\x00", 4)
	if len(parts) != 4 {
		return fmt.Errorf("%w: a failure of %d parts", ErrResponse, len(parts))
	}
	return &Failure{Kind: parts[0], Type: parts[1], Message: parts[2], Traceback: parts[3]}
}
