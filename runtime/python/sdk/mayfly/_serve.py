"""What the host calls: serve, in a sandbox that stands at an image, once for each request, and before that to load the function."""

from __future__ import annotations

import os
import sys
from io import StringIO
from struct import Struct

from mayfly._renew import renew, renew_next_time
from mayfly._request import _HEADERS, _LENGTHS, Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from mayfly._response import Response

# The device by which requests come and responses go, open for as long as the interpreter lives. See frame.go.
CALL_FD = os.open("/dev/call", os.O_RDWR)

_HEAD = Struct("<III")  # status, length of the header block, length of the body
_READ = 64 * 1024

_respond: Callable[[Request], Response]  # the function, once it is loaded


def serve() -> None:
    """Read a request, answer it. Whatever the function raises becomes an answer too."""
    try:
        request = Request(read_frame())
        if not request.method:  # of HTTP there is none that is empty
            prepare(request)
            return
        renew()
        response = _respond(request)
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


def prepare(request: Request) -> None:
    """Do what the host asks for before there are requests: load the function, or settle what then lies in memory, of which the image is taken."""
    if request.path == "settle":
        import gc

        renew_next_time()
        gc.collect()
        gc.freeze()
        write(_HEAD.pack(204, 0, 0), b"")
        return
    from mayfly._load import LoadError, load

    global _respond
    try:
        environ = request._part(_HEADERS).decode("utf-8", "surrogateescape").split("\0")
        name, _respond = load(request.body.decode(), zip(environ[0:-1:2], environ[1::2]))
    except LoadError as error:
        write_failure("load", "", str(error), "")
    except SyntaxError as error:
        write_failure("syntax", "", f"{error.filename}:{error.lineno}: {error.msg}", format_traceback(error))
    except ModuleNotFoundError as error:
        where = "the function's own files and the standard library have the modules that can be imported"
        write_failure("import", "", f"{type(error).__qualname__}: {error}: {where}", format_traceback(error))
    except MemoryError:
        raise
    except BaseException as error:
        write_failure("import", "", f"{type(error).__qualname__}: {error}", format_traceback(error))
    else:
        write(_HEAD.pack(200, 0, len(name)), name.encode())


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
