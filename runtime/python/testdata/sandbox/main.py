"""Runs one file of unit tests, in a sandbox that was brought back to its image, and answers with what came of each."""

from __future__ import annotations

import importlib
import os
import unittest
from typing import Any

from mayfly import Request

tests = importlib.import_module(os.environ["TESTS"])


class Results(unittest.TestResult):
    """The result of each test by its name: "" for one that passed, or why not."""

    def __init__(self) -> None:
        super().__init__()
        self.told: dict[str, str] = {}

    def stopTest(self, test: unittest.TestCase) -> None:
        super().stopTest(test)
        self.told.setdefault(test.id().partition(".")[2], "")

    def addError(self, test: Any, err: Any) -> None:
        super().addError(test, err)
        self.told[test.id().partition(".")[2]] = self.errors[-1][1]

    def addFailure(self, test: Any, err: Any) -> None:
        super().addFailure(test, err)
        self.told[test.id().partition(".")[2]] = self.failures[-1][1]

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.told[test.id().partition(".")[2]] = (self.failures + self.errors)[-1][1]


def handler(request: Request) -> dict[str, str]:
    results = Results()
    unittest.defaultTestLoader.loadTestsFromModule(tests).run(results)
    return results.told
