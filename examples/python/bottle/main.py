"""A Bottle application: forms, JSON, cookies, uploads, a streamed response, errors, and static files."""

from __future__ import annotations

import os
from collections.abc import Iterator

import bottle
from bottle import HTTPError, request, response, static_file

app = bottle.Bottle()
STATIC = os.path.join(os.path.dirname(__file__), "static")


@app.get("/")
def index() -> str:
    return bottle.template("<h1>Hello, {{name}}!</h1>", name=request.query.name or "world")


@app.post("/form")
def form() -> str:
    forms = request.forms.decode()
    return f"{forms['name']} likes {', '.join(forms.getall('likes'))}"


@app.post("/json")
def add() -> dict[str, int]:
    return {"sum": sum(request.json["numbers"])}


@app.get("/cookie")
def cookie() -> str:
    visits = int(request.get_cookie("visits", "0")) + 1
    response.set_cookie("visits", str(visits), httponly=True)
    response.set_cookie("theme", "dark")
    return f"visit {visits}"


@app.post("/upload")
def upload() -> str:
    file = request.files.file
    return f"{file.filename} has {len(file.file.read())} bytes"


@app.get("/stream")
def stream() -> Iterator[str]:
    response.content_type = "text/plain"
    for n in range(3):
        yield f"part {n}\n"


@app.get("/error")
def error() -> str:
    raise ValueError("this is on purpose")


@app.get("/static/<path:path>")
def static(path: str) -> object:
    return static_file(path, root=STATIC)


@app.error(404)
def missing(error: HTTPError) -> str:
    return f"there is nothing at {request.path}"
