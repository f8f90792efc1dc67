// Command hello is a function in Go that needs no library: the request is in the environment and on standard input, the response
// goes to standard output (CGI/1.1, RFC 3875).
package main

import (
	"fmt"
	"io"
	"os"
)

func main() {
	name, err := io.ReadAll(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, "read body:", err) // standard error is the log
		os.Exit(1)
	}
	if len(name) == 0 {
		name = []byte("world")
	}
	fmt.Print("Content-Type: text/plain; charset=utf-8\n\n")
	fmt.Printf("Hello, %s! You sent a %s to %s%s.\n", name, os.Getenv("REQUEST_METHOD"), os.Getenv("SCRIPT_NAME"), os.Getenv("PATH_INFO"))
}
