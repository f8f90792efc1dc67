"""What a WSGI application can rely on (PEP 3333)."""

from __future__ import annotations

import io
import sys
import unittest
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from wsgiref.validate import validator

from requests_for_tests import request

from mayfly import Response
from mayfly._wsgi import call_wsgi

Start = Callable[..., Any]
TEXT = [("Content-Type", "text/plain")]


class WSGI(unittest.TestCase):
    def call(self, app: Any, method: str = "GET", body: bytes = b"", headers: Iterable[tuple[str, str]] = (), path: str = "/") -> Response:
        return call_wsgi(app, request(method, path, body, headers))

    def test_the_validator_of_the_standard_library_has_no_complaint(self) -> None:
        def app(environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
            stream = environ["wsgi.input"]
            read = [stream.readline(), stream.read(3), *stream.readlines(), stream.read(1)]
            environ["wsgi.errors"].write("")
            environ["wsgi.errors"].writelines([])
            environ["wsgi.errors"].flush()
            write = start_response("201 Created", [*TEXT, ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
            write(b"written ")
            return environ["wsgi.file_wrapper"](io.BytesIO(b"|".join(read)), 2)

        for method in ("POST", "PUT"):
            response = self.call(
                validator(app), method, b"one\ntwo\nthree", [("Content-Type", "text/plain"), ("X-A", "1"), ("X-A", "2"), ("Cookie", "a"), ("Cookie", "b")]
            )
            self.assertEqual(response.status, 201)
            self.assertEqual(response.body, b"written one\n|two|\n|three|")
            self.assertEqual([v for n, v in response.headers if n == "Set-Cookie"], ["a=1", "b=2"])

    def test_input_is_read_in_parts_and_ends(self) -> None:
        def app(environ: dict[str, Any], start_response: Start) -> Iterator[bytes]:
            stream = environ["wsgi.input"]
            start_response("200 OK", TEXT)
            while part := stream.read(4):
                yield part + b"."
            yield str([stream.read(), stream.read(1), stream.readline(), list(stream)]).encode()

        response = self.call(app, "POST", b"0123456789")
        self.assertEqual(response.body, b"0123.4567.89.[b'', b'', b'', []]")

    def test_environ_says_what_was_sent(self) -> None:
        seen: dict[str, Any] = {}

        def app(environ: dict[str, Any], start_response: Start) -> list[bytes]:
            seen.update(environ)
            start_response("200 OK", [])
            return []

        self.call(
            app,
            "POST",
            b"abc",
            [("X-A", "1"), ("x-a", "2"), ("Cookie", "a=1"), ("Cookie", "b=2"), ("Proxy", "evil"), ("X_A", "3"), ("Transfer-Encoding", "chunked")],
            "/gr\xfc\xdf",
        )
        want = {
            "REQUEST_METHOD": "POST", "SCRIPT_NAME": "/fn/f", "PATH_INFO": "/gr\xc3\xbc\xc3\x9f", "QUERY_STRING": "q=1", "SERVER_NAME": "example.org", "SERVER_PORT": "8080",
            "CONTENT_LENGTH": "3", "HTTP_X_A": "1,2", "HTTP_COOKIE": "a=1; b=2", "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.errors": sys.stderr, "wsgi.multithread": False,
        }  # fmt: skip
        self.assertEqual({key: seen.get(key) for key in want}, want)
        self.assertNotIn("HTTP_PROXY", seen)
        self.assertNotIn("HTTP_TRANSFER_ENCODING", seen)

    def test_headers_can_be_taken_back_until_the_body_begins(self) -> None:
        def early(environ: dict[str, Any], start_response: Start) -> list[bytes]:
            start_response("200 OK", [("X-First", "1")])
            try:
                raise KeyError("k")
            except KeyError:
                start_response("500 Oops", [("X-Second", "2")], sys.exc_info())
            return [b"sorry"]

        response = self.call(early)
        self.assertEqual((response.status, response.headers, response.body), (500, [("X-Second", "2")], b"sorry"))

        def late(environ: dict[str, Any], start_response: Start) -> Iterator[bytes]:
            start_response("200 OK", [])
            yield b"begun"
            try:
                raise KeyError("k")
            except KeyError:
                start_response("500 Oops", [], sys.exc_info())

        self.assertRaisesRegex(KeyError, "k", self.call, late)

    def test_close_is_called_whatever_happens(self) -> None:
        class Body:
            closed = 0

            def __init__(self, *parts: Any) -> None:
                self.parts = parts

            def __iter__(self) -> Iterator[bytes]:
                for part in self.parts:
                    if isinstance(part, Exception):
                        raise part
                    yield part

            def close(self) -> None:
                Body.closed += 1

        def app(*parts: Any) -> Any:
            def call(environ: dict[str, Any], start_response: Start) -> Body:
                start_response("200 OK", [])
                return Body(*parts)

            return call

        self.assertEqual(self.call(app(b"a", b"", b"b")).body, b"ab")
        self.assertRaisesRegex(ValueError, "in the middle", self.call, app(b"a", ValueError("in the middle")))
        self.assertRaisesRegex(TypeError, "gave a str for its body: it must be bytes", self.call, app("text"))
        self.assertEqual(Body.closed, 3)

    def test_file_wrapper_closes_the_file(self) -> None:
        file = io.BytesIO(b"x" * 200_000)

        def app(environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
            start_response("200 OK", [])
            return environ["wsgi.file_wrapper"](file)

        self.assertEqual(len(self.call(app).body), 200_000)
        self.assertTrue(file.closed)

    def test_mistakes_are_named(self) -> None:
        def silent(environ: dict[str, Any], start_response: Start) -> list[bytes]:
            return []

        def hasty(environ: dict[str, Any], start_response: Start) -> Iterator[bytes]:
            yield b"body"
            start_response("200 OK", [])

        def twice(environ: dict[str, Any], start_response: Start) -> list[bytes]:
            start_response("200 OK", [])
            start_response("200 OK", [])
            return []

        def raw(environ: dict[str, Any], start_response: Start) -> list[bytes]:
            start_response("200 OK", [(b"X", b"1")])
            return []

        def odd(environ: dict[str, Any], start_response: Start) -> list[bytes]:
            start_response("fine", [])
            return []

        for app, error, message in (
            (silent, AssertionError, "did not call start_response"),
            (hasty, AssertionError, "body before it called start_response"),
            (twice, AssertionError, "called twice without exc_info"),
            (raw, TypeError, "name and value must be str"),
            (odd, ValueError, "status is 'fine'"),
        ):
            with self.subTest(message):
                self.assertRaisesRegex(error, message, self.call, app)

    def test_start_response_may_come_with_the_first_part(self) -> None:
        def app(environ: dict[str, Any], start_response: Start) -> Iterator[bytes]:
            yield b""
            start_response("204 No Content", [])
            yield b""

        response = self.call(app, "HEAD")
        self.assertEqual((response.status, response.body), (204, b""))
