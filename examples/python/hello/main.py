"""Greets whoever is named in the JSON body or in the query."""

from mayfly import Request, Response


def handler(request: Request) -> dict[str, str] | Response:
    name = request.query.get("name", "world")
    if request.body:
        try:
            name = request.json()["name"]
        except (ValueError, KeyError, TypeError):
            return Response(400, body={"error": 'send a JSON object with a name: {"name": "Ada"}'})
    return {"hello": name}
