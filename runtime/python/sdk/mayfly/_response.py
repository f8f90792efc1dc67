"""The response that a handler gives, and what can be made into one."""

from __future__ import annotations

from collections.abc import Mapping
from json import JSONEncoder, encoder
from struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, TypeAlias

    HeaderFields: TypeAlias = Mapping[str, str] | Iterable[tuple[str, str]]


# A response's frame: the status, the length of its header block, the block, and the body. See frame.go.
_HEAD = Struct("<II")


def head(status: int, fields: list[str]) -> bytes:
    """Return a frame up to its body. fields are names and values in turn."""
    for text in fields:
        if "\0" in text:
            raise ValueError(f"a header field holds a NUL: {text!r}")
    block = "\0".join(fields).encode("latin-1") + b"\0" if fields else b""
    return _HEAD.pack(status, len(block)) + block


_json = JSONEncoder(ensure_ascii=False, separators=(",", ":"))
if encoder.c_make_encoder is not None and encoder.c_encode_basestring is not None:
    # What JSONEncoder makes anew for each call. Without its marks a structure that holds itself is a RecursionError.
    _chunks = encoder.c_make_encoder(None, _json.default, encoder.c_encode_basestring, None, ":", ",", False, False, True)
else:

    def _chunks(value: Any, level: int) -> Iterable[str]:
        return _json.iterencode(value)


def encode_json(value: Any) -> bytes:
    """Return value as JSON."""
    return "".join(_chunks(value, 0)).encode()


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
    if type(status) is int and 200 <= status <= 599:
        return status
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
        return encode_json(body), "application/json"
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


_JSON = head(200, ["Content-Type", "application/json"])
_TEXT = head(200, ["Content-Type", "text/plain; charset=utf-8"])
_BYTES = head(200, ["Content-Type", "application/octet-stream"])


def encode(result: Any) -> bytes:
    """Return the frame of whatever a handler may return. The usual results take the short way."""
    kind = type(result)
    if kind is dict or kind is list:
        return _JSON + "".join(_chunks(result, 0)).encode()
    if kind is str:
        return _TEXT + result.encode()
    if kind is bytes and result:
        return _BYTES + result
    response = make_response(result)
    fields = []
    for name, value in response.headers:
        fields += (name, value)
    return head(response.status, fields) + response.body
