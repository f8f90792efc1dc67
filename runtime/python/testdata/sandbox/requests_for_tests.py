"""Makes the requests that tests hand to servers."""

from __future__ import annotations

from collections.abc import Iterable

from mayfly import Request
from mayfly._request import _LENGTHS


def request(method: str = "GET", path: str = "/", body: bytes = b"", headers: Iterable[tuple[str, str]] = ()) -> Request:
    """Return a request for /fn/f/PATH?q=1, in the frame that the host would send."""
    block = "".join(f"{name}\0{value}\0" for name, value in (("Host", "example.org:8080"), *headers))
    parts = [method, path, "q=1", "/fn/f", f"/fn/f{path}?q=1", "HTTP/1.1", "example.org:8080", "127.0.0.1:4000", "127.0.0.1:8080", "http", "id", block]
    raw = [part.encode() for part in parts]
    return Request(_LENGTHS.pack(_LENGTHS.size + sum(map(len, raw)), *map(len, raw)) + b"".join(raw) + body)
