"""Runs once for a build of CPython: starts the interpreter and leaves it ready to be called.

The host runs this as CPython's command. It tells the host where serve and prepare are, and leaves by os._exit, which ends the program without
ending the interpreter: memory stays as it is, and is the image that all functions begin with.
"""

from __future__ import annotations

import gc
import os
import sys

import mayfly._serve
import mayfly._wsgi  # noqa: F401  what most functions need lies in the image that they share
from mayfly._compat import Finder
from mayfly._load import APP_DIR
from mayfly._request import _LENGTHS, Request
from mayfly._serve import ANSWER, CALL_FD, FRAME, prepare, serve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def warm_up() -> None:
    """Run what requests run. CPython specialises code that has run a few times (PEP 659): in the image that is done, and no request has to do, and undo, it."""
    body = b'{"name": "value", "list": [1, 2.5, true, null]}'
    header = b"Host\0localhost\0Content-Type\0application/json\0"
    parts = [b"POST", b"/path", b"a=1&b=2", b"/fn/name", b"/fn/name/path?a=1&b=2", b"HTTP/1.1", b"localhost", b"127.0.0.1:1", b"127.0.0.1:2", b"http", b"id", header]
    frame = _LENGTHS.pack(_LENGTHS.size + sum(map(len, parts)), *map(len, parts)) + b"".join(parts) + body
    results = {"json": {"name": "value", "list": [1, 2.5, True, None]}, "text": "text", "bytes": b"bytes", "tuple": ("text", 201)}

    def handler(_: Request) -> Any:
        request = Request(frame)
        request.json(), request.text(), request.method, request.path, request.query.get("a"), request.headers["host"]
        return results[kind]

    mayfly._serve._respond = handler
    greeting = ANSWER[0]
    for kind in list(results) * 16:
        serve()
    ANSWER[0] = greeting
    del mayfly._serve._respond


def boot() -> None:
    os.chdir(APP_DIR)
    warm_up()
    sys.meta_path.insert(0, Finder())
    gc.collect()
    gc.freeze()
    version = ".".join(map(str, sys.version_info[:3]))
    told = ("ready", id(serve), id(prepare), id(()), id(type(serve)), id(FRAME), len(FRAME), id(ANSWER), version)
    os.write(CALL_FD, "\0".join(map(str, told)).encode())
    os._exit(0)
