"""Has anyio call in the event loop's thread what it would call in a worker thread.

Gap: a sandbox has no worker threads, and anyio (so Starlette and FastAPI) uses them for each endpoint that is not async, for files and for forms. The call is
made at once. What such a call would run in the event loop by anyio.from_thread cannot be run, since the loop waits for the call: anyio says so.
"""

from __future__ import annotations

import sys
from contextvars import copy_context

from mayfly._compat import inline, threads_start

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing would be a part of the image
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any


def mend(to_thread: ModuleType) -> None:
    """Put run_sync into the module anyio.to_thread where no thread can be started."""
    if not threads_start():
        to_thread.run_sync = run_sync  # type: ignore[attr-defined]


async def run_sync(func: Callable[..., Any], *args: Any, abandon_on_cancel: bool = False, cancellable: bool | None = None, limiter: Any = None) -> Any:
    """Call func(*args) as anyio.to_thread.run_sync does, and wait for it."""
    from anyio.lowlevel import checkpoint

    await checkpoint()
    context = copy_context()
    sniffio = sys.modules.get("sniffio")
    if sniffio is not None:  # what is called is not in an async library
        context.run(sniffio.current_async_library_cvar.set, None)
    if limiter is None:
        return context.run(inline.call, func, *args)  # type: ignore[arg-type]
    async with limiter:
        return context.run(inline.call, func, *args)  # type: ignore[arg-type]
