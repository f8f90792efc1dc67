// Package manifest reads mayfly.toml, in which a function says what it is and what it needs.
package manifest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
)

// FileName is what the manifest is called, at the top of a function's folder.
const FileName = "mayfly.toml"

// Isolation says what a request finds of those before it.
type Isolation string

const (
	// Fresh gives each request memory as it was when the function had been loaded. It is the default.
	Fresh Isolation = "fresh"
	// Reuse keeps memory and /tmp from one request to the next.
	Reuse Isolation = "reuse"
)

// Manifest is what a mayfly.toml says. Every key is optional; zero stands for the server's default.
type Manifest struct {
	// Name is what the function is called where deploying does not say.
	Name string `toml:"name" json:"name,omitempty"`
	// Entry is a Python entry ("module:name" or "file.py"), or the path of the .wasm file in the folder.
	Entry string `toml:"entry" json:"entry,omitempty"`
	// Memory bounds the linear memory of a sandbox.
	Memory Size `toml:"memory" json:"memory,omitempty"`
	// Timeout bounds a request's wall-clock time.
	Timeout Duration `toml:"timeout" json:"timeout,omitempty"`
	// CPU bounds the time in which a request computes.
	CPU Duration `toml:"cpu" json:"cpu,omitempty"`
	// Env is the environment that the function finds.
	Env map[string]string `toml:"env" json:"env,omitempty"`
	// Isolation is "fresh" or "reuse".
	Isolation Isolation `toml:"isolation" json:"isolation,omitempty"`
	// Concurrency bounds how many requests are served at a time.
	Concurrency int `toml:"concurrency" json:"concurrency,omitempty"`
	// Queue bounds how many requests wait when that many are served.
	Queue int `toml:"queue" json:"queue,omitempty"`
	// MaxRequest and MaxResponse bound the bodies.
	MaxRequest  Size `toml:"max_request" json:"max_request,omitempty"`
	MaxResponse Size `toml:"max_response" json:"max_response,omitempty"`
	// Tmp bounds what a request can keep in /tmp.
	Tmp Size `toml:"tmp" json:"tmp,omitempty"`
	// Image says how the image of a Python function is made.
	Image Image `toml:"image" json:"image,omitzero"`
}

// Image is the table [image].
type Image struct {
	// Warmup has requests that the function serves before its image is taken, as "/path?query" or "METHOD /path?query".
	Warmup []string `toml:"warmup" json:"warmup,omitempty"`
	// Timeout bounds importing the function and warming it up.
	Timeout Duration `toml:"timeout" json:"timeout,omitempty"`
}

// Warmup splits a request of Image.Warmup.
func Warmup(text string) (method, path, query string) {
	method, target, ok := strings.Cut(text, " ")
	if !ok {
		method, target = "GET", text
	}
	path, query, _ = strings.Cut(target, "?")
	return method, path, query
}

var warmupSyntax = regexp.MustCompile(`^([A-Z]+ )?/[!-~]*$`)

// maxWarmups bounds Image.Warmup.
const maxWarmups = 100

// Error says what is wrong with a manifest, at which line.
type Error struct {
	// Line counts from 1; 0 where the error belongs to no line.
	Line int
	// Msg says what is wrong and what would be right.
	Msg string
}

// Error implements error.
func (e *Error) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("%s:%d: %s", FileName, e.Line, e.Msg)
	}
	return fmt.Sprintf("%s: %s", FileName, e.Msg)
}

// wrongType is how the decoder says that a value is of another type than its key.
var wrongType = regexp.MustCompile(`^cannot (?:decode TOML|store an?) (\w[\w ]*) (?:into (?:.* of type )?|in an? )(\S+)$`)

// types are what users call the types of keys that have another name in Go or in TOML.
var types = map[string]string{
	"int": "integer", "map[string]string": "table of strings", "[]string": "array of strings", "manifest.Isolation": "string",
	"manifest.Image": "table", "struct": "table", "inline table": "table", "array table": "array of tables",
}

// Parse reads a manifest. Its errors are *Error.
func Parse(text []byte) (*Manifest, error) {
	if err := checkWritten(text); err != nil {
		return nil, err
	}
	const unset = math.MinInt // 0 is a mistake, unless nothing is there
	var m Manifest
	for _, c := range m.counts() {
		*c.value = unset
	}
	dec := toml.NewDecoder(strings.NewReader(string(text)))
	dec.DisallowUnknownFields()
	err := dec.Decode(&m)
	if strict, ok := errors.AsType[*toml.StrictMissingError](err); ok {
		return nil, unknownKey(strict.Errors[0])
	}
	if syntax, ok := errors.AsType[*toml.DecodeError](err); ok {
		line, _ := syntax.Position()
		msg := strings.TrimPrefix(syntax.Error(), "toml: ")
		if found := wrongType.FindStringSubmatch(msg); found != nil {
			is, must := cmp.Or(types[found[1]], found[1]), cmp.Or(types[found[2]], found[2])
			msg = fmt.Sprintf("its value must be of type %s, and this is of type %s", must, is)
			if must == "string" && (is == "integer" || is == "float" || is == "boolean") {
				msg += ": put it in quotes"
			}
		}
		if key := syntax.Key(); len(key) > 0 && !strings.Contains(msg, strings.Join(key, ".")) {
			msg = strings.Join(key, ".") + ": " + msg
		}
		return nil, &Error{Line: line, Msg: msg}
	}
	if err != nil {
		return nil, &Error{Msg: strings.TrimPrefix(err.Error(), "toml: ")}
	}
	for _, c := range m.counts() {
		switch *c.value {
		case 0:
			return nil, c.refuse()
		case unset:
			*c.value = 0
		}
	}
	if err := m.validate(); err != nil {
		return nil, err
	}
	return &m, nil
}

var nameSyntax = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// CheckName returns an error that says what is wrong with name as a function's name. Names are DNS labels (RFC 1123): at
// most 63 lower-case letters, digits and dashes, with no dash at the ends.
func CheckName(name string) error {
	if !nameSyntax.MatchString(name) {
		return fmt.Errorf("%.80q cannot be a function's name: use 1 to 63 lower-case letters, digits and dashes, with no dash at the ends", name)
	}
	return nil
}

// count is a key whose value is a number, from 1 to max.
type count struct {
	key   string
	value *int
	max   int
}

func (m *Manifest) counts() []count {
	return []count{{"concurrency", &m.Concurrency, 10_000}, {"queue", &m.Queue, 1_000_000}}
}

func (c count) refuse() error {
	return &Error{Msg: fmt.Sprintf("%s = %d: it must be from 1 to %d", c.key, *c.value, c.max)}
}

func (m *Manifest) validate() error {
	if m.Name != "" {
		if err := CheckName(m.Name); err != nil {
			return &Error{Msg: "name: " + err.Error()}
		}
	}
	if m.Isolation != "" && m.Isolation != Fresh && m.Isolation != Reuse {
		return &Error{Msg: fmt.Sprintf("isolation = %q: it must be \"fresh\" or \"reuse\"", string(m.Isolation))}
	}
	if strings.ContainsRune(m.Entry, 0) || strings.HasPrefix(m.Entry, "/") || slices.Contains(strings.Split(m.Entry, "/"), "..") {
		return &Error{Msg: fmt.Sprintf("entry = %q: it must name a module or a file in the folder", m.Entry)}
	}
	for _, c := range m.counts() {
		if *c.value < 0 || *c.value > c.max {
			return c.refuse()
		}
	}
	for key, value := range map[string]Duration{"timeout": m.Timeout, "cpu": m.CPU, "image.timeout": m.Image.Timeout} {
		if value < 0 || time.Duration(value) > maxTimeout {
			return &Error{Msg: fmt.Sprintf("%s = %q: it must be more than 0 and at most %s", key, value, Duration(maxTimeout))}
		}
	}
	if m.Timeout > 0 && m.CPU > m.Timeout {
		return &Error{Msg: fmt.Sprintf("cpu = %q is more than timeout = %q: a request cannot compute for longer than it may last", m.CPU, m.Timeout)}
	}
	for _, s := range []struct {
		key   string
		value Size
	}{{"memory", m.Memory}, {"max_request", m.MaxRequest}, {"max_response", m.MaxResponse}, {"tmp", m.Tmp}} {
		if s.value < 0 || s.value > maxSize {
			return &Error{Msg: fmt.Sprintf("%s = %q: it must be more than 0 and at most %s", s.key, s.value, Size(maxSize))}
		}
	}
	if len(m.Image.Warmup) > maxWarmups {
		return &Error{Msg: fmt.Sprintf("image.warmup has %d requests: at most %d are served", len(m.Image.Warmup), maxWarmups)}
	}
	for _, w := range m.Image.Warmup {
		if !warmupSyntax.MatchString(w) {
			return &Error{Msg: fmt.Sprintf("image.warmup: %.80q is no request: write a path such as \"/\" or \"/items?x=1\", and in front of it the method where it is not GET: \"POST /items\"", w)}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(m.Env)) {
		if key == "" || strings.ContainsAny(key, "=\x00") || strings.ContainsRune(m.Env[key], 0) {
			return &Error{Msg: fmt.Sprintf("env: %.80q cannot be in an environment: a name has no \"=\", and neither has a NUL", key)}
		}
		if isOfRequest(key) {
			return &Error{Msg: fmt.Sprintf("env: %.80q is a name by which CGI/1.1 tells of a request (RFC 3875): give the variable another", key)}
		}
	}
	return nil
}
