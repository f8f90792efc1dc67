"""The response that a handler gives, and what can be made into one."""

from __future__ import annotations

from collections.abc import Mapping
from json import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, TypeAlias

    HeaderFields: TypeAlias = Mapping[str, str] | Iterable[tuple[str, str]]


class Response:
    """An HTTP response: ``Response(status, headers, body)``.

    status is a number from 200 to 599 (an ``http.HTTPStatus`` is one). headers is a mapping, or pairs where a name may
    occur more than once. body is ``bytes``, ``str`` (sent as UTF-8), or a ``dict`` or ``list`` (sent as JSON). A Content-Type is added where headers have none.
    """

    __slots__ = ("status", "headers", "body")

    def __init__(self, status: int = 200, headers: HeaderFields | None = None, body: Any = b"") -> None:
        self.status = _status(status)
        self.headers = _fields(headers)
        self.body, content_type = _body(body)
        if content_type and not any(name.lower() == "content-type" for name, _ in self.headers):
            self.headers.append(("Content-Type", content_type))

    def __repr__(self) -> str:
        return f"<Response {self.status} {len(self.body)} bytes>"


def _status(status: Any) -> int:
    if isinstance(status, str):  # "404 Not Found", as Flask and WSGI write it
        status = status.partition(" ")[0]
        if not status.isascii() or not status.isdigit():
            raise ValueError(f"status is {status!r}: it must be a number from 200 to 599")
        status = int(status)
    if isinstance(status, bool) or not isinstance(status, int):
        raise TypeError(f"status is a {type(status).__name__}: it must be a number from 200 to 599")
    if not 200 <= status <= 599:
        raise ValueError(f"status is {status}: it must be from 200 to 599")
    return int(status)


def _fields(headers: HeaderFields | None) -> list[tuple[str, str]]:
    if headers is None:
        return []
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    fields = []
    for pair in pairs:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError(f"headers hold {pair!r}: each must be a pair of name and value")
        fields.append((str(pair[0]), str(pair[1])))
    return fields


def _body(body: Any) -> tuple[bytes, str]:
    """Return the body's bytes, and the media type that goes with what it was."""
    if isinstance(body, bytes):
        return body, "application/octet-stream" if body else ""
    if isinstance(body, str):
        return body.encode(), "text/plain; charset=utf-8"
    if isinstance(body, (dict, list)):
        return dumps(body, ensure_ascii=False, separators=(",", ":")).encode(), "application/json"
    if isinstance(body, (bytearray, memoryview)):
        return bytes(body), "application/octet-stream"
    raise TypeError(
        f"the body is a {type(body).__name__}: it must be str, bytes, a dict or list (sent as JSON), "
        "or a Response or a tuple (body, status, headers) made of these"
    )


def make_response(result: Any) -> Response:
    """Make a Response of whatever a handler may return."""
    if isinstance(result, Response):
        return result
    if result is None:
        raise TypeError('the handler returned None: return a Response, str, bytes, dict, list or tuple; for an empty answer return ("", 204)')
    if not isinstance(result, tuple):
        return Response(200, None, result)
    if len(result) == 3:
        body, status, headers = result
    elif len(result) == 2 and isinstance(result[1], (Mapping, list)):
        (body, headers), status = result, None
    elif len(result) == 2:
        (body, status), headers = result, None
    else:
        raise TypeError(f"the handler returned a tuple of {len(result)}: it must be (body, status), (body, headers) or (body, status, headers)")
    if isinstance(body, Response):
        return Response(body.status if status is None else status, body.headers + _fields(headers), body.body)
    return Response(200 if status is None else status, headers, body)
