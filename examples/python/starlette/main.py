"""A Starlette application: forms, JSON, cookies, uploads, a streamed response, a background task, errors, and static files."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

STATIC = os.path.join(os.path.dirname(__file__), "static")


@contextlib.asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """Runs once, when the function is deployed. What it leaves is there in each request."""
    await asyncio.sleep(0.01)
    app.state.greeting = "Hello"
    yield


async def index(request: Request) -> Response:
    return HTMLResponse(f"<h1>{request.app.state.greeting}, {request.query_params.get('name', 'world')}!</h1>")


async def form(request: Request) -> Response:
    data = await request.form()
    return PlainTextResponse(f"{data['name']} likes {', '.join(map(str, data.getlist('likes')))}")


async def add(request: Request) -> Response:
    return JSONResponse({"sum": sum((await request.json())["numbers"])})


def cookie(request: Request) -> Response:  # not async: a server with threads would call it in one
    visits = int(request.cookies.get("visits", 0)) + 1
    response = PlainTextResponse(f"visit {visits}", background=BackgroundTask(print, "answered visit", visits))
    response.set_cookie("visits", str(visits), httponly=True)
    response.set_cookie("theme", "dark")
    return response


async def upload(request: Request) -> Response:
    file = (await request.form())["file"]
    assert not isinstance(file, str)
    return PlainTextResponse(f"{file.filename} has {len(await file.read())} bytes")


async def stream(request: Request) -> Response:
    async def parts() -> AsyncIterator[str]:
        for n in range(3):
            await asyncio.sleep(0.01)
            yield f"part {n}\n"

    return StreamingResponse(parts(), media_type="text/plain")


async def error(request: Request) -> Response:
    raise ValueError("this is on purpose")


async def missing(request: Request, error: HTTPException) -> Response:
    return PlainTextResponse(f"there is nothing at {request['path'].removeprefix(request['root_path'])}", error.status_code)


app = Starlette(
    lifespan=lifespan,
    exception_handlers={404: missing},
    routes=[
        Route("/", index),
        Route("/form", form, methods=["POST"]),
        Route("/json", add, methods=["POST"]),
        Route("/cookie", cookie),
        Route("/upload", upload, methods=["POST"]),
        Route("/stream", stream),
        Route("/error", error),
        Mount("/static", StaticFiles(directory=STATIC)),
    ],
)
