"""Runs once in a new sandbox: loads the function and leaves the interpreter ready to be called.

The host runs this as CPython's command. It tells the host where Server.invoke is and leaves by os._exit, which ends the program without
ending the interpreter: memory stays as it is, and is the function's image.
"""

from __future__ import annotations

import gc
import os
import sys

from mayfly._load import APP_DIR, LoadError, load
from mayfly._serve import CALL_FD, Server, flush, format_traceback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any


class _AfterAsyncio:
    """Gives asyncio the sandbox's event loop when, and only if, it is imported. It is a finder and a loader."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name != "asyncio":
            return None
        sys.meta_path.remove(self)
        for finder in sys.meta_path:
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                self._loader: Any = spec.loader
                spec.loader = self  # type: ignore[assignment]
                return spec
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__.loader = self._loader  # type: ignore[union-attr]
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        from mayfly._eventloop import EventLoopPolicy

        module.set_event_loop_policy(EventLoopPolicy())  # type: ignore[attr-defined]


def tell(*parts: str) -> None:
    os.write(CALL_FD, b"\0".join(part.replace("\0", "").encode("utf-8", "replace") for part in parts))


def fail(kind: str, message: str, trace: str = "") -> None:
    flush()
    tell("error", kind, message, trace)
    os._exit(1)


def boot(entry: str) -> None:
    os.chdir(APP_DIR)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    sys.meta_path.insert(0, _AfterAsyncio())
    try:
        name, respond = load(entry)
    except LoadError as error:
        fail("load", str(error))
    except SyntaxError as error:
        fail("syntax", f"{error.filename}:{error.lineno}: {error.msg}", format_traceback(error))
    except MemoryError:
        fail("memory", "")
    except ModuleNotFoundError as error:
        where = "the function's own files and the standard library have the modules that can be imported"
        fail("import", f"{type(error).__qualname__}: {error}: {where}", format_traceback(error))
    except BaseException as error:
        fail("import", f"{type(error).__qualname__}: {error}", format_traceback(error))
    invoke = Server(respond).invoke
    flush()
    gc.collect()
    gc.freeze()
    tell("ready", name, str(id(invoke)), str(id(())), str(id(type(invoke))), ".".join(map(str, sys.version_info[:3])))
    os._exit(0)
