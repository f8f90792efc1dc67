"""What of the standard library depends on the sandbox's files: time zones, encodings, temporary files, data in packages."""

from __future__ import annotations

import unittest


class ZoneInfo(unittest.TestCase):
    def test_zones_are_there_without_a_package(self) -> None:
        from datetime import datetime, timedelta, timezone
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        for zone, at, name, hours in (
            ("Europe/Berlin", (1990, 1, 1), "CET", 1),
            ("Europe/Berlin", (2024, 7, 1), "CEST", 2),
            ("Europe/Berlin", (2060, 7, 1), "CEST", 2),
            ("America/New_York", (2024, 1, 1), "EST", -5),
            ("Asia/Kolkata", (2024, 1, 1), "IST", 5.5),
            ("UTC", (2024, 1, 1), "UTC", 0),
        ):
            with self.subTest(zone):
                moment = datetime(*at, 12, tzinfo=ZoneInfo(zone))
                self.assertEqual((moment.tzname(), moment.utcoffset()), (name, timedelta(hours=hours)))
        berlin = ZoneInfo("Europe/Berlin")
        self.assertEqual(datetime(2024, 3, 31, 1, tzinfo=timezone.utc).astimezone(berlin).isoformat(), "2024-03-31T03:00:00+02:00")
        self.assertEqual(datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=berlin).utcoffset(), timedelta(hours=1))
        self.assertEqual(datetime(2024, 7, 1, tzinfo=berlin).dst(), timedelta(hours=1))
        self.assertRaises(ZoneInfoNotFoundError, ZoneInfo, "Europe/Atlantis")

    def test_all_zones_are_listed(self) -> None:
        import zoneinfo

        names = zoneinfo.available_timezones()
        self.assertGreater(len(names), 590)
        self.assertIn("America/Argentina/Buenos_Aires", names)


class Encodings(unittest.TestCase):
    def test_everything_is_utf_8(self) -> None:
        import locale
        import sys
        import tempfile

        self.assertEqual((sys.getfilesystemencoding(), locale.getpreferredencoding(), locale.getencoding()), ("utf-8", "UTF-8", "UTF-8"))
        self.assertEqual({sys.stdin.encoding, sys.stdout.encoding, sys.stderr.encoding}, {"utf-8"})
        with tempfile.TemporaryFile("w+") as file:
            self.assertEqual(file.encoding.upper(), "UTF-8")


class TemporaryFiles(unittest.TestCase):
    def test_each_kind_can_be_written_and_read(self) -> None:
        import os
        import tempfile

        self.assertEqual(tempfile.gettempdir(), "/tmp")
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write("grüße")
            file.flush()
            with open(file.name) as again:
                self.assertEqual(again.read(), "grüße")
        self.assertFalse(os.path.exists(file.name))
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "ü.txt")
            with open(path, "wb") as raw:
                raw.write(b"x")
            self.assertEqual(os.listdir(folder), ["ü.txt"])
        self.assertFalse(os.path.exists(folder))
        with tempfile.SpooledTemporaryFile(max_size=10) as spooled:
            spooled.write(b"x" * 100)
            spooled.seek(0)
            self.assertEqual(len(spooled.read()), 100)
        descriptor, name = tempfile.mkstemp()
        os.close(descriptor)
        os.unlink(name)


class Packages(unittest.TestCase):
    def test_data_is_found_beside_modules(self) -> None:
        import pkgutil
        from importlib import resources

        self.assertEqual(resources.files("package").joinpath("data/text.txt").read_text(encoding="utf-8"), "grüße\n")
        with resources.as_file(resources.files("package") / "data" / "text.txt") as path:
            self.assertEqual(path.read_bytes(), "grüße\n".encode())
        self.assertEqual(pkgutil.get_data("package", "data/text.txt"), "grüße\n".encode())

    def test_modules_of_a_package_are_listed(self) -> None:
        import importlib
        import pkgutil

        import package

        self.assertEqual([found.name for found in pkgutil.iter_modules(package.__path__)], ["module"])
        self.assertEqual(importlib.import_module("package.module").NAME, "module")
        self.assertEqual(pkgutil.resolve_name("package.module:NAME"), "module")

    def test_sqlite_works_in_memory_and_in_files(self) -> None:
        import sqlite3

        for name in (":memory:", "/tmp/database"):
            with self.subTest(name):
                connection = sqlite3.connect(name)
                with connection:
                    connection.execute("create table t (a int)")
                    connection.execute("insert into t values (42)")
                self.assertEqual(connection.execute("select a from t").fetchall(), [(42,)])
                connection.close()
