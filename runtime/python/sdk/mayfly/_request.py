"""The request that a handler is given."""

from __future__ import annotations

from collections.abc import Mapping
from json import JSONDecoder, loads
from struct import Struct
from urllib.parse import parse_qsl

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing would be a part of every image
    from collections.abc import Iterator
    from typing import Any

# The frame in which the host hands over a request: where its body begins, the lengths of its other parts, those parts, and the body. See frame.go.
_LENGTHS = Struct("<13I")
(_METHOD, _PATH, _QUERY, _SCRIPT, _URI, _PROTO, _HOST, _REMOTE, _SERVER, _SCHEME, _ID, _HEADERS) = range(1, 13)
_body_at = Struct("<I").unpack_from

_scan = JSONDecoder().scan_once

# Among so many fields or parameters a name is found sooner by looking at each than by an index, which would have to be made first.
_FEW = 16


class Headers(Mapping[str, str]):
    """Header fields: names are compared without regard to case, and a name may have several values.

    ``headers[name]`` is the first value; ``headers.get_all(name)`` is the list of all; ``headers.items()`` has every
    field in the order in which it was sent.
    """

    __slots__ = ("_fields", "_index")

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        self._fields = fields

    def _called(self, name: str) -> list[tuple[str, str]]:
        """Return the fields whose name in lower case is this one. The index for it is made once."""
        try:
            index = self._index
        except AttributeError:
            index = self._index = {}
            for field in self._fields:
                index.setdefault(field[0].lower(), []).append(field)
        return index.get(name, [])

    def __getitem__(self, name: str) -> str:
        wanted, fields = name.lower(), self._fields
        if len(fields) > _FEW:
            fields = self._called(wanted)
        for field, value in fields:
            if field.lower() == wanted:
                return value
        raise KeyError(name)

    def get_all(self, name: str) -> list[str]:
        """Return all values of the fields called name, in order; an empty list when there is none."""
        wanted, fields = name.lower(), self._fields
        if len(fields) > _FEW:
            fields = self._called(wanted)
        return [value for field, value in fields if field.lower() == wanted]

    def __iter__(self) -> Iterator[str]:
        seen: set[str] = set()
        for field, _ in self._fields:
            if field.lower() not in seen:
                seen.add(field.lower())
                yield field

    def __len__(self) -> int:
        return len({field.lower() for field, _ in self._fields})

    def items(self) -> list[tuple[str, str]]:  # type: ignore[override]
        """Return every field as (name, value), repeated ones too."""
        return list(self._fields)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(self.get_all(name))

    def __repr__(self) -> str:
        return f"Headers({self._fields!r})"


class Query(Mapping[str, str]):
    """The query's parameters: ``query[name]`` is the first value, ``query.get_all(name)`` the list of all."""

    __slots__ = ("_pairs", "_index")

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = pairs

    def _called(self, name: str) -> list[tuple[str, str]]:
        """Return the parameters called name. The index for it is made once."""
        try:
            index = self._index
        except AttributeError:
            index = self._index = {}
            for pair in self._pairs:
                index.setdefault(pair[0], []).append(pair)
        return index.get(name, [])

    def __getitem__(self, name: str) -> str:
        pairs = self._pairs
        if len(pairs) > _FEW:
            pairs = self._called(name)
        for key, value in pairs:
            if key == name:
                return value
        raise KeyError(name)

    def get_all(self, name: str) -> list[str]:
        """Return all values given for name, in order."""
        pairs = self._pairs
        if len(pairs) > _FEW:
            pairs = self._called(name)
        return [value for key, value in pairs if key == name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self._pairs))

    def __len__(self) -> int:
        return len(dict(self._pairs))

    def items(self) -> list[tuple[str, str]]:  # type: ignore[override]
        """Return every parameter as (name, value), repeated ones too."""
        return list(self._pairs)

    def __repr__(self) -> str:
        return f"Query({self._pairs!r})"


class Request:
    """An HTTP request. Its parts are decoded when they are first asked for."""

    __slots__ = ("_frame", "_headers", "_query")

    def __init__(self, frame: bytes) -> None:
        self._frame = frame

    def _part(self, index: int) -> bytes:
        lengths = _LENGTHS.unpack_from(self._frame)
        start = _LENGTHS.size + sum(lengths[1:index])
        return self._frame[start : start + lengths[index]]

    def _text(self, index: int) -> str:
        return self._part(index).decode("utf-8", "surrogateescape")

    @property
    def method(self) -> str:
        """The HTTP method, such as ``"GET"``."""
        return self._text(_METHOD)

    @property
    def path(self) -> str:
        """The path after the function's own (``/fn/name``), percent-decoded; ``""`` when there is none."""
        return self._text(_PATH)

    @property
    def query_string(self) -> str:
        """The query as it was sent, without the question mark."""
        return self._text(_QUERY)

    @property
    def query(self) -> Query:
        """The query's parameters, decoded."""
        try:
            return self._query
        except AttributeError:
            raw = self.query_string
            self._query = Query(parse_qsl(raw, keep_blank_values=True) if raw else [])
            return self._query

    @property
    def url(self) -> str:
        """The request target as it was sent: path and query."""
        return self._text(_URI)

    @property
    def headers(self) -> Headers:
        """The header fields."""
        try:
            return self._headers
        except AttributeError:
            parts = self._part(_HEADERS).decode("latin-1").split("\0")
            self._headers = Headers(list(zip(parts[0:-1:2], parts[1::2])))
            return self._headers

    @property
    def remote_addr(self) -> str:
        """The caller's IP address."""
        return self._text(_REMOTE).rpartition(":")[0].strip("[]")

    @property
    def id(self) -> str:
        """The request's id, which is in the log and in the answer's X-Request-Id too."""
        return self._text(_ID)

    @property
    def body(self) -> bytes:
        """The whole body."""
        frame = self._frame
        return frame[_body_at(frame)[0] :]

    def text(self) -> str:
        """Return the body decoded by the charset of Content-Type, UTF-8 when it names none."""
        _, _, charset = self.headers.get("Content-Type", "").lower().partition("charset=")
        return self.body.decode(charset.partition(";")[0].strip(" \"'") or "utf-8")

    def json(self) -> Any:
        """Return the body decoded as JSON. A body that is not JSON is a ``ValueError``."""
        frame = self._frame
        body = frame[_body_at(frame)[0] :]
        try:
            text = str(body, "utf-8")
            value, end = _scan(text, 0)  # all that loads does for what needs nothing more
            if end == len(text):
                return value
        except (ValueError, StopIteration):
            pass
        return loads(body)

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.url}>"
