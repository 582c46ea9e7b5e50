"""What holds for every test."""

from __future__ import annotations

import gc
import re
import signal
from collections.abc import Callable, Generator, Iterator
from functools import cache, partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

FOLDERS = count()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each process its part of the tests in one piece, and what is left of one's to another that has done its own.

    What a file computes for its tests is then computed once, and no process waits for another in the end. `--dist`
    says otherwise.
    """
    from xdist.scheduler import WorkStealingScheduling

    return WorkStealingScheduling(config, log) if config.getoption("dist") == "load" else None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage in what is collected, now or later: there is none, and it takes as long as collecting it."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config) -> None:
    """Prepare a process that runs tests; the one of xdist that only hands them out imports nothing for it."""
    import torch
    import typer.main

    _tell_news_only(config)
    # The tensors are small: threads that wait for one another, and for other processes, cost more than they save.
    torch.set_num_threads(1)
    # A shell that runs the tests in the background has them ignore Ctrl-C, and what they start would, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Options are put together once, and not for each of the thousands of command lines, which takes longer than many.
    pytest.MonkeyPatch().setattr("typer.testing._get_command", cache(typer.main.get_command), raising=False)


def _tell_news_only(config: pytest.Config) -> None:
    """Leave out what a process of xdist tells of each test though nothing follows from it: half of what it tells.

    That is that a test begins, and that what it needs was made and cleared away; faults of these are told.
    """
    for worker in config.pluginmanager.get_plugins():
        if hasattr(worker, "sendevent"):
            worker.sendevent = partial(_tell, worker.sendevent)


def _tell(tell: Callable[..., None], name: str, **what: Any) -> None:
    report = what.get("data", {})
    as_ever = name == "testreport" and report.get("when") != "call" and report.get("outcome") == "passed"
    if name != "logstart" and not as_ever:
        tell(name, **what)


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder of the test's own, where pytest makes it and for as long as it keeps it.

    Pytest looks through all of them for a number that is free, and links to the newest: longer than many a test takes.
    """
    name = re.sub(r"\W", "_", request.node.name)[:30]
    path = tmp_path_factory.getbasetemp() / f"{name}-{next(FOLDERS)}"
    path.mkdir(mode=0o700)
    return path


@pytest.fixture(autouse=True, scope="session")
def _as_by_hand() -> Iterator[None]:
    """Say what a user would see: a system that runs the tests may set `CI`, where nothing is said of progress."""
    with pytest.MonkeyPatch.context() as patched:
        patched.delenv("CI", raising=False)
        yield


@pytest.fixture(autouse=True, scope="session")
def _unasked() -> Iterator[None]:
    """Ask no criterion whose rules it follows but where a test is about that: it takes a second or two each."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("ssdlossdbg.live.probe.is_quiet", lambda _: False)
        yield
