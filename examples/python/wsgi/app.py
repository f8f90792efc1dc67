"""A plain WSGI application (PEP 3333): it tells what it was asked."""

from collections.abc import Callable, Iterable
from typing import Any


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"] or "/"
    if path == "/echo":
        start_response("200 OK", [("Content-Type", environ.get("CONTENT_TYPE") or "application/octet-stream")])
        return [environ["wsgi.input"].read()]
    if path != "/":
        start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
        return [f"there is nothing at {path}\n".encode()]
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return [f"{method} {environ['SCRIPT_NAME']}{path}\n".encode(), b"POST to /echo to get back what you send\n"]
