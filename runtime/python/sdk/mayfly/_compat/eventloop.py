"""An event loop for asyncio in a sandbox.

Gap: CPython for WASI has no socketpair, by which a SelectorEventLoop wakes itself from another thread, and nothing that can be
selected. A sandbox has one thread, so nobody needs waking; and with no descriptors to watch, selecting is sleeping.
run_in_executor, and with it asyncio.to_thread, calls at once.
"""

from __future__ import annotations

import asyncio
import selectors
import socket
import time
from concurrent.futures import Future

from mayfly._compat import inline

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing would be a part of the image
    from collections.abc import Callable, Mapping
    from types import ModuleType
    from typing import Any


class _SleepingSelector(selectors.BaseSelector):
    """A selector that watches nothing and waits by time.sleep."""

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        raise NotImplementedError("a sandbox has no sockets that asyncio could watch")

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        raise KeyError(fileobj)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("deadlock: every task waits, and nothing in a sandbox can wake one of them")
        if timeout > 0:
            time.sleep(timeout)
        return []

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return {}


class EventLoop(asyncio.SelectorEventLoop):
    """asyncio's SelectorEventLoop without its self-pipe; run_in_executor runs the call at once."""

    def __init__(self) -> None:
        super().__init__(_SleepingSelector())

    def _make_self_pipe(self) -> None:
        pass

    def _close_self_pipe(self) -> None:
        pass

    def _write_to_self(self) -> None:
        pass

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:
        done: Future[Any] = Future()
        try:
            done.set_result(inline.call(func, *args))
        except BaseException as error:
            done.set_exception(error)
        return asyncio.wrap_future(done, loop=self)


class EventLoopPolicy(asyncio.DefaultEventLoopPolicy):
    """A policy under which asyncio.run and asyncio.new_event_loop make an EventLoop."""

    _loop_factory = EventLoop


def mend(module: ModuleType) -> None:
    """Have asyncio make such event loops where it cannot make its own."""
    try:
        for end in socket.socketpair():
            end.close()
    except (AttributeError, OSError):
        module.SelectorEventLoop = EventLoop  # type: ignore[attr-defined]
        module.set_event_loop_policy(EventLoopPolicy())
