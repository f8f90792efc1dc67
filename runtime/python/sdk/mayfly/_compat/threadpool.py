"""Stands in for concurrent.futures.thread.

Gap: CPython for WASI leaves the module out, since there are no threads. submit runs the call at once and returns a future that is done. A call that waits for
one that is submitted after it waits for ever, where in a pool it would not.
"""

from __future__ import annotations

from concurrent.futures import _base

from mayfly._compat import inline

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing would be a part of the image
    from collections.abc import Callable
    from typing import Any, ParamSpec, TypeVar

    P = ParamSpec("P")
    R = TypeVar("R")


class BrokenThreadPool(_base.BrokenExecutor):
    """Raised when the initializer of a ThreadPoolExecutor has failed."""


class ThreadPoolExecutor(_base.Executor):
    """concurrent.futures.ThreadPoolExecutor without threads."""

    def __init__(
        self, max_workers: int | None = None, thread_name_prefix: str = "", initializer: Callable[..., Any] | None = None, initargs: tuple[Any, ...] = ()
    ) -> None:
        if max_workers is not None and max_workers <= 0:
            raise ValueError("max_workers must be greater than 0")
        if initializer is not None and not callable(initializer):
            raise TypeError("initializer must be a callable")
        self._max_workers = max_workers or 1
        self._initializer, self._initargs = initializer, initargs
        self._broken = self._shutdown = False

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> _base.Future[R]:
        if self._shutdown:
            raise RuntimeError("cannot schedule new futures after shutdown")
        self._initialize()
        future: _base.Future[R] = _base.Future()
        future.set_running_or_notify_cancel()
        try:
            result = inline.call(fn, *args, **kwargs)
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)
        return future

    submit.__doc__ = _base.Executor.submit.__doc__

    def _initialize(self) -> None:
        """Call the initializer before the first call, as a worker's thread would."""
        initializer, self._initializer = self._initializer, None
        if initializer is not None:
            try:
                inline.call(initializer, *self._initargs)
            except BaseException:
                _base.LOGGER.critical("Exception in initializer:", exc_info=True)
                self._broken = True
        if self._broken:
            raise BrokenThreadPool("A thread initializer failed, the thread pool is not usable anymore")

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._shutdown = True

    shutdown.__doc__ = _base.Executor.shutdown.__doc__
