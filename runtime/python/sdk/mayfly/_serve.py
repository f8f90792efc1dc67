"""What runs in a sandbox for each request. The host calls Server.invoke in a restored image."""

from __future__ import annotations

import os
import sys
from io import StringIO
from struct import Struct

from mayfly._request import _LENGTHS, Request
from mayfly._response import make_response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from mayfly._response import Response

# The device by which requests come and responses go, open for as long as the interpreter lives. See frame.go.
CALL_FD = os.open("/dev/call", os.O_RDWR)

_HEAD = Struct("<III")  # status, length of the header block, length of the body
_READ = 64 * 1024

_renewed = False  # which a reset brings back


class Server:
    """One function, ready to be called."""

    def __init__(self, respond: Callable[[Request], Response]) -> None:
        self._respond = respond

    def invoke(self) -> None:
        """Read a request, answer it. Whatever the function raises becomes an answer too."""
        try:
            renew()
            response = self._respond(Request(read_frame()))
            fields = []
            for name, value in response.headers:
                fields += (name, value)
            for text in fields:
                if "\0" in text:
                    raise ValueError(f"a header field holds a NUL: {text!r}")
            header = "\0".join(fields).encode("latin-1") + b"\0" if fields else b""
            write(_HEAD.pack(response.status, len(header), len(response.body)) + header, response.body)
        except MemoryError:
            write_failure("memory", "MemoryError", "", "")
        except BaseException as error:
            report(error)
        finally:
            flush()


def read_frame() -> bytes:
    """Read the request's frame whole."""
    frame = os.read(CALL_FD, _READ)
    missing = _LENGTHS.size + sum(_LENGTHS.unpack_from(frame)) - len(frame)
    if missing <= 0:
        return frame
    parts = [frame]
    while missing > 0:
        part = os.read(CALL_FD, missing)
        if not part:
            raise EOFError("the request ended early")
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def write(head: bytes, body: bytes) -> None:
    """Write a response's frame."""
    if len(body) <= _READ:
        os.write(CALL_FD, head + body)
        return
    os.write(CALL_FD, head)
    view = memoryview(body)
    while view:
        view = view[os.write(CALL_FD, view) :]


def report(error: BaseException) -> None:
    """Tell the host that the function failed, and the log with what."""
    kind = "exit" if isinstance(error, SystemExit) else "exception"
    try:
        message = str(error)
    except Exception:
        message = ""
    trace = format_traceback(error)
    try:
        sys.stderr.write(trace)
    except Exception:
        pass  # the function has put something else in its place
    write_failure(kind, type(error).__qualname__, message, trace)


def format_traceback(error: BaseException) -> str:
    """Return what CPython prints of an error. Its own hook writes it: the module traceback would be imported by each failing request."""
    error = error.with_traceback(own_frames(error))
    stderr, sys.stderr = sys.stderr, StringIO()
    try:
        sys.__excepthook__(type(error), error, error.__traceback__)
        return sys.stderr.getvalue()
    finally:
        sys.stderr = stderr


def own_frames(error: BaseException) -> Any:
    """Return the error's traceback from the first frame that is the function's own."""
    first = tb = error.__traceback__
    here = os.path.dirname(__file__)
    while tb is not None and (os.path.dirname(tb.tb_frame.f_code.co_filename) == here or "importlib" in tb.tb_frame.f_code.co_filename):
        tb = tb.tb_next
    # What CPython says of text that is not Python has its own place in it.
    return None if tb is None and isinstance(error, SyntaxError) else tb or first


def write_failure(kind: str, name: str, message: str, trace: str) -> None:
    """Answer with a failure: status 0, and its parts as the body."""
    parts = [kind, name, message[:4096], trace[-65536:]]
    body = b"\0".join(part.replace("\0", "").encode("utf-8", "replace") for part in parts)
    write(_HEAD.pack(0, 0, len(body)), body)


def flush() -> None:
    """Send on what the function printed without a newline."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass


def renew() -> None:
    """Renew what sandboxes that come from one image must not share: once, since where a sandbox is reused it has its own from then on."""
    global _renewed
    if _renewed:
        return
    _renewed = True
    random = sys.modules.get("random")
    if random is not None:
        random.seed()
    tempfile = sys.modules.get("tempfile")
    if tempfile is not None:
        tempfile._name_sequence = None


def is_async(target: Any) -> bool:
    """Tell whether calling target gives a coroutine. inspect would tell, and is too large to be in every image."""
    co_coroutine = 0x80
    for function in (target, getattr(type(target), "__call__", None)):
        function = getattr(function, "__func__", function)
        code = getattr(function, "__code__", None)
        if code is not None and code.co_flags & co_coroutine:
            return True
    return False


def handler_responder(handler: Callable[[Request], Any]) -> Callable[[Request], Response]:
    """Serve a handler, sync or async."""
    if not is_async(handler):
        return lambda request: make_response(handler(request))

    import asyncio

    return lambda request: make_response(asyncio.run(handler(request)))  # type: ignore[arg-type]


def wsgi_responder(app: Any) -> Callable[[Request], Response]:
    """Serve a WSGI application."""
    from mayfly._wsgi import call_wsgi

    return lambda request: call_wsgi(app, request)
