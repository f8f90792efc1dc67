/* A function in C: CGI/1.1 (RFC 3875) by hand, with the standard library of wasi-libc. */
#include <stdio.h>
#include <stdlib.h>

int main(void) {
	char body[4096];
	size_t n = fread(body, 1, sizeof body, stdin);
	const char *method = getenv("REQUEST_METHOD");

	printf("Content-Type: text/plain; charset=utf-8\n\n");
	printf("Hello, %.*s! (%s)\n", n ? (int)n : 5, n ? body : "world", method ? method : "no method");
	return 0;
}
