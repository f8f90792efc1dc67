"""The compatibility layer: what this build of CPython lacks, and popular packages take for granted.

Each file here fills one gap, and says which. It is imported when, and only if, an application imports the module with the gap. A build that has the real
thing keeps it: a module is looked for before its stand-in is, and whether a thread starts is found out by starting one.
"""

from __future__ import annotations

import os
import sys
from _frozen_importlib_external import spec_from_file_location  # type: ignore[import]  # importlib.util would be a part of every image

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

# Modules for which a file here stands in where they are missing.
STAND_INS = {
    "concurrent.futures.process": "processpool",
    "concurrent.futures.thread": "threadpool",
    "multiprocessing": "processes",
    "ssl": "tls",
}

# Modules that can be there without working: they need threads.
NEED_THREADS = {"concurrent.futures.thread"}

# Modules that a file here mends, by its function mend, when they have been imported.
MENDED = {
    "anyio.to_thread": "workers",
    "asyncio": "eventloop",
    "threading": "threads",
}


def threads_start() -> bool:
    """Tell whether this build can start threads."""
    import _thread

    try:
        _thread.start_new_thread(int, ())
    except RuntimeError:
        return False
    return True


class Finder:
    """The finder on sys.meta_path that fills the gaps."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name not in STAND_INS and name not in MENDED:
            return None
        spec = next((found for finder in sys.meta_path if finder is not self and (found := finder.find_spec(name, path, target))), None)
        if name in MENDED:
            if spec is not None:
                spec.loader = Mender(spec.loader, MENDED[name])  # type: ignore[assignment]
        elif spec is None or name in NEED_THREADS and not threads_start():
            spec = spec_from_file_location(name, os.path.join(os.path.dirname(__file__), STAND_INS[name] + ".py"))
        return spec


class Mender:
    """The loader of a module that is mended when it has been loaded."""

    def __init__(self, loader: Any, by: str) -> None:
        self.loader, self.by = loader, by

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loader, name)

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__.loader = module.__loader__ = self.loader  # type: ignore[union-attr]
        self.loader.exec_module(module)
        __import__("mayfly._compat." + self.by)
        sys.modules["mayfly._compat." + self.by].mend(module)
