"""What the host calls: serve, in a sandbox that stands at an image, once for each request, and before that to load the function."""

from __future__ import annotations

import gc
import os
import sys
from io import StringIO

from mayfly import _renew
from mayfly._load import LoadError, load
from mayfly._request import _HEADERS, Request
from mayfly._response import encode, head

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# The host writes a request's frame into FRAME, and a byte behind it, as if bytes could be changed, and takes the response's from ANSWER: see
# mailbox.go. What is in ANSWER now is how it knows that they are where it looks.
FRAME = bytes(16 * 1024)
ANSWER = [b"mayfly"]

# The device from which a request is read that FRAME has no room for. It is open for as long as the interpreter lives.
CALL_FD = os.open("/dev/call", os.O_RDWR)

_stdout, _stderr = sys.stdout, sys.stderr
_renewals = _renew.renewals
_new = object.__new__
_respond: Callable[[Request], Any]  # the function, once it is loaded
_stack: bytes  # where C's stack lies, if the function needs a deep one: see deep.go


def serve() -> None:
    """Take a request, answer it. Whatever the function raises becomes an answer too."""
    try:
        frame = FRAME[:-1] or read()
        if _renewals:
            _renew.renew()
        request = _new(Request)  # a call of __init__ would take three times as long
        request._frame = frame
        ANSWER[0] = encode(_respond(request))
    except MemoryError:
        answer_failure("memory", "MemoryError", "", "")
    except _renew.HookError as error:
        report(error.__cause__ or error, f" in the on_restore hook {error}")
    except BaseException as error:
        report(error)
    if sys.stdout is not _stdout or sys.stderr is not _stderr:
        flush()


def read() -> bytes:
    """Return a frame that is read from the device."""
    parts = []
    while part := os.read(CALL_FD, 1 << 20):
        parts.append(part)
    return b"".join(parts)


def prepare() -> None:
    """Do what the host asks for before there are requests: make room for a deep stack, load the function, settle what then lies in memory, of which the image is taken."""
    request = Request(FRAME[:-1] or read())
    if request.path == "stack":
        global _stack
        _stack = bytes(int(request.body))
        ANSWER[0] = head(200, []) + str(id(_stack)).encode()
        return
    if request.path == "settle":
        _renew.settle()
        gc.collect()
        gc.freeze()
        ANSWER[0] = head(204, [])
        return
    global _respond
    try:
        environ = request._part(_HEADERS).decode("utf-8", "surrogateescape").split("\0")
        name, _respond = load(request.body.decode(), zip(environ[0:-1:2], environ[1::2]))
    except LoadError as error:
        answer_failure("load", "", str(error), format_traceback(error.__cause__) if error.__cause__ else "")
    except SyntaxError as error:
        answer_failure("syntax", "", f"{error.filename}:{error.lineno}: {error.msg}", format_traceback(error))
    except ModuleNotFoundError as error:
        where = "the function's own files and the standard library have the modules that can be imported"
        answer_failure("import", "", f"{type(error).__qualname__}: {error}: {where}", format_traceback(error))
    except MemoryError:
        answer_failure("memory", "MemoryError", "", "")
    except BaseException as error:
        answer_failure("import", "", f"{type(error).__qualname__}: {error}", format_traceback(error))
    else:
        ANSWER[0] = head(200, []) + name.encode()
    flush()


def report(error: BaseException, where: str = "") -> None:
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
    answer_failure(kind, type(error).__qualname__ + where, message, trace)


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
    while tb is not None and not is_own(tb.tb_frame.f_code.co_filename, here):
        tb = tb.tb_next
    # What CPython says of text that is not Python has its own place in it.
    return None if tb is None and isinstance(error, SyntaxError) else tb or first


def is_own(file: str, sdk: str) -> bool:
    """Tell whether a file is the function's, and not what calls it."""
    return not (file.startswith(sdk) or "importlib" in file or "/asyncio/" in file)


def answer_failure(kind: str, name: str, message: str, trace: str) -> None:
    """Answer with a failure: status 0, and its parts as the body."""
    parts = [kind, name, message[:4096], trace[-65536:]]
    body = b"\0".join(part.replace("\0", "").encode("utf-8", "replace") for part in parts)
    ANSWER[0] = head(0, []) + body


def flush() -> None:
    """Send on what the function has printed to streams of its own. CPython's are not buffered."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass
