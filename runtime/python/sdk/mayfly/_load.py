"""Finds a function's entry: what the manifest names, app or application (WSGI), or handler."""

from __future__ import annotations

import os
import sys

from mayfly._respond import handler_responder, is_async, wsgi_responder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType
    from typing import Any

    from mayfly._request import Request

# Where the function's files are, and which of them is its module when there are several.
APP_DIR = "/app"
USUAL_NAMES = ("main", "app", "handler", "wsgi", "function")

WSGI_NAMES = ("app", "application")


class LoadError(Exception):
    """The function cannot be served; the text is for its author."""


def load(entry: str, environ: Iterable[tuple[str, str]]) -> tuple[str, Callable[[Request], Any]]:
    """Import the function and return its entry as "module:name" and what serves it.

    entry is the manifest's: "module", "module:name", "file.py" or "" to look. environ is the function's environment.
    """
    set_environ(environ)
    forget_folders()
    module_name, _, name = entry.partition(":")
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
    return f"{module_name}:{name}", responder(module_name, name, target)


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
    if len(files) == 1:
        return files[0]
    for name in USUAL_NAMES:
        if name in files:
            return name
    if not files:
        raise LoadError("there is no .py file at the top of the folder: add main.py, or name the module in mayfly.toml: entry = \"package.module:app\"")
    listed = ", ".join(f + ".py" for f in files)
    raise LoadError(f'which of these is the function: {listed}? Name it in mayfly.toml, such as entry = "{files[0]}", or call it main.py')


def import_module(name: str) -> ModuleType:
    try:
        __import__(name)
        return sys.modules[name]
    except ModuleNotFoundError as error:
        if error.name == name or (error.name and name.startswith(error.name + ".")):
            raise LoadError(f"there is no module {name!r} among the function's files: check entry in mayfly.toml") from None
        raise


def find_entry(module: ModuleType) -> tuple[str, Any]:
    for name in (*WSGI_NAMES, "handler"):
        if callable(getattr(module, name, None)):
            return name, getattr(module, name)
    raise LoadError(
        f"{module.__name__}.py has no entry: define handler(request), or a WSGI application called app or application, "
        f"or name another in mayfly.toml: entry = \"{module.__name__}:NAME\"; {describe(module)}"
    )


def describe(module: ModuleType) -> str:
    names = [n for n, v in vars(module).items() if callable(v) and not n.startswith("_") and getattr(v, "__module__", "") == module.__name__]
    if not names:
        return "it defines no functions"
    return "it defines " + ", ".join(sorted(names)[:12])


def responder(module_name: str, name: str, target: Any) -> Callable[[Request], Any]:
    required = required_parameters(target)
    if required == 3 and is_async(target):
        raise LoadError(f"{module_name}:{name} is an ASGI application, which this version does not serve yet: use a WSGI application or handler(request)")
    if name in WSGI_NAMES or required == 2:
        return wsgi_responder(target)
    if required not in (None, 1):
        raise LoadError(f"{module_name}:{name} takes {required} arguments: a handler takes one (request), a WSGI application two (environ, start_response)")
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
