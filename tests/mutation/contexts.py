"""Which tests run which lines of the package: learnt once, and again of the tests whose file changed."""

from __future__ import annotations

import ast
import hashlib
import pickle
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

PACKAGE = Path("ssdlossdbg")
# A function that a test calls more often shows no new lines.
CALLS_SEEN = 40
Lines = dict[str, int]
"""For a function, as `file:name`, its lines that were run, as bits, counted from its first."""


@dataclass(frozen=True)
class Ran:
    """A test that passed: seconds of CPU time, and what it ran."""

    seconds: float
    lines: Lines


@dataclass
class Contexts:
    """What every test ran, by the file of the test."""

    files: dict[str, str] = field(default_factory=dict)
    """The hash of each file when its tests were run."""
    tests: dict[str, Ran] = field(default_factory=dict)

    def stale(self) -> list[str]:
        """The files of tests that are new or changed; what they ran before is forgotten."""
        now = {str(path): hash_of(str(path)) for path in sorted(Path("tests").rglob("test_*.py"))}
        self.files = {path: of for path, of in self.files.items() if now.get(path) == of}
        self.tests = {test: ran for test, ran in self.tests.items() if test.split("::")[0] in self.files}
        return [path for path in now if path not in self.files]

    def of_lines(self, path: Path, lines: Iterable[int]) -> list[str]:
        """The tests that run any of the lines."""
        wanted: Lines = {}
        for name, line in (place for place in map(units(str(path)).get, lines) if place):
            wanted[name] = wanted.get(name, 0) | 1 << line
        return [t for t, ran in self.tests.items() if any(ran.lines.get(n, 0) & bits for n, bits in wanted.items())]

    def of_units(self, names: set[str]) -> list[str]:
        """The tests that run any of the functions."""
        return [test for test, ran in self.tests.items() if not names.isdisjoint(ran.lines)]


def load(path: Path) -> Contexts:
    """What was learnt before; nothing, if there is no such file."""
    if not path.exists():
        return Contexts()
    contexts = pickle.loads(path.read_bytes())
    assert isinstance(contexts, Contexts)
    return contexts


def save(contexts: Contexts, path: Path) -> None:
    """Keep it for the next run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(contexts))


@cache
def units(path: str) -> dict[int, tuple[str, int]]:
    """For a line of a file, the outermost function or method that it is in, and its place there."""
    found: dict[int, tuple[str, int]] = {}

    def enter(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                first = child.lineno
                for line in range(first, (child.end_lineno or first) + 1):
                    found[line] = (f"{path}:{prefix}{child.name}", line - first)
            elif isinstance(child, ast.ClassDef):
                enter(child, f"{prefix}{child.name}.")

    enter(ast.parse(Path(path).read_text()), "")
    return found


@cache
def naming(name: str) -> set[str]:
    """The functions of the package that use a name, as `file:name`."""
    return _uses().get(name, set())


@cache
def _uses() -> dict[str, set[str]]:
    uses: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        where = units(str(path))
        for node in ast.walk(ast.parse(path.read_text())):
            name = node.id if isinstance(node, ast.Name) else getattr(node, "attr", None)
            if isinstance(node, ast.FunctionDef):
                name = node.name
            line = getattr(node, "lineno", 0)
            if name and line in where:
                uses.setdefault(name, set()).add(where[line][0])
    return uses


class Learner:
    """A plugin that traces each test."""

    def __init__(self, contexts: Contexts) -> None:
        """Of the package below the current folder."""
        self.contexts = contexts
        self.root = str(PACKAGE.absolute().parent) + "/"
        self.inside = str(PACKAGE.absolute()) + "/"
        self.passed: dict[str, bool] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Trace setup, call and teardown."""
        seen: set[tuple[str, int]] = set()
        calls: dict[tuple[str, int], int] = {}
        inside = self.inside

        def line(frame: FrameType, event: str, arg: Any) -> Any:  # noqa: ARG001
            seen.add((frame.f_code.co_filename, frame.f_lineno))
            return line

        def call(frame: FrameType, event: str, arg: Any) -> Any:  # noqa: ARG001
            code = frame.f_code
            if not code.co_filename.startswith(inside):
                return None
            key = (code.co_filename, code.co_firstlineno)
            calls[key] = number = calls.get(key, 0) + 1
            return line if number <= CALLS_SEEN else None

        before = time.process_time()
        threading.settrace(call)
        sys.settrace(call)
        try:
            result = yield
        finally:
            sys.settrace(None)
            threading.settrace(None)
        if self.passed.get(item.nodeid):
            self.contexts.tests[item.nodeid] = Ran(time.process_time() - before, self._lines(seen))
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep those that passed."""
        if report.when == "call":
            self.passed[report.nodeid] = report.passed

    def _lines(self, seen: set[tuple[str, int]]) -> Lines:
        lines: Lines = {}
        for path, number in seen:
            place = units(path.removeprefix(self.root)).get(number)
            if place:
                lines[place[0]] = lines.get(place[0], 0) | 1 << place[1]
        return lines


def hash_of(path: str) -> str:
    """What tells that a file has changed."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
