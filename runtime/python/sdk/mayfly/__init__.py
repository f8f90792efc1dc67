"""What a Mayfly function gets and gives.

A Python function is a module with one of these::

    def handler(request):              # or async def
        return {"hello": request.query.get("name", "world")}

    app = ...                          # a WSGI (PEP 3333) or ASGI 3 application; application is fine too

    def create_app():                  # which makes one
        ...

A handler is given a Request. It returns a Response, or what a Response can be made of: a ``str`` (text/plain), ``bytes``
(application/octet-stream), a ``dict`` or ``list`` (JSON), or a tuple ``(body, status)``, ``(body, headers)`` or ``(body, status, headers)``.
"""

from mayfly._renew import on_restore
from mayfly._request import Headers, Query, Request
from mayfly._response import Response

__all__ = ["Headers", "Query", "Request", "Response", "on_restore"]
