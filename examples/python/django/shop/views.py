"""Forms, JSON, cookies, uploads, a streamed response, errors, and a database."""

from __future__ import annotations

import json

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.template import Context, Engine
from django.views.decorators.http import require_POST

from shop.models import Item


def text(content: str, status: int = 200) -> HttpResponse:
    return HttpResponse(content, content_type="text/plain; charset=utf-8", status=status)


def index(request: HttpRequest) -> HttpResponse:
    template = Engine().from_string("<h1>Hello, {{ name }}!</h1>")
    return HttpResponse(template.render(Context({"name": request.GET.get("name", "world")})))


@require_POST
def form(request: HttpRequest) -> HttpResponse:
    return text(f"{request.POST['name']} likes {', '.join(request.POST.getlist('likes'))}")


@require_POST
def add(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"sum": sum(json.loads(request.body)["numbers"])})


def cookie(request: HttpRequest) -> HttpResponse:
    visits = int(request.COOKIES.get("visits", 0)) + 1
    response = text(f"visit {visits}")
    response.set_cookie("visits", str(visits), httponly=True)
    response.set_cookie("theme", "dark")
    return response


@require_POST
def upload(request: HttpRequest) -> HttpResponse:
    file = request.FILES["file"]
    return text(f"{file.name} has {len(file.read())} bytes")


def stream(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse((f"part {n}\n" for n in range(3)), content_type="text/plain")


def error(request: HttpRequest) -> HttpResponse:
    raise ValueError("this is on purpose")


def items(request: HttpRequest) -> HttpResponse:
    """List what is in the database, and add what is sent: it is gone with the request, as all of /tmp is."""
    if request.method == "POST":
        Item.objects.create(name=request.POST["name"], price=int(request.POST["price"]))
    return JsonResponse({"items": list(Item.objects.order_by("price").values_list("name", "price"))})


def missing(request: HttpRequest, exception: Exception) -> HttpResponse:
    return text(f"there is nothing at {request.path_info}", 404)
