"""Which view serves which path."""

from django.conf import settings
from django.urls import path
from django.views.static import serve

from shop import views

urlpatterns = [
    path("", views.index),
    path("form", views.form),
    path("json", views.add),
    path("cookie", views.cookie),
    path("upload", views.upload),
    path("stream", views.stream),
    path("error", views.error),
    path("items", views.items),
    path("static/<path:path>", serve, {"document_root": settings.STATIC_ROOT}),
]
handler404 = views.missing
