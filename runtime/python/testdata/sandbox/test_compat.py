"""What the compatibility layer promises of each module that this build lacks."""

from __future__ import annotations

import sys
import unittest
from typing import Any


class Threads(unittest.TestCase):
    def test_starting_one_says_what_to_do(self) -> None:
        import threading

        with self.assertRaisesRegex(RuntimeError, "can't start new thread: a sandbox has one; call the function, or use asyncio"):
            threading.Thread(target=print).start()
        with self.assertRaisesRegex(RuntimeError, "a sandbox has one"):
            threading.Timer(1, print).start()
        self.assertEqual(threading.active_count(), 1)

    def test_where_threads_start_nothing_is_put_in_their_place(self) -> None:
        from types import ModuleType

        import mayfly._compat as compat
        import mayfly._compat.workers as workers

        real, compat.threads_start = compat.threads_start, lambda: True
        self.addCleanup(setattr, compat, "threads_start", real)
        self.addCleanup(setattr, workers, "threads_start", real)
        workers.threads_start = compat.threads_start
        module = ModuleType("anyio.to_thread")
        workers.mend(module)
        self.assertFalse(hasattr(module, "run_sync"))
        self.addCleanup(sys.meta_path.pop)

        class Real:
            @staticmethod
            def find_spec(name: str, path: Any = None, target: Any = None) -> str | None:
                return "the real one" if name in compat.STAND_INS else None

        sys.meta_path.append(Real)  # type: ignore[arg-type]
        finder = next(finder for finder in sys.meta_path if isinstance(finder, compat.Finder))
        self.assertEqual(finder.find_spec("concurrent.futures.thread"), "the real one")
        self.assertEqual(finder.find_spec("ssl"), "the real one")
        compat.threads_start = lambda: False
        self.assertNotEqual(finder.find_spec("concurrent.futures.thread"), "the real one")

    def test_modules_that_are_mended_keep_their_loader(self) -> None:
        import importlib.util
        import threading

        self.assertEqual(type(threading.__loader__), type(unittest.__loader__))
        self.assertIs(threading.__spec__.loader, threading.__loader__)
        spec = importlib.util.find_spec("threading")
        self.assertIs(spec, threading.__spec__)


class ThreadPool(unittest.TestCase):
    def test_submit_calls_at_once(self) -> None:
        from concurrent.futures import Executor, ThreadPoolExecutor, as_completed, wait

        self.assertTrue(issubclass(ThreadPoolExecutor, Executor))
        with ThreadPoolExecutor(max_workers=4, thread_name_prefix="x") as pool:
            future = pool.submit(divmod, 7, 3)
            self.assertTrue(future.done())
            self.assertEqual(future.result(), (2, 1))
            self.assertIsInstance(pool.submit(int, "x").exception(), ValueError)
            self.assertEqual(list(pool.map(pow, [2, 3], [3, 2])), [8, 9])
            self.assertEqual(sorted(f.result() for f in as_completed([pool.submit(abs, -n) for n in range(3)])), [0, 1, 2])
            self.assertEqual(len(wait([future]).done), 1)
        self.assertRaisesRegex(RuntimeError, "after shutdown", pool.submit, print)
        self.assertRaises(ValueError, ThreadPoolExecutor, 0)

    def test_the_initializer_is_called_once_before_the_first_call(self) -> None:
        import logging
        from concurrent.futures import ThreadPoolExecutor
        from concurrent.futures.thread import BrokenThreadPool

        seen: list[int] = []
        with ThreadPoolExecutor(initializer=seen.append, initargs=(1,)) as pool:
            self.assertEqual(seen, [])
            pool.submit(seen.append, 2)
            pool.submit(seen.append, 3)
        self.assertEqual(seen, [1, 2, 3])
        logging.disable()
        self.addCleanup(logging.disable, logging.NOTSET)
        with ThreadPoolExecutor(initializer=int, initargs=("x",)) as pool:
            for _ in range(2):
                self.assertRaises(BrokenThreadPool, pool.submit, print)


class Processes(unittest.TestCase):
    def test_the_package_can_be_imported_and_says_there_is_one(self) -> None:
        import multiprocessing
        import multiprocessing.pool
        from multiprocessing import pool
        from multiprocessing.process import current_process
        from multiprocessing.synchronize import Lock

        self.assertEqual((multiprocessing.cpu_count(), current_process().name, multiprocessing.active_children()), (1, "MainProcess", []))
        with Lock(), multiprocessing.get_context().RLock():
            pass
        queue = multiprocessing.Queue()
        queue.put(1)
        self.assertEqual(queue.get(), 1)
        self.assertIs(pool, multiprocessing.pool)

    def test_starting_one_says_what_to_do(self) -> None:
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing.pool import ThreadPool

        for make in (
            multiprocessing.Process(target=print).start,
            multiprocessing.Pool,
            multiprocessing.Manager,
            multiprocessing.Pipe,
            ThreadPool,
            ProcessPoolExecutor,
        ):
            with self.assertRaisesRegex(OSError, "needs another process, and a sandbox has one: do the work in the request"):
                make()
        self.assertRaisesRegex(ValueError, "starts no processes", multiprocessing.set_start_method, "fork")


class TLS(unittest.TestCase):
    def test_contexts_are_made_and_what_encrypts_is_an_error(self) -> None:
        import ssl

        context = ssl.create_default_context()
        context.load_default_certs()
        context.options |= ssl.OP_NO_COMPRESSION
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        for use in (context.wrap_socket, context.wrap_bio, ssl.MemoryBIO, ssl.get_server_certificate):
            with self.assertRaisesRegex(ssl.SSLError, "no OpenSSL, and a sandbox no sockets"):
                use()
        self.assertEqual(len(ssl.RAND_bytes(8)), 8)

    def test_http_clients_can_be_imported_and_set_up(self) -> None:
        import http.client
        import urllib.request

        http.client.HTTPSConnection("example.org")
        with urllib.request.build_opener().open("data:text/plain,hello") as answer:
            self.assertEqual(answer.read(), b"hello")
