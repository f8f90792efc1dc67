"""How each kind of function is served: a handler, sync or async, or a WSGI or ASGI application."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from mayfly._request import Request


def is_async(target: Any) -> bool:
    """Tell whether calling target gives a coroutine. inspect would tell, and is too large to be in every image."""
    co_coroutine = 0x80
    for function in (target, getattr(type(target), "__call__", None)):
        function = getattr(function, "__func__", function)
        code = getattr(function, "__code__", None)
        if code is not None and code.co_flags & co_coroutine:
            return True
    return False


def handler_responder(handler: Callable[[Request], Any]) -> Callable[[Request], Any]:
    """Serve a handler, sync or async."""
    if not is_async(handler):
        return handler

    import asyncio

    return lambda request: asyncio.run(handler(request))


def wsgi_responder(app: Any) -> Callable[[Request], Any]:
    """Serve a WSGI application."""
    from mayfly._wsgi import call_wsgi

    return lambda request: call_wsgi(app, request)


def asgi_responder(app: Any) -> Callable[[Request], Any]:
    """Serve an ASGI application, whose startup runs now."""
    from mayfly._asgi import Server

    return Server(app)
