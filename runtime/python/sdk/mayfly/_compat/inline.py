"""Calls a function as another thread would.

Gap: a sandbox has one thread. What packages hand to another one, since it blocks, is called here at once, and everything else waits for it. It finds no
running event loop, as it would not in a thread of its own, so it may call asyncio.run.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing would be a part of the image
    from collections.abc import Callable
    from typing import ParamSpec, TypeVar

    P = ParamSpec("P")
    R = TypeVar("R")


def call(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call function, and return or raise what it does."""
    events = sys.modules.get("asyncio.events")
    loop = events._get_running_loop() if events is not None else None
    if events is None or loop is None:
        return function(*args, **kwargs)
    events._set_running_loop(None)
    try:
        return function(*args, **kwargs)
    finally:
        events._set_running_loop(loop)
