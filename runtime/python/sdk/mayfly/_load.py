"""Finds a function's entry: what the manifest names, app or application (WSGI or ASGI), create_app, or handler."""

from __future__ import annotations

import os
import sys

from mayfly._respond import asgi_responder, handler_responder, is_async, wsgi_responder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType
    from typing import Any

    from mayfly._request import Request

# Where the function's files are, and which of them is its module when there are several.
APP_DIR = "/app"
USUAL_NAMES = ("main", "app", "handler", "wsgi", "asgi", "function")

APP_NAMES = ("app", "application")
FACTORY = "create_app"


class LoadError(Exception):
    """The function cannot be served; the text is for its author."""


def load(entry: str, environ: Iterable[tuple[str, str]]) -> tuple[str, Callable[[Request], Any]]:
    """Import the function and return its entry as "module:name" and what serves it.

    entry is the manifest's: "module", "module:name", "module:factory()", "file.py" or "" to look. environ is the function's environment.
    """
    set_environ(environ)
    forget_folders()
    module_name, _, name = entry.partition(":")
    called = name.endswith("()")
    name = name.removesuffix("()")
    if module_name.endswith(".py"):
        module_name = module_name[:-3].replace("/", ".")
    if not module_name:
        module_name = find_module()
    if module_name.partition(".")[0] == "mayfly":
        raise LoadError("the file mayfly.py hides the package mayfly, from which Request and Response come: rename it")
    sys.path.insert(0, APP_DIR)
    module = import_module(module_name)
    if name:
        target: Any = module
        for part in name.split("."):
            if not hasattr(target, part):
                raise LoadError(f'entry is "{module_name}:{name}", but {module_name} has no {part!r}; {describe(module)}')
            target = getattr(target, part)
        if not callable(target):
            raise LoadError(f'entry is "{module_name}:{name}", but that is a {type(target).__name__}, which cannot be called')
    else:
        name, target = find_entry(module)
    if called or name.rpartition(".")[2] == FACTORY or entry and name != "handler" and required_parameters(target) == 0:
        name, target = name + "()", make_app(module_name, name, target)
    return f"{module_name}:{name}", responder(module_name, name, target)


def make_app(module_name: str, name: str, factory: Any) -> Any:
    """Return the application that a factory makes."""
    if is_async(factory):
        raise LoadError(f"{module_name}:{name} makes the application and is async: make it a plain function, and what has to be awaited the application's startup")
    if (required_parameters(factory) or 0) > 1:
        raise LoadError(f"{module_name}:{name} makes the application and takes arguments: give them defaults, or name a function without in mayfly.toml")
    app = factory()
    if not callable(app):
        raise LoadError(f"{module_name}:{name}() returned a {type(app).__name__}: it must return the application")
    return app


def set_environ(environ: Iterable[tuple[str, str]]) -> None:
    for name in list(os.environ):
        del os.environ[name]
    for name, value in environ:
        os.environ[name] = value
    if "TZ" in os.environ:
        import time

        time.tzset()


def forget_folders() -> None:
    """Forget what lay in the folders that each function has its own of.

    importlib.invalidate_caches would import importlib.metadata, and read the directory of the standard library's zip anew: five hundred pages.
    """
    cache = sys.path_importer_cache
    for path in [path for path in cache if path.startswith((APP_DIR, sys.prefix))]:
        del cache[path]


def find_module() -> str:
    files = sorted(f[:-3] for f in os.listdir(APP_DIR) if f.endswith(".py") and f != "__init__.py")
    if "manage" in files and (django := django_module()):
        return django
    if len(files) == 1:
        return files[0]
    for name in USUAL_NAMES:
        if name in files:
            return name
    if not files:
        raise LoadError("there is no .py file at the top of the folder: add main.py, or name the module in mayfly.toml: entry = \"package.module:app\"")
    listed = ", ".join(f + ".py" for f in files)
    raise LoadError(f'which of these is the function: {listed}? Name it in mayfly.toml, such as entry = "{files[0]}", or call it main.py')


def django_module() -> str:
    """Return the one package.wsgi, else package.asgi, that lies beside a Django project's manage.py; "" when it is not one."""
    for module in ("wsgi", "asgi"):
        found = [folder for folder in os.listdir(APP_DIR) if os.path.isfile(f"{APP_DIR}/{folder}/{module}.py") and os.path.isfile(f"{APP_DIR}/{folder}/settings.py")]
        if len(found) == 1:
            return f"{found[0]}.{module}"
    return ""


def import_module(name: str) -> ModuleType:
    try:
        __import__(name)
        return sys.modules[name]
    except ModuleNotFoundError as error:
        if error.name == name or (error.name and name.startswith(error.name + ".")):
            raise LoadError(f"there is no module {name!r} among the function's files: check entry in mayfly.toml") from None
        raise


def find_entry(module: ModuleType) -> tuple[str, Any]:
    for name in (*APP_NAMES, FACTORY, "handler"):
        if callable(getattr(module, name, None)):
            return name, getattr(module, name)
    raise LoadError(
        f"{module.__name__}.py has no entry: define handler(request), or a WSGI or ASGI application called app or application, "
        "or create_app(), which makes one, "
        f"or name another in mayfly.toml: entry = \"{module.__name__}:NAME\"; {describe(module)}"
    )


def describe(module: ModuleType) -> str:
    names = [n for n, v in vars(module).items() if callable(v) and not n.startswith("_") and getattr(v, "__module__", "") == module.__name__]
    if not names:
        return "it defines no functions"
    return "it defines " + ", ".join(sorted(names)[:12])


def responder(module_name: str, name: str, target: Any) -> Callable[[Request], Any]:
    required = required_parameters(target)
    named_app = name in APP_NAMES or name.endswith("()")
    if required == 3 or required is None and named_app and is_async(target):
        return asgi_responder(target)
    if required == 2 or named_app and not is_async(target):
        return wsgi_responder(target)
    if required not in (None, 1):
        raise LoadError(
            f"{module_name}:{name} takes {required} arguments: a handler takes one (request), a WSGI application two (environ, start_response), "
            "an ASGI application three (scope, receive, send)"
        )
    return handler_responder(target)


def required_parameters(target: Any) -> int | None:
    """Return how many positional arguments target must be given; None when it does not say, or takes any number."""
    bound = 0
    if not hasattr(target, "__code__") and not hasattr(target, "__func__"):
        # A class is called by its __init__, an object by its type's __call__; functools.partial and the like do not say.
        name = "__init__" if isinstance(target, type) else "__call__"
        target, bound = getattr(target if isinstance(target, type) else type(target), name, None), 1
    if hasattr(target, "__func__"):
        target, bound = target.__func__, 1
    if hasattr(target, "__wrapped__"):
        return None
    code = getattr(target, "__code__", None)
    co_varargs = 0x04
    if code is None or code.co_flags & co_varargs:
        return None
    positional = code.co_argcount - bound
    required = positional - len(target.__defaults__ or ())
    # handler(request=None) takes one as well.
    return 1 if required <= 0 < positional else required
