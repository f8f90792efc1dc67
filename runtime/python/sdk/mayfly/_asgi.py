"""An ASGI 3 server for one request at a time.

The request's body has arrived when the application is called: it is one http.request message. The response goes out as a whole when the application has
returned: what it sends is kept in order until then, and what it does after its last message, such as Starlette's background tasks, is waited for. The client
is taken to be there until the response is complete; then receive tells http.disconnect.

Startup (the lifespan protocol) runs once, before the function's image is taken, and each request begins with what it has left: the event loop too, with its
tasks. Shutdown never comes, since sandboxes end without a word.
"""

from __future__ import annotations

import asyncio
import sys

from mayfly._load import LoadError
from mayfly._request import _HEADERS, _PATH, _QUERY, _REMOTE, _SCHEME, _SCRIPT, _SERVER, _URI, Request
from mayfly._response import Response
from mayfly._serve import format_traceback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping
    from typing import Any, TypeAlias

    Message: TypeAlias = MutableMapping[str, Any]
    Receive: TypeAlias = Callable[[], Awaitable[Message]]
    Send: TypeAlias = Callable[[Message], Awaitable[None]]
    ASGIApplication: TypeAlias = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

VERSIONS = {"version": "3.0", "spec_version": "2.4"}


class Server:
    """Serves an application, in one event loop."""

    def __init__(self, app: ASGIApplication) -> None:
        self.app = app
        self.state: dict[str, Any] = {}
        self.loop = asyncio.new_event_loop()
        self.lifespan = Lifespan(app, self.state)
        self.loop.run_until_complete(self.lifespan.start())
        self.whole_path = whole_path()

    def __call__(self, request: Request) -> Response:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return Response(501, None, "WebSockets are not served by this version of Mayfly: a sandbox lives for one request. Use HTTP requests.\n")
        exchange = Exchange(request.body)
        scope = make_scope(request, self.whole_path)
        scope["state"] = self.state.copy()
        return self.loop.run_until_complete(exchange.run(self.app, scope))


def whole_path() -> bool:
    """Tell whether the scope's path begins with root_path, as the specification has it. Starlette up to 0.32 routes by the path as it is, and expects it without."""
    return "starlette" not in sys.modules or hasattr(sys.modules.get("starlette._utils"), "get_route_path")


def make_scope(request: Request, whole: bool) -> dict[str, Any]:
    """Return the scope of an HTTP request."""
    root, path = request._text(_SCRIPT), request._text(_PATH) or "/"
    block = request._part(_HEADERS).split(b"\0")
    return {
        "type": "http",
        "asgi": VERSIONS,
        "http_version": "1.1",
        "method": request.method.upper(),
        "scheme": "https" if request._part(_SCHEME) == b"https" else "http",
        "path": root + path if whole else path,
        "raw_path": request._part(_URI).partition(b"?")[0],
        "query_string": request._part(_QUERY),
        "root_path": root,
        "headers": [(name.lower(), value) for name, value in zip(block[0:-1:2], block[1::2])],
        "client": address(request._text(_REMOTE)),
        "server": address(request._text(_SERVER)),
        "extensions": {},
    }


def address(text: str) -> tuple[str, int]:
    """Return host and port of HOST:PORT."""
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port or 0)


class Exchange:
    """One request, and the response as it comes."""

    def __init__(self, body: bytes) -> None:
        self.body: bytes | None = body  # None when the application has it
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self.chunks: list[bytes] = []
        self.complete = asyncio.Event()

    async def run(self, app: ASGIApplication, scope: dict[str, Any]) -> Response:
        """Call the application, and return its response."""
        try:
            await app(scope, self.receive, self.send)
        except Exception as error:
            if not self.complete.is_set():
                raise
            # The response stands: Starlette raises what it has answered with 500, and a background task may fail.
            sys.stderr.write(format_traceback(error))
        if not self.complete.is_set():
            what = "ended its response with more_body" if self.status else "sent no http.response.start"
            raise RuntimeError(f"the ASGI application returned, and {what}")
        response = Response.__new__(Response)
        response.status, response.headers, response.body = self.status, self.headers, b"".join(self.chunks)
        return response

    async def receive(self) -> Message:
        """Give the application the request's body, and then, when the response is complete, the client's leaving."""
        if self.body is None:
            await self.complete.wait()
            return {"type": "http.disconnect"}
        body, self.body = self.body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Message) -> None:
        """Take a part of the response."""
        kind = message["type"]
        if self.complete.is_set():
            raise RuntimeError(f"the ASGI application sent {kind} after its response was complete")
        if kind == "http.response.start":
            if self.status:
                raise RuntimeError("the ASGI application sent http.response.start twice")
            status = message["status"]
            if not isinstance(status, int) or not 200 <= status <= 599:
                raise ValueError(f"the ASGI application sent the status {status!r}: it must be a number from 200 to 599")
            self.headers = [(_latin(name), _latin(value)) for name, value in message.get("headers", ())]
            self.status = int(status)
        elif kind == "http.response.body":
            if not self.status:
                raise RuntimeError("the ASGI application sent http.response.body before http.response.start")
            self.chunks.append(bytes(memoryview(message.get("body", b""))))
            if not message.get("more_body", False):
                self.complete.set()
        else:
            raise RuntimeError(f"the ASGI application sent {kind}, which is no message of an HTTP response that is served here")


def _latin(text: Any) -> str:
    if not isinstance(text, bytes):
        raise TypeError(f"the ASGI application sent the header name or value {text!r}: it must be bytes")
    return text.decode("latin-1")


class NotSupported(Exception):
    """The application does not know the lifespan protocol."""


class Lifespan:
    """The application's lifespan: its startup, and then a task that waits for ever."""

    def __init__(self, app: ASGIApplication, state: dict[str, Any]) -> None:
        self.app, self.state = app, state
        self.asked = False  # the application knows of startup
        self.task: asyncio.Task[None] | None = None  # kept: the event loop has only a weak reference

    async def start(self) -> None:
        """Run the startup. One that fails is a LoadError; an application that does not support the protocol has none."""
        self.told: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self.task = asyncio.create_task(self.run())
        either: list[asyncio.Future[Any]] = [self.told, self.task]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        failed = self.told.result() if self.told.done() else None
        if failed is not None:  # the exception that it failed with, if there is one, tells more
            await asyncio.wait([self.task], timeout=1)
        error = self.task.exception() if self.task.done() and not self.task.cancelled() else None
        if failed is None and (error is None or not self.asked or isinstance(error, NotSupported)):
            return
        summary = f"{type(error).__qualname__}: {error}" if error is not None else failed or "it did not say why"
        raise LoadError(f"the application's startup (ASGI lifespan) failed: {summary}") from error

    async def run(self) -> None:
        await self.app({"type": "lifespan", "asgi": VERSIONS, "state": self.state}, self.receive, self.send)

    async def receive(self) -> Message:
        if self.asked:
            await asyncio.get_running_loop().create_future()  # shutdown never comes
        self.asked = True
        return {"type": "lifespan.startup"}

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "lifespan.startup.complete" and not self.told.done():
            self.told.set_result(None)
        elif kind == "lifespan.startup.failed" and not self.told.done():
            self.told.set_result(message.get("message", ""))
        else:
            raise NotSupported(f"the ASGI application sent {kind} in its lifespan")
