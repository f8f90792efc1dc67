"""Stands in for concurrent.futures.process.

Gap: CPython for WASI leaves the module out, since there are no processes. It can be imported, and making a pool is an error that says what to do.
"""

from __future__ import annotations

from concurrent.futures import _base
from multiprocessing import refuse  # type: ignore[attr-defined]  # the stand-in for it

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing would be a part of the image
    from typing import Any


class BrokenProcessPool(_base.BrokenExecutor):
    """Raised by the real module when a process of the pool has ended."""


class ProcessPoolExecutor(_base.Executor):
    """concurrent.futures.ProcessPoolExecutor, of which none can be made."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        refuse("ProcessPoolExecutor()")
