"""Stands in for multiprocessing, and is its own submodules.

Gap: CPython for WASI leaves the package out, since there are no processes. It can be imported, and says that there is one process. Locks, events and queues
are those of threading and queue, which do for one. Starting a process, or making what others would share, is an error that says what to do.
"""

from __future__ import annotations

import errno
import queue
import sys
import threading
from threading import Barrier, BoundedSemaphore, Condition, Event, Lock, RLock, Semaphore  # noqa: F401

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing would be a part of the image
    from collections.abc import Callable
    from typing import Any, NoReturn


class ProcessError(Exception):
    """The base of this package's errors."""


class AuthenticationError(ProcessError):
    """Raised by the real package."""


class BufferTooShort(ProcessError):
    """Raised by the real package."""


class TimeoutError(ProcessError):
    """Raised by the real package."""


def refuse(what: str) -> NoReturn:
    """Raise the error of a use that takes another process."""
    raise OSError(errno.ENOSYS, f"multiprocessing: {what} needs another process, and a sandbox has one: do the work in the request, or call another function for it")


class BaseProcess:
    """multiprocessing.Process: it can be made, and not started."""

    exitcode = None
    authkey = b""

    def __init__(
        self,
        group: None = None,
        target: Callable[..., Any] | None = None,
        name: str | None = None,
        args: Any = (),
        kwargs: Any = None,
        *,
        daemon: bool | None = None,
    ) -> None:
        self.name, self.daemon, self.pid = name or "Process-1", bool(daemon), None
        self._target, self._args, self._kwargs = target, tuple(args), dict(kwargs or {})

    @property
    def ident(self) -> int | None:
        return self.pid

    def run(self) -> None:
        if self._target is not None:
            self._target(*self._args, **self._kwargs)

    def start(self) -> None:
        refuse("Process.start()")

    def is_alive(self) -> bool:
        return self is _current

    def join(self, timeout: float | None = None) -> None:
        raise AssertionError("can only join a started process")


Process = BaseProcess
_current = BaseProcess(name="MainProcess")
_current.pid = 1  # type: ignore[assignment]


def current_process() -> BaseProcess:
    return _current


def parent_process() -> None:
    return None


def active_children() -> list[BaseProcess]:
    return []


def cpu_count() -> int:
    return 1


def freeze_support() -> None:
    pass


def get_all_start_methods() -> list[str]:
    return []


def get_start_method(allow_none: bool = False) -> None:
    return None


def set_start_method(method: str | None, force: bool = False) -> None:
    if method is not None:
        raise ValueError(f"cannot find context for {method!r}: a sandbox starts no processes")


def get_context(method: str | None = None) -> Any:
    """Return this module: it is the only context that there is."""
    set_start_method(method)
    return _this


def Queue(maxsize: int = 0) -> queue.Queue[Any]:
    return queue.Queue(maxsize)


JoinableQueue = Queue


def SimpleQueue() -> queue.SimpleQueue[Any]:
    return queue.SimpleQueue()


def _refuser(name: str) -> Callable[..., NoReturn]:
    def refused(*args: Any, **kwargs: Any) -> NoReturn:
        refuse(f"{name}()")

    refused.__name__ = refused.__qualname__ = name
    return refused


_this = sys.modules[__name__]
for _name in ("Pool", "ThreadPool", "Manager", "Pipe", "Value", "Array", "RawValue", "RawArray", "SharedMemory", "ShareableList", "Client", "Listener"):
    setattr(_this, _name, _refuser(_name))
for _name in ("connection", "context", "managers", "pool", "process", "queues", "shared_memory", "synchronize"):
    setattr(_this, _name, _this)
    sys.modules[f"{__name__}.{_name}"] = _this
__path__: list[str] = []
