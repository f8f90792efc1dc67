"""Renews what sandboxes that come from one image must not share."""

from __future__ import annotations

import os
import sys

from mayfly._respond import is_async

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    Hook = TypeVar("Hook", bound=Callable[[], Any])

_hooks: list[Callable[[], Any]] = []


class HookError(BaseException):
    """A hook raised an exception, which is the cause; the text is the hook's name."""


# What is to be called before the next request. It is set when an image is about to be taken, so a request that begins at the image finds it set.
renewals: list[Callable[[], Any]] = []


def on_restore(function: Hook) -> Hook:
    """Have function called, without arguments, before the first request that a sandbox serves: with the usual isolation that is each request.

    A sandbox begins as a copy of the function's memory after it was imported. What must not be the same in two copies is made anew here: a
    generator of random numbers or names of your own, the time at which something began. Mayfly itself does so for the modules random, tempfile
    and uuid. It can be used as a decorator.
    """
    if not callable(function):
        raise TypeError(f"on_restore was given a {type(function).__name__}: it must be something to call, such as rng.seed without parentheses")
    if isinstance(function, type(on_restore)) and is_async(function):
        raise TypeError("on_restore was given an async function: nothing would await it; give it one that is not")
    _hooks.append(function)
    return function


def settle() -> None:
    """Set renewals: an image is about to be taken."""
    renewals[:] = [renew for name, renew in _MODULES.items() if name in sys.modules] + _hooks


def renew() -> None:
    """Renew what has to be: once, since where a sandbox is reused it has its own from then on."""
    hooks = renewals[:]
    renewals.clear()
    for hook in hooks:
        try:
            hook()
        except MemoryError:
            raise
        except BaseException as error:
            name = f"{getattr(hook, '__qualname__', type(hook).__qualname__)}"
            error.add_note(f"It was raised by the on_restore hook {name}, which runs before the request.")
            raise HookError(name) from error


def _random() -> None:
    sys.modules["random"].seed(int.from_bytes(os.urandom(32), "little"))


def _tempfile() -> None:
    sys.modules["tempfile"]._name_sequence = None  # type: ignore[attr-defined]


def _uuid() -> None:
    uuid = sys.modules["uuid"]
    uuid._node = uuid._last_timestamp = None  # type: ignore[attr-defined]


_MODULES = {"random": _random, "tempfile": _tempfile, "uuid": _uuid}
