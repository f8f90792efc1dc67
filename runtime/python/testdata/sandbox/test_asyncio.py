"""asyncio in a sandbox: what waits, waits at the same time; what would block another thread is called at once."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
import unittest
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

R = TypeVar("R")


async def after(seconds: float, result: R) -> R:
    await asyncio.sleep(seconds)
    return result


def run(main: Coroutine[Any, Any, R], within: float = 5) -> R:
    """Run main, which must take less than within seconds."""
    begin = time.monotonic()
    result = asyncio.run(main)
    took = time.monotonic() - begin
    if took >= within:
        raise AssertionError(f"it took {took} s")
    return result


class Asyncio(unittest.TestCase):
    def test_sleeps_are_slept_at_the_same_time(self) -> None:
        async def main() -> list[int]:
            return await asyncio.gather(*(after(0.1, n) for n in range(50)))

        self.assertEqual(run(main(), within=2), list(range(50)))

    def test_order_is_by_time(self) -> None:
        async def main() -> list[int]:
            loop, seen, done = asyncio.get_running_loop(), [], asyncio.Event()
            begin = loop.time()
            for n in (3, 1, 2):
                loop.call_at(begin + n / 50, seen.append, n)
            loop.call_at(begin + 4 / 50, done.set)
            await done.wait()
            return seen

        self.assertEqual(run(main()), [1, 2, 3])

    def test_timeouts_end_what_takes_longer(self) -> None:
        async def main() -> list[str]:
            seen = []
            try:
                await asyncio.wait_for(after(60, ""), 0.02)
            except TimeoutError:
                seen.append("wait_for")
            try:
                async with asyncio.timeout(0.02):
                    await asyncio.Event().wait()
            except TimeoutError:
                seen.append("timeout")
            done, pending = await asyncio.wait([asyncio.create_task(after(0, "")), asyncio.create_task(after(60, ""))], timeout=0.05)
            seen.append(f"{len(done)} done, {len(pending)} pending")
            return seen

        self.assertEqual(run(main()), ["wait_for", "timeout", "1 done, 1 pending"])

    def test_a_task_group_cancels_the_others(self) -> None:
        async def main() -> tuple[bool, list[str]]:
            cancelled = False

            async def waits() -> None:
                nonlocal cancelled
                try:
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    cancelled = True
                    raise

            async def fails() -> None:
                await asyncio.sleep(0.01)
                raise ValueError("failed")

            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(waits())
                    group.create_task(fails())
            except ExceptionGroup as errors:
                return cancelled, [str(e) for e in errors.exceptions]
            return cancelled, []

        self.assertEqual(run(main()), (True, ["failed"]))

    def test_queues_hand_over(self) -> None:
        async def main() -> list[int]:
            queue: asyncio.Queue[int | None] = asyncio.Queue(maxsize=2)
            got = []

            async def produce() -> None:
                for n in range(10):
                    await queue.put(n)
                await queue.put(None)

            async def consume() -> None:
                while (item := await queue.get()) is not None:
                    got.append(item)
                    queue.task_done()

            await asyncio.gather(produce(), consume())
            return got

        self.assertEqual(run(main()), list(range(10)))

    def test_locks_events_and_conditions_wake_who_waits(self) -> None:
        async def main() -> list[str]:
            lock, event, condition, semaphore, seen = asyncio.Lock(), asyncio.Event(), asyncio.Condition(), asyncio.Semaphore(1), []

            async def wait(name: str) -> None:
                async with semaphore, lock:
                    seen.append(name)
                await event.wait()
                async with condition:
                    await condition.wait()
                seen.append(name)

            async def settle() -> None:
                for _ in range(20):
                    await asyncio.sleep(0)

            tasks = [asyncio.create_task(wait(name)) for name in "ab"]
            await settle()
            event.set()
            await settle()
            async with condition:
                condition.notify_all()
            await asyncio.gather(*tasks)
            return seen

        self.assertEqual(run(main()), ["a", "b", "a", "b"])

    def test_executors_and_to_thread_call_at_once(self) -> None:
        variable = contextvars.ContextVar("variable", default="")

        def blocking(arg: str) -> tuple[str, str, bool]:
            return arg, variable.get(), threading.current_thread() is threading.main_thread()

        async def main() -> list[Any]:
            variable.set("set")
            loop = asyncio.get_running_loop()
            with ThreadPoolExecutor() as pool:
                results: list[Any] = [
                    await loop.run_in_executor(pool, len, "abc"),
                    await loop.run_in_executor(None, len, "ab"),
                    await asyncio.to_thread(blocking, "arg"),
                ]
            try:
                await asyncio.to_thread(int, "x")
            except ValueError as error:
                results.append(type(error))
            return results

        self.assertEqual(run(main()), [3, 2, ("arg", "set", True), ValueError])

    def test_what_an_executor_calls_may_run_a_loop_of_its_own(self) -> None:
        async def main() -> list[Any]:
            outer = asyncio.get_running_loop()
            inner = await asyncio.to_thread(lambda: asyncio.run(after(0.01, "inner")))
            return [inner, asyncio.get_running_loop() is outer, await after(0.01, "outer")]

        self.assertEqual(run(main()), ["inner", True, "outer"])

    def test_call_soon_threadsafe_and_call_later(self) -> None:
        async def main() -> list[str]:
            loop, seen, done = asyncio.get_running_loop(), [], asyncio.Event()
            loop.call_later(0.02, lambda: (seen.append("later"), done.set()))
            loop.call_soon_threadsafe(seen.append, "soon")
            asyncio.run_coroutine_threadsafe(after(0, seen.append("coroutine")), loop)
            await done.wait()
            return seen

        self.assertEqual(run(main()), ["coroutine", "soon", "later"])

    def test_async_generators_are_closed(self) -> None:
        closed = []

        async def count() -> AsyncIterator[int]:
            try:
                for n in range(10):
                    yield n
                    await asyncio.sleep(0)
            finally:
                closed.append(True)

        async def main() -> int:
            async for n in count():
                if n == 3:
                    return n
            return -1

        self.assertEqual((run(main()), closed), (3, [True]))

    def test_a_loop_can_be_made_by_every_way(self) -> None:
        for make in (asyncio.new_event_loop, asyncio.SelectorEventLoop, asyncio.get_event_loop_policy().new_event_loop):
            loop = make()
            self.assertEqual(loop.run_until_complete(after(0.01, 1)), 1)
            loop.close()
        with asyncio.Runner() as runner:
            self.assertEqual(runner.run(after(0.01, 2)), 2)

    def test_what_nothing_can_wake_is_an_error(self) -> None:
        async def main() -> None:
            await asyncio.Event().wait()

        self.assertRaisesRegex(RuntimeError, "deadlock: every task waits", asyncio.run, main())
        self.assertEqual(run(after(0.01, 1)), 1)
