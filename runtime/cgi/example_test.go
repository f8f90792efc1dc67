package cgi_test

import (
	"fmt"

	"github.com/mayfly-faas/mayfly/runtime/call"
	"github.com/mayfly-faas/mayfly/runtime/cgi"
)

func ExampleArgs() {
	fmt.Printf("%q\n", cgi.Args(&call.Request{ScriptName: "/fn/greet", Query: "name=Zo%C3%AB&loud"}))
	// Output: ["/fn/greet" "name=Zoë" "loud"]
}

func ExampleParseResponse() {
	response, err := cgi.ParseResponse([]byte("Status: 404 Not Found\nContent-Type: text/plain\n\nnobody here"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(response.Status, response.Header.Get("Content-Type"), string(response.Body))

	_, err = cgi.ParseResponse([]byte("hello world"))
	fmt.Println(err)

	// Output:
	// 404 text/plain nobody here
	// line 1 of the output is no CGI response: "hello world" is no header field; print a line such as "Content-Type: text/plain", then an empty line, then the body
}
