"""What an ASGI application can rely on (ASGI 3, HTTP and lifespan)."""

from __future__ import annotations

import asyncio
import contextlib
import io
import unittest
from collections.abc import Awaitable, Callable
from typing import Any

from requests_for_tests import request

from mayfly import Request, Response
from mayfly._asgi import Server
from mayfly._load import LoadError, responder

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}
END = {"type": "http.response.body", "body": b"end"}


def http_only(app: Callable[[dict[str, Any], Receive, Send], Awaitable[None]]) -> Server:
    """Return a server of an application that does not know the lifespan protocol."""

    async def wrapped(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await app(scope, receive, send)

    return Server(wrapped)


class HTTP(unittest.TestCase):
    def test_the_scope_says_what_was_sent(self) -> None:
        seen: dict[str, Any] = {}

        async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
            seen.update(scope)
            await send(START)
            await send(END)

        http_only(app)(request("post", "/gr\xfc\xdf", b"", [("X-A", "1"), ("x-a", "2")]))
        want = {
            "type": "http",
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/fn/f/gr\xfc\xdf",
            "raw_path": "/fn/f/gr\xfc\xdf".encode(),
            "query_string": b"q=1",
            "root_path": "/fn/f",
            "headers": [(b"host", b"example.org:8080"), (b"x-a", b"1"), (b"x-a", b"2")],
            "client": ("127.0.0.1", 4000),
            "server": ("127.0.0.1", 8080),
        }
        self.assertEqual({key: seen[key] for key in want}, want)
        self.assertEqual(seen["asgi"]["version"], "3.0")

    def test_the_body_comes_and_parts_go_out_in_order(self) -> None:
        async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
            body, more = b"", True
            while more:
                message = await receive()
                body += message.get("body", b"")
                more = message.get("more_body", False)
            await send({"type": "http.response.start", "status": 201, "headers": [[b"set-cookie", b"a=1"], [b"set-cookie", b"b=2"]]})
            for n in range(3):
                await asyncio.sleep(0.001)
                await send({"type": "http.response.body", "body": b"%d:%b " % (n, body), "more_body": True})
            await send({"type": "http.response.body"})

        response = http_only(app)(request("POST", "/", b"sent"))
        self.assertEqual((response.status, response.headers, response.body), (201, [("set-cookie", "a=1"), ("set-cookie", "b=2")], b"0:sent 1:sent 2:sent "))

    def test_the_client_leaves_when_the_response_is_complete(self) -> None:
        seen = []

        async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
            async def listen() -> None:
                while (message := await receive())["type"] != "http.disconnect":
                    seen.append(message["type"])
                seen.append("left")

            listening = asyncio.create_task(listen())
            await send(START)
            await asyncio.sleep(0.01)
            seen.append("sends the end")
            await send(END)
            await listening

        self.assertEqual(http_only(app)(request()).body, b"end")
        self.assertEqual(seen, ["http.request", "sends the end", "left"])

    def test_what_fails_before_the_response_is_complete_fails(self) -> None:
        async def early(scope: dict[str, Any], receive: Receive, send: Send) -> None:
            raise KeyError("early")

        async def between(scope: dict[str, Any], receive: Receive, send: Send) -> None:
            await send(START)
            raise KeyError("between")

        for app in (early, between):
            self.assertRaisesRegex(KeyError, app.__name__, http_only(app), request())

    def test_what_fails_after_the_response_goes_to_the_log(self) -> None:
        async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
            await send(START)
            await send(END)
            raise KeyError("late")

        with contextlib.redirect_stderr(io.StringIO()) as log:
            self.assertEqual(http_only(app)(request()).body, b"end")
        self.assertIn("KeyError: 'late'", log.getvalue())

    def test_mistakes_are_named(self) -> None:
        part = {**END, "more_body": True}
        for messages, want in (
            ([], "returned, and sent no http.response.start"),
            ([START, part], "returned, and ended its response with more_body"),
            ([END], "http.response.body before http.response.start"),
            ([START, START], "sent http.response.start twice"),
            ([START, END, END], ""),  # to the log, since the response stands
            ([{"type": "websocket.accept"}], "websocket.accept, which is no message of an HTTP response"),
            ([{**START, "status": "200"}], "the status '200'"),
            ([{**START, "headers": [("x", "y")]}], "must be bytes"),
        ):
            with self.subTest(want):

                async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
                    for message in messages:
                        await send(message)

                if want:
                    self.assertRaisesRegex((RuntimeError, ValueError, TypeError), want, http_only(app), request())
                    continue
                with contextlib.redirect_stderr(io.StringIO()) as log:
                    self.assertEqual(http_only(app)(request()).status, 200)
                self.assertIn("sent http.response.body after its response was complete", log.getvalue())

    def test_websockets_are_refused(self) -> None:
        async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
            raise AssertionError("it must not be asked")

        response = http_only(app)(request(headers=[("Connection", "Upgrade"), ("Upgrade", "websocket")]))
        self.assertEqual(response.status, 501)
        self.assertIn(b"WebSockets are not served by this version of Mayfly", response.body)

    def test_waiting_for_what_never_comes_is_an_error(self) -> None:
        async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
            while True:
                await receive()

        self.assertRaisesRegex(RuntimeError, "deadlock", http_only(app), request())


class Lifespan(unittest.TestCase):
    def test_startup_runs_once_and_its_state_and_tasks_are_the_requests(self) -> None:
        starts: list[str] = []

        async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
            if scope["type"] == "lifespan":
                assert (await receive())["type"] == "lifespan.startup"
                starts.append("started")
                lock = asyncio.Lock()
                scope["state"].update(lock=lock, seen=[])
                await send({"type": "lifespan.startup.complete"})
                await receive()
                starts.append("shut down")
                return
            async with scope["state"]["lock"]:
                scope["state"]["seen"].append(len(scope["state"]["seen"]))
                scope["state"]["own"] = True
            await send(START)
            await send({"type": "http.response.body", "body": repr((starts, scope["state"]["seen"], sorted(server.state))).encode()})

        server = Server(app)
        server(request())
        self.assertEqual(server(request()).body, b"(['started'], [0, 1], ['lock', 'seen'])")

    def test_startup_that_fails_refuses_the_application(self) -> None:
        async def tells(scope: dict[str, Any], receive: Receive, send: Send) -> None:
            await receive()
            await send({"type": "lifespan.startup.failed", "message": "no database"})

        async def tells_and_raises(scope: dict[str, Any], receive: Receive, send: Send) -> None:
            await receive()
            await send({"type": "lifespan.startup.failed", "message": "a traceback"})
            raise ConnectionError("no database")

        async def raises(scope: dict[str, Any], receive: Receive, send: Send) -> None:
            await receive()
            raise ConnectionError("no database")

        for app in (tells, tells_and_raises, raises):
            self.assertRaisesRegex(LoadError, r"startup \(ASGI lifespan\) failed: (ConnectionError: )?no database", Server, app)

    def test_applications_without_lifespan_are_served(self) -> None:
        async def refuses(scope: dict[str, Any], receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                raise NotImplementedError
            await send(START)
            await send(END)

        async def returns(scope: dict[str, Any], receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                await send(START)
                await send(END)

        async def unaware(scope: dict[str, Any], receive: Receive, send: Send) -> None:
            await receive()
            await send(START)
            await send(END)

        for app in (refuses, returns, unaware):
            self.assertEqual(Server(app)(request()).body, b"end")


class Detection(unittest.TestCase):
    def test_each_kind_is_served_as_what_it_is(self) -> None:
        async def asgi(scope: dict[str, Any], receive: Receive, send: Send) -> None:
            await send(START)
            await send({"type": "http.response.body", "body": b"asgi"})

        class ASGI:
            async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
                await asgi(scope, receive, send)

        class Middleware:
            def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> Awaitable[None]:
                return asgi(scope, receive, send)

        async def starred(*args: Any) -> None:
            await asgi(*args)

        def wsgi(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
            start_response("200 OK", [])
            return [b"wsgi"]

        class WSGI:
            def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
                return wsgi(environ, start_response)

        async def handler(request: Request) -> bytes:
            return b"handler"

        for name, target, want in (
            ("app", asgi, b"asgi"),
            ("serve", ASGI(), b"asgi"),
            ("application", Middleware(), b"asgi"),
            ("app", starred, b"asgi"),
            ("app", wsgi, b"wsgi"),
            ("serve", WSGI(), b"wsgi"),
            ("app", handler, b"handler"),
            ("serve", handler, b"handler"),
        ):
            with self.subTest(f"{name} {target}"):
                served = responder("main", name, target)(request())
                self.assertEqual(served.body if isinstance(served, Response) else served, want)
