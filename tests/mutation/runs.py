"""Tests run on a mutant, each time in a fork of a process that has imported and collected everything."""

from __future__ import annotations

import functools
import gc
import importlib
import importlib.machinery
import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import pytest

from tests.mutation.contexts import PACKAGE
from tests.mutation.mutants import Mutant

# What a mutant may take beyond what its tests took: it can end in a loop, or allocate without end. Seconds are of CPU
# time, so that what else the machine does changes no result.
SECONDS, MEMORY = 8, 6 << 30
# Seconds after which a fork that took no CPU time waits for what never comes.
IDLE = 120
KILLED, SURVIVED, NOT_RUN = "killed", "survived", "run by no test"


@dataclass(frozen=True)
class Job:
    """A mutant, the tests that may notice it, in order, and the seconds that they take."""

    mutant: Mutant
    tests: tuple[str, ...]
    seconds: float


def in_fork(do: Callable[[], None], seconds: float) -> str:
    """What becomes of a mutant: a fork that ends well survives."""
    child = os.fork()
    if child == 0:
        try:
            _limit(seconds)
            do()
            os._exit(0)
        except BaseException:
            os._exit(1)
    return SURVIVED if _ended(child) == 0 else KILLED


def _ended(child: int) -> int:
    spent, since = "", time.monotonic()
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        time.sleep(0.01)
        now = _cpu_time(child)
        if now != spent:
            spent, since = now, time.monotonic()
        elif time.monotonic() - since > IDLE:
            os.kill(child, signal.SIGKILL)


def _cpu_time(process: int) -> str:
    stated = Path(f"/proc/{process}/stat")
    return " ".join(stated.read_text().rpartition(")")[2].split()[11:15]) if stated.exists() else str(time.monotonic())


def _limit(seconds: float) -> None:
    silence = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(silence, stream)
    most = int(seconds * 2 + SECONDS)
    resource.setrlimit(resource.RLIMIT_CPU, (most, most))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


class Warm:
    """A plugin that runs no test itself, but forks for each mutant of what functions do."""

    def __init__(self, jobs: list[Job], done: Callable[[Mutant, str], None]) -> None:
        """What is `done` gets each result."""
        self.jobs, self.done = jobs, done

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """In place of the tests."""
        for path in {job.mutant.path for job in self.jobs}:  # one that a test imports itself would be the unedited one
            importlib.import_module(".".join(path.with_suffix("").parts).removesuffix(".__init__"))
        items, live = {item.nodeid: item for item in session.items}, Live()
        gc.collect()
        gc.freeze()  # what is shared by the forks stays shared
        for job in self.jobs:
            chosen = [items[test] for test in job.tests if test in items]
            run = functools.partial(_run_changed, job.mutant, live, chosen, session)
            self.done(job.mutant, in_fork(run, job.seconds))
        return True


def _run_changed(mutant: Mutant, live: Live, items: list[pytest.Item], session: pytest.Session) -> None:
    gc.unfreeze()
    live.change(mutant)
    session.config.pluginmanager.register(FirstFailure())
    for item, following in zip(items, [*items[1:], None], strict=True):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)


class FirstFailure:
    """A plugin that ends the process."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """As soon as a test fails."""
        if report.failed:
            os._exit(1)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """As soon as a file cannot be imported."""
        if report.failed:
            os._exit(1)


class Live:
    """The functions of the package as they are in memory, and what remembers results, looked for once."""

    def __init__(self) -> None:
        """Those that are there now, those too that the tests had the collector of garbage leave aside."""
        self.functions: dict[str, list[FunctionType]] = {}
        self.remembering: list[Any] = []
        gc.unfreeze()
        for each in gc.get_objects():
            if type(each) is FunctionType:
                self.functions.setdefault(each.__code__.co_filename, []).append(each)
            elif type(each) is functools._lru_cache_wrapper:
                self.remembering.append(each)
        assert str(PACKAGE.absolute() / "__init__.py") in self.functions, "no function of the package would be edited"

    def change(self, mutant: Mutant) -> None:
        """Give the functions of the module the code of the mutant, and forget what was remembered."""
        codes: dict[tuple[str, int], CodeType] = {}

        def enter(code: CodeType) -> None:
            for constant in code.co_consts:
                if isinstance(constant, CodeType):
                    codes[(constant.co_qualname, constant.co_firstlineno)] = constant
                    enter(constant)

        enter(mutant.code())
        for each in self.functions.get(str(mutant.path.absolute()), []):
            code = codes.get((each.__code__.co_qualname, each.__code__.co_firstlineno))
            if code is not None and code.co_freevars == each.__code__.co_freevars:
                each.__code__ = code
        for each in self.remembering:
            each.cache_clear()


def run_cold(job: Job) -> str:
    """Run a mutant of what a module does on import, in a process that has not imported it."""

    def run() -> None:
        path, load = str(job.mutant.path.absolute()), importlib.machinery.SourceFileLoader.get_code

        def get_code(self: Any, fullname: str) -> CodeType | None:
            return job.mutant.code() if self.path == path else load(self, fullname)

        importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[method-assign]
        files = sorted({test.split("::")[0] for test in job.tests})
        code = pytest.main(["-q", "-x", "-p", "no:cacheprovider", *files], [Chosen(job.tests), FirstFailure()])
        os._exit(int(code))

    return in_fork(run, job.seconds)


class Chosen:
    """A plugin that keeps the tests that were named, in their order."""

    def __init__(self, tests: tuple[str, ...]) -> None:
        """By their ids."""
        self.places = {test: place for place, test in enumerate(tests)}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Sort out the others."""
        items[:] = sorted(
            (item for item in items if item.nodeid in self.places), key=lambda item: self.places[item.nodeid]
        )


def warm(jobs: list[Job]) -> Iterator[tuple[Mutant, str]]:
    """Run mutants of what functions do, as they come from a process that is forked once for all of them."""
    if not jobs:
        return
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        places = {id(job.mutant): place for place, job in enumerate(jobs)}
        with os.fdopen(writing, "w", buffering=1) as results:
            files = sorted({test.split("::")[0] for job in jobs for test in job.tests})
            plugin = Warm(jobs, lambda mutant, result: print(places[id(mutant)], result, file=results, flush=True))
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            pytest.main(["-q", "-p", "no:cacheprovider", *files], [plugin])
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as results:
        for line in results:
            place, result = line.rstrip("\n").split(" ", 1)
            yield jobs[int(place)].mutant, result
    os.waitpid(child, 0)
