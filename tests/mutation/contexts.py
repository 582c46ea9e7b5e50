"""Which tests run which lines of the package: learnt once, and again of the tests whose file changed.

The package is imported with a mark before each statement of a function: a byte that is set when it is run. That costs
next to nothing, where a tracer takes several times as long as the tests.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
import importlib.machinery
import pickle
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

PACKAGE = Path("ssdlossdbg")
HERE = Path.cwd()  # a test may be elsewhere
# A name that every module sees, and none has.
SEEN = "__statements_seen__"
# Seconds after which what was learnt is kept, at the end of a file.
KEEP = 20
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
        self.tests = {test: ran for test, ran in self.tests.items() if file_of(test) in self.files}
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

    def beside(self, tests: Iterable[str]) -> list[str]:
        """The other tests of their files: what is computed for all of a file is run by the first of them alone."""
        known = set(tests)
        files = set(map(file_of, known))
        return [test for test in self.tests if file_of(test) in files and test not in known]


def load(path: Path) -> Contexts:
    """What was learnt before; nothing, if there is no such file."""
    if not path.exists():
        return Contexts()
    contexts = pickle.loads(path.read_bytes())
    assert isinstance(contexts, Contexts)
    return contexts


def save(contexts: Contexts, path: Path) -> None:
    """Keep it for the next run."""
    (HERE / path).parent.mkdir(parents=True, exist_ok=True)
    (HERE / path).write_bytes(pickle.dumps(contexts))


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

    enter(ast.parse((HERE / path).read_text()), "")
    return found


@cache
def naming(name: str) -> set[str]:
    """The functions of the package that use a name, as `file:name`."""
    return _uses()[0].get(name, set())


@cache
def _uses() -> tuple[dict[str, set[str]], set[str]]:
    """Who uses each name; and the names of functions whose results are remembered."""
    uses: dict[str, set[str]] = {}
    remembered = set()
    for path in PACKAGE.rglob("*.py"):
        where = units(str(path))
        for node in ast.walk(ast.parse(path.read_text())):
            name = node.id if isinstance(node, ast.Name) else getattr(node, "attr", None)
            if isinstance(node, ast.FunctionDef):
                name = node.name
                if any(
                    ast.unparse(each).startswith(("cache", "functools.cache", "lru_")) for each in node.decorator_list
                ):
                    remembered.add(name)
            line = getattr(node, "lineno", 0)
            if name and line in where:
                uses.setdefault(name, set()).add(where[line][0])
    return uses, remembered


@cache
def made_of(name: str) -> set[str]:
    """The functions that use what modules make of a name: a constant of others, a class whose fields it describes."""
    found, seen, names = set[str](), {name}, [name]
    while names:
        above = _made().get(names.pop(), set()) - seen
        seen |= above
        names += above
        found |= set().union(*map(naming, above))
    return found


@cache
def _made() -> dict[str, set[str]]:
    """What statements of modules and classes bind, by the names that they use."""
    made: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        where = units(str(path))
        for statement in ast.parse(path.read_text()).body:
            targets = getattr(statement, "targets", [getattr(statement, "target", None)])
            bound = {each.id for each in targets if isinstance(each, ast.Name)}
            bound |= {statement.name} if isinstance(statement, ast.ClassDef) else set()
            for node in ast.walk(statement) if bound else ():
                if isinstance(node, ast.Name) and node.lineno not in where:
                    made.setdefault(node.id, set()).update(bound)
    return made


@cache
def behind(path: str, line: int) -> set[str]:
    """The functions that use one whose results are remembered, where a line is of that, or of what it uses itself.

    So many may depend on what the line does, though the first alone has it run.
    """
    _, remembered = _uses()
    found, seen = set[str](), set[str]()
    names = [units(path)[line][0]] if line in units(path) else []
    while names:
        name = names.pop().rpartition(":")[2].rpartition(".")[2]
        if name not in seen:
            seen.add(name)
            users = naming(name)
            found |= users if name in remembered else set()
            names += [user for user in users if user.rpartition(":")[2].rpartition(".")[2] in remembered]
    return found


class Marked:
    """The package, with a mark before each statement of its functions."""

    def __init__(self) -> None:
        """For modules that nothing has imported yet."""
        self.seen = bytearray(1 << 17)
        self.places: list[tuple[str, int]] = []
        """For each mark, the function, and the lines of the statement as bits."""
        load: Callable[..., CodeType | None] = importlib.machinery.SourceFileLoader.get_code
        inside = f"{HERE / PACKAGE}/"

        def get_code(loader: Any, fullname: str) -> CodeType | None:
            return self._code(loader.path) if loader.path.startswith(inside) else load(loader, fullname)

        setattr(builtins, SEEN, self.seen)
        importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[method-assign, assignment]

    def lines(self) -> Lines:
        """What was run since it was asked for last."""
        lines: Lines = {}
        at = self.seen.find(1)
        while at >= 0:
            self.seen[at] = 0
            name, bits = self.places[at]
            lines[name] = lines.get(name, 0) | bits
            at = self.seen.find(1, at + 1)
        return lines

    def _code(self, path: str) -> CodeType:
        where = units(str(Path(path).relative_to(HERE)))
        tree = ast.parse(Path(path).read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Lambda) and node.lineno in where:  # it may be run when its statement no longer is
                mark = f"{SEEN}.__setitem__({self._entered(node, node.end_lineno, where)}, 1)"
                node.body = ast.BoolOp(ast.Or(), [ast.parse(mark, mode="eval").body, node.body])
            elif not isinstance(node, ast.Module | ast.ClassDef):
                for name in ("body", "orelse", "finalbody"):
                    block = getattr(node, name, None)
                    if isinstance(block, list):
                        setattr(node, name, [each for statement in block for each in self._marked(statement, where)])
        return compile(ast.fix_missing_locations(tree), path, "exec")

    def _marked(self, statement: ast.stmt, where: dict[int, tuple[str, int]]) -> Iterator[ast.stmt]:
        text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        if statement.lineno in where and not text:  # a docstring stays the first; a class may be one of a module
            parts = [each.lineno - 1 for each in ast.walk(statement) if isinstance(each, ast.stmt)]
            place = self._entered(statement, min(parts[1:], default=statement.end_lineno), where)
            yield ast.copy_location(ast.parse(f"{SEEN}[{place}] = 1").body[0], statement)
        yield statement

    def _entered(self, node: ast.expr | ast.stmt, last: int | None, where: dict[int, tuple[str, int]]) -> int:
        name, place = where[node.lineno]
        self.places.append((name, ((1 << max(1, (last or 0) - node.lineno + 1)) - 1) << place))
        return len(self.places) - 1


class Learner:
    """A plugin that keeps what each test runs."""

    def __init__(self, contexts: Contexts, path: Path) -> None:
        """Of the package below the current folder; `path` is where it is kept."""
        self.contexts, self.path = contexts, path
        self.marked = Marked()
        self.passed: dict[str, bool] = {}
        self.kept = time.monotonic()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
        """Setup, call and teardown."""
        self.marked.lines()  # what the import of its file ran belongs to no test
        before = time.process_time()
        result = yield
        if self.passed.get(item.nodeid):
            self.contexts.tests[item.nodeid] = Ran(time.process_time() - before, self.marked.lines())
        file = file_of(item.nodeid)
        if nextitem is None or file_of(nextitem.nodeid) != file:
            self.contexts.files[file] = hash_of(file)
            if nextitem is None or time.monotonic() - self.kept > KEEP:
                save(self.contexts, self.path)
                self.kept = time.monotonic()
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep those that passed."""
        if report.when == "call":
            self.passed[report.nodeid] = report.passed


def file_of(test: str) -> str:
    """The file of a test."""
    return test.split("::")[0]


def hash_of(path: str) -> str:
    """What tells that a file has changed."""
    return hashlib.sha256((HERE / path).read_bytes()).hexdigest()
