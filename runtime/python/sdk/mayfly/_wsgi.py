"""A WSGI server (PEP 3333) for one request at a time."""

from __future__ import annotations

import sys
from io import BytesIO

from mayfly._request import _HOST, _PATH, _PROTO, _SCHEME, _SCRIPT, _SERVER, Request
from mayfly._response import Response, _status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TypeAlias

    WSGIApplication: TypeAlias = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def split_port(host: str) -> tuple[str, str]:
    """Split a Host into name and port, which may be missing. An IPv6 address keeps its brackets."""
    name, colon, port = host.rpartition(":")
    if not colon or "]" in port:
        return host, ""
    return name, port


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
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers.items():
        if "_" in name:  # it would pass for the same name with a dash
            continue
        key = name.upper().replace("-", "_")
        if key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            environ[key] = value
        elif key != "PROXY":  # HTTP_PROXY is an environment variable of HTTP clients (httpoxy)
            key = "HTTP_" + key
            separator = "; " if key == "HTTP_COOKIE" else ","
            environ[key] = environ[key] + separator + value if key in environ else value
    if request.body:
        environ["CONTENT_LENGTH"] = str(len(request.body))
    return environ


def call_wsgi(app: WSGIApplication, request: Request) -> Response:
    """Call a WSGI application and collect its response."""
    chunks: list[bytes] = []
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
        if exc_info:
            try:
                if chunks:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None
        elif started:
            raise AssertionError("start_response was called twice without exc_info (PEP 3333)")
        started[:] = [(status, list(headers))]
        return chunks.append

    result = app(make_environ(request), start_response)
    try:
        for chunk in result:
            if chunk:
                if not isinstance(chunk, bytes):
                    raise TypeError(f"the WSGI application yielded a {type(chunk).__name__}: it must yield bytes (PEP 3333)")
                chunks.append(chunk)
        if not started:
            raise AssertionError("the WSGI application did not call start_response (PEP 3333)")
    finally:
        close = getattr(result, "close", None)
        if close is not None:
            close()
    status, headers = started[0]
    response = Response.__new__(Response)
    response.status = _status(status)
    response.headers = headers
    response.body = b"".join(chunks)
    return response
