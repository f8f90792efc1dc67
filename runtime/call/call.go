// Package call has what one invocation of a function is made of: the request it gets, the response
// it gives, and the time that each phase of serving it took.
//
// It is shared by what receives requests (gateway), what dispatches them (runtime) and the contracts by
// which functions take them (runtime/cgi, runtime/python). It knows nothing of HTTP servers or of Wasm.
package call

import (
	"iter"
	"strings"
	"time"
)

// Field is one HTTP header field (RFC 9110 section 5). Names are compared without regard to case.
type Field struct {
	Name, Value string
}

// Header is the header fields of a message, in the order in which they were received. A name may occur more
// than once.
type Header []Field

// Get returns the value of the first field called name, "" when there is none.
func (h Header) Get(name string) string {
	for _, f := range h {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// Request is an HTTP request on its way to a function. All of its strings and its body belong to the
// invocation: nothing here points into a server's buffers.
type Request struct {
	// ID names this request in logs and in the answer (X-Request-Id).
	ID string
	// Method is the HTTP method, such as GET.
	Method string
	// ScriptName is the part of the URL's path that led to the function, such as /fn/hello
	// (SCRIPT_NAME in RFC 3875 section 4.1.13), percent-decoded.
	ScriptName string
	// Path is the rest of the path, percent-decoded: empty, or beginning with a slash (PATH_INFO in RFC 3875 section
	// 4.1.5).
	Path string
	// Query is the query as it was sent, without the question mark (QUERY_STRING).
	Query string
	// RequestURI is the request target as it was sent, path and query.
	RequestURI string
	// Proto is the protocol's name and version, such as HTTP/1.1.
	Proto string
	// Host is the Host header field's value: what the caller thinks this server is called.
	Host string
	// RemoteAddr is the caller's IP address and port, such as 127.0.0.1:4711.
	RemoteAddr string
	// ServerAddr is the address and port at which the request came in.
	ServerAddr string
	// TLS says that the request came in over TLS.
	TLS bool
	// Header has the request's header fields, Host among them.
	Header Header
	// Body is the whole body, of at most the function's limit.
	Body []byte
}

// Response is a function's answer.
type Response struct {
	// Status is the HTTP status code, from 200 to 599.
	Status int
	// Header has the header fields the function set. Fields that belong to the connection are not among them.
	Header Header
	// Body is the whole body, of at most the function's limit.
	Body []byte
}

// Phase is a part of serving a request.
type Phase int

// The phases, in the order of a request's life.
const (
	// Queue is the wait for a place under the function's concurrency limit, and for a turn.
	Queue Phase = iota
	// Load is reading from disk: the module's bytes, which are prepared, and images.
	Load
	// Compile is compiling the module, or finding it compiled in the cache on disk.
	Compile
	// Boot is starting the interpreter and loading the function into it, up to the image.
	Boot
	// Restore is getting a sandbox and bringing it to the function's image.
	Restore
	// Run is the function's own time.
	Run
	// Reset is what bringing the sandbox back to the image took, after the request before this one: nobody waited for it.
	Reset
)

// PhaseNames are the phases' names, by Phase.
var PhaseNames = [...]string{"queue", "load", "compile", "boot", "restore", "run", "reset"}

// Phases is how long each phase of one invocation took, by Phase; a phase that did not take place is zero.
type Phases [len(PhaseNames)]time.Duration

// All yields the names of the phases that took place and how long they took, in the order of a request's life.
func (p *Phases) All() iter.Seq2[string, time.Duration] {
	return func(yield func(string, time.Duration) bool) {
		for i, took := range p {
			if took > 0 && !yield(PhaseNames[i], took) {
				return
			}
		}
	}
}
