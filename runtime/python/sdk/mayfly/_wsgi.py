"""A WSGI server (PEP 3333) for one request at a time.

The request's body has arrived when the application is called, and the response goes out as a whole when it has been given: what the application yields
or writes is kept in order until then. So start_response with exc_info can take back headers up to the first byte of the body, as the PEP has it.
"""

from __future__ import annotations

import sys
from io import BytesIO

from mayfly._request import _HOST, _PATH, _PROTO, _SCHEME, _SCRIPT, _SERVER, Request
from mayfly._response import Response, _status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, BinaryIO, TypeAlias

    WSGIApplication: TypeAlias = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def split_port(host: str) -> tuple[str, str]:
    """Split a Host into name and port, which may be missing. An IPv6 address keeps its brackets."""
    name, colon, port = host.rpartition(":")
    if not colon or "]" in port:
        return host, ""
    return name, port


class FileWrapper:
    """wsgi.file_wrapper: the blocks of a file as an iterable, which closes the file."""

    def __init__(self, file: BinaryIO, block_size: int = 64 * 1024) -> None:
        self.file, self.block_size = file, block_size
        if hasattr(file, "close"):
            self.close = file.close

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self.file.read(self.block_size), b"")


def make_environ(request: Request) -> dict[str, Any]:
    """Return the environ of PEP 3333 for a request: strings are bytes decoded as latin-1."""

    def text(index: int) -> str:
        return request._part(index).decode("latin-1")

    scheme = text(_SCHEME)
    server, _, port = text(_SERVER).rpartition(":")
    host, host_port = split_port(text(_HOST))
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": text(_SCRIPT),
        "PATH_INFO": text(_PATH),
        "QUERY_STRING": request.query_string,
        "SERVER_NAME": host or server,
        "SERVER_PORT": host_port or ({"http": "80", "https": "443"}[scheme] if host else port),
        "SERVER_PROTOCOL": text(_PROTO),
        "REMOTE_ADDR": request.remote_addr,
        "REQUEST_URI": request.url,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scheme,
        "wsgi.input": BytesIO(request.body),
        "wsgi.input_terminated": True,  # reading it to its end is safe without Content-Length too: Werkzeug asks
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,  # other sandboxes may run the same application now
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
    }
    for name, value in request.headers.items():
        if "_" in name:  # it would pass for the same name with a dash
            continue
        key = name.upper().replace("-", "_")
        if key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            environ[key] = value
        elif key not in ("PROXY", "TRANSFER_ENCODING"):  # HTTP_PROXY is an environment variable of HTTP clients (httpoxy); the body came in chunks, and is whole now
            key = "HTTP_" + key
            separator = "; " if key == "HTTP_COOKIE" else ","
            environ[key] = environ[key] + separator + value if key in environ else value
    if request.body:
        environ["CONTENT_LENGTH"] = str(len(request.body))
    return environ


def call_wsgi(app: WSGIApplication, request: Request) -> Response:
    """Call a WSGI application and collect its response."""
    chunks: list[bytes] = []
    response = Response.__new__(Response)
    response.status = 0

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
        if exc_info:
            try:
                if chunks:  # its headers would have been sent
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None
        elif response.status:
            raise AssertionError("start_response was called twice without exc_info (PEP 3333)")
        for name, value in headers:
            if not isinstance(name, str) or not isinstance(value, str):
                raise TypeError(f"start_response was given the header {name!r}: {value!r}: name and value must be str (PEP 3333)")
        response.status, response.headers = _status(status), list(headers)
        return add

    def add(chunk: bytes) -> None:
        """Take a part of the body: it is the PEP's write(), too."""
        if not isinstance(chunk, bytes):
            raise TypeError(f"the WSGI application gave a {type(chunk).__name__} for its body: it must be bytes (PEP 3333)")
        if chunk:
            if not response.status:
                raise AssertionError("the WSGI application gave a body before it called start_response (PEP 3333)")
            chunks.append(chunk)

    result = app(make_environ(request), start_response)
    try:
        for chunk in result:
            add(chunk)
    finally:
        if hasattr(result, "close"):
            result.close()
    if not response.status:
        raise AssertionError("the WSGI application did not call start_response (PEP 3333)")
    response.body = b"".join(chunks)
    return response
