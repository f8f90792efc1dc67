package cgi

import "fmt"

// ResponseError is output that is no CGI response.
type ResponseError struct {
	// Line is the line of the output, from 1; 0 where no line is at fault.
	Line int
	// Msg says what is wrong and what would be right. It quotes at most 80 bytes of the output.
	Msg string
}

// Error implements error.
func (e *ResponseError) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("line %d of the output is no CGI response: %s", e.Line, e.Msg)
	}
	return "the output is no CGI response: " + e.Msg
}

func responseError(line int, format string, args ...any) error {
	return &ResponseError{Line: line, Msg: fmt.Sprintf(format, args...)}
}

// quote quotes what a function has written, as much of it as helps to find the place.
func quote[T string | []byte](s T) string {
	const most = 80
	if len(s) > most {
		return fmt.Sprintf("%q...", s[:most])
	}
	return fmt.Sprintf("%q", s)
}
