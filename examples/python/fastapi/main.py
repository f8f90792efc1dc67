"""A FastAPI application: forms, JSON that is checked, cookies, uploads, a streamed response, errors, and static files."""

import os
from collections.abc import Iterator
from typing import List

from fastapi import Cookie, Depends, FastAPI, File, Form, HTTPException, Request, UploadFile
from fastapi.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field

app = FastAPI(title="Mayfly's example")
app.mount("/static", StaticFiles(directory=os.path.join(os.path.dirname(__file__), "static")))


class Numbers(BaseModel):
    """What /json is sent."""

    numbers: List[int] = Field(max_items=100)


class Sum(BaseModel):
    """What /json answers."""

    sum: int


def session() -> Iterator[str]:
    """A dependency, which is cleaned up after the request."""
    yield "session"


@app.get("/", response_class=HTMLResponse)
async def index(name: str = "world") -> str:
    return f"<h1>Hello, {name}!</h1>"


@app.post("/form", response_class=PlainTextResponse)
def form(name: str = Form(), likes: List[str] = Form()) -> str:
    return f"{name} likes {', '.join(likes)}"


@app.post("/json", response_model=Sum)
def add(numbers: Numbers, _: str = Depends(session)) -> Sum:
    return Sum(sum=sum(numbers.numbers))


@app.get("/cookie")
def cookie(visits: int = Cookie(0)) -> Response:
    response = PlainTextResponse(f"visit {visits + 1}")
    response.set_cookie("visits", str(visits + 1), httponly=True)
    response.set_cookie("theme", "dark")
    return response


@app.post("/upload", response_class=PlainTextResponse)
async def upload(file: UploadFile = File()) -> str:
    return f"{file.filename} has {len(await file.read())} bytes"


@app.get("/stream")
def stream() -> StreamingResponse:
    return StreamingResponse((f"part {n}\n" for n in range(3)), media_type="text/plain")


@app.get("/error")
async def error() -> None:
    raise ValueError("this is on purpose")


@app.exception_handler(404)
async def missing(request: Request, error: HTTPException) -> PlainTextResponse:
    return PlainTextResponse(f"there is nothing at {request['path'].removeprefix(request['root_path'])}", 404)
