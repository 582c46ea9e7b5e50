"""Processes that a script starts by multiprocessing, and those that launchers of torch start: these count, too."""

from __future__ import annotations

import contextlib
import importlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ssdlossdbg.live.imports import when_imported

if TYPE_CHECKING:
    from ssdlossdbg.live.options import Options

# Modules that start a script once for each rank, in processes of their own.
LAUNCHERS = ("torch.distributed.run", "torch.distributed.launch")
# What they are to start in its place, followed by our options.
WORKER = "ssdlossdbg.cli.worker"

# What a new process does before all else. It may not find this package, and goes on without it then.
JOIN = """
try:
    import sys
    sys.path.append(root)
    from ssdlossdbg.live.launch import join
    sys.path.remove(root)
    join(options, path)
except Exception:
    pass
"""


class _Joining:
    """Is nothing, but in a process that unpickles it looks at the losses there."""

    def __init__(self, options: Options, path: Path, root: str) -> None:
        # Plain data: what is unpickled before the package can be found must not be of the package.
        self._names = {"options": vars(options), "path": str(path), "root": root}

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (JOIN, self._names)


def join_from(options: Options, path: Path) -> None:
    """Have processes that start anew, rather than as forks, look at their losses as this one does.

    They unpickle what multiprocessing prepares them with; nothing is put in their environment or arguments.

    Args:
        options: of `capture`.
        path: the folder of the run.
    """
    joining = _Joining(options, path, str(Path(__file__).parents[2]))

    def patch() -> None:
        from multiprocessing import spawn

        module: Any = spawn
        prepare = module.get_preparation_data
        module.get_preparation_data = lambda name: {**prepare(name), "ssdlossdbg": joining}

    when_imported("multiprocessing.spawn", patch)


def behind_launcher(module: str, args: Sequence[str], own: Sequence[str]) -> list[str] | None:
    """The arguments with which a launcher starts us once for each rank, and we the script; None where it cannot.

    Args:
        module: the launcher.
        args: as the user gave them: options of the launcher, the script, its arguments.
        own: our options.
    """
    try:
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            asked = _parsed(module, list(args))
    except (SystemExit, Exception):  # it says itself what is wrong with them
        return None
    number = 1 + len(asked.training_script_args)
    head, tail = list(args[:-number]), list(args[-number:])
    if asked.no_python or not tail or tail[0] != asked.training_script:
        return None
    if asked.module:
        return [*head, WORKER, *own, "-m", "--", *tail]
    return [*head, "-m", WORKER, *own, "--", *tail]


def _parsed(module: str, args: list[str]) -> Any:
    launcher = importlib.import_module(module)
    return launcher.parse_args(args)
