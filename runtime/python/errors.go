package python

import (
	"errors"
	"fmt"
)

var (
	// ErrResponse is what a call fails with when the guest's answer cannot be sent.
	ErrResponse = errors.New("the function's answer is not a response")
	// ErrTooLarge is what a call fails with when the response is larger than its limit.
	ErrTooLarge = errors.New("the function's response is too large")
)

// Failure is a call that the function ended by an exception.
type Failure struct {
	// Kind is "exception", "exit" (SystemExit) or "memory" (MemoryError).
	Kind string
	// Type is the exception's class, such as ValueError; Message is its text.
	Type, Message string
	// Traceback is what CPython would have printed, from the function's own first frame.
	Traceback string
}

// Error implements error.
func (f *Failure) Error() string {
	switch {
	case f.Kind == "memory":
		return "MemoryError"
	case f.Message == "":
		return f.Type
	}
	return fmt.Sprintf("%s: %s", f.Type, f.Message)
}

// LoadError says why a function could not be loaded: it is the author's to mend.
type LoadError struct {
	// Kind is "load" (no entry), "syntax", "import" (an exception while it was imported), "memory", or "exit".
	Kind string
	// Message says what is wrong; Traceback, where there is one, says where.
	Message, Traceback string
}

// Error implements error.
func (e *LoadError) Error() string {
	switch e.Kind {
	case "syntax":
		return "not valid Python: " + e.Message
	case "import":
		return "importing the function raised " + e.Message
	case "memory":
		return "importing the function ran out of memory: raise memory in mayfly.toml"
	}
	return e.Message
}
