"""A Flask application: forms, JSON, cookies, uploads, a streamed response, errors, and static files."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Flask, Response, jsonify, make_response, render_template_string, request

app = Flask(__name__)


@app.get("/")
def index() -> str:
    return render_template_string("<h1>Hello, {{ name }}!</h1>", name=request.args.get("name", "world"))


@app.post("/form")
def form() -> str:
    return f"{request.form['name']} likes {', '.join(request.form.getlist('likes'))}"


@app.post("/json")
def add() -> Response:
    numbers = request.get_json()["numbers"]
    return jsonify(sum=sum(numbers))


@app.get("/cookie")
def cookie() -> Response:
    visits = int(request.cookies.get("visits", 0)) + 1
    response = make_response(f"visit {visits}")
    response.set_cookie("visits", str(visits), httponly=True)
    response.set_cookie("theme", "dark")
    return response


@app.post("/upload")
def upload() -> str:
    file = request.files["file"]
    return f"{file.filename} has {len(file.read())} bytes"


@app.get("/stream")
def stream() -> Response:
    def parts() -> Iterator[str]:
        for n in range(3):
            yield f"part {n}\n"

    return Response(parts(), mimetype="text/plain")


@app.get("/error")
def error() -> str:
    raise ValueError("this is on purpose")


@app.errorhandler(404)
def missing(error: Exception) -> tuple[str, int]:
    return f"there is nothing at {request.path}", 404
