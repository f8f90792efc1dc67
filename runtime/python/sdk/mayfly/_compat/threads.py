"""Says why no thread can be started.

Gap: CPython for WASI has the module threading and no threads; what start says is "can't start new thread". Here it says what to do, too.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing would be a part of the image
    from types import ModuleType
    from typing import Any


def mend(threading: ModuleType) -> None:
    """Have threading.Thread.start say more when a thread cannot be started."""
    for name in ("_start_new_thread", "_start_joinable_thread"):  # the one up to CPython 3.12, the other since
        real = getattr(threading, name, None)
        if real is not None:
            setattr(threading, name, _explained(real))


def _explained(real: Any) -> Any:
    def start(*args: Any, **kwargs: Any) -> Any:
        try:
            return real(*args, **kwargs)
        except RuntimeError as error:
            raise RuntimeError(f"{error}: a sandbox has one; call the function, or use asyncio for what waits") from None

    return start
