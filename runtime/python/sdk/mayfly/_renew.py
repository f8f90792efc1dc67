"""Renews what sandboxes that come from one image must not share."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    Hook = TypeVar("Hook", bound=Callable[[], Any])

_renewed = False  # which a reset brings back
_hooks: list[Callable[[], Any]] = []


def on_restore(function: Hook) -> Hook:
    """Have function called, without arguments, before the first request that a sandbox serves: with the usual isolation that is each request.

    A sandbox begins as a copy of the function's memory after it was imported. What must not be the same in two copies is made anew here: a
    generator of random numbers or names of your own, the time at which something began. Mayfly itself does so for the modules random, tempfile
    and uuid. It can be used as a decorator.
    """
    _hooks.append(function)
    return function


def renew() -> None:
    """Renew what has to be: once, since where a sandbox is reused it has its own from then on."""
    global _renewed
    if _renewed:
        return
    _renewed = True
    modules = sys.modules
    if "random" in modules:
        modules["random"].seed(int.from_bytes(os.urandom(32), "little"))
    if "tempfile" in modules:
        modules["tempfile"]._name_sequence = None  # type: ignore[attr-defined]
    if "uuid" in modules:
        modules["uuid"]._node = modules["uuid"]._last_timestamp = None  # type: ignore[attr-defined]
    for hook in _hooks:
        hook()


def renew_next_time() -> None:
    """Have the next request renew: an image is about to be taken."""
    global _renewed
    _renewed = False
