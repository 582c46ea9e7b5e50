"""Dialect files: from a name or a path to a `Dialect`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ssdlossdbg import dialects as shipped
from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.files import read_text
from ssdlossdbg.readers.schema import build, chain, load_named, names_in
from ssdlossdbg.rules import Dialect, MiningPositives, MiningScore

DIALECTS = Path(shipped.__file__).parent


def load_dialect(name: str, where: str = "--dialect") -> Dialect:
    """A dialect by name, alias or file.

    Args:
        name: a shipped dialect ("ssd.pytorch"), or the path of a TOML or JSON file, which may say
            `base = "ssd.pytorch"` and give only the lines that differ.
        where: the option the name came from, for errors.

    Raises:
        InputError: unknown name or key, unreadable file, value of the wrong type, or two that cannot go together.
    """
    return _shipped(name) if name in dialect_names() else _read(name, where)


@cache  # a training loop that names its dialect asks in every iteration
def _shipped(name: str) -> Dialect:
    return _read(name, name)


def _read(name: str, where: str) -> Dialect:
    table, path = load_named(name, DIALECTS, "dialect", where)
    table.setdefault("name", path.stem)
    dialect = build(Dialect, table, path)
    _refuse_contradictions(dialect, path)
    return dialect


def _refuse_contradictions(dialect: Dialect, path: Path) -> None:
    """Refuse rules of which each means something and both together mean nothing."""
    mining = dialect.mining
    if (mining.score, mining.positives) == (MiningScore.BACKGROUND_PROBABILITY, MiningPositives.AS_ZERO):
        what = (
            f'key mining.positives: "{mining.positives}" ranks positives before all negatives, since a score of '
            f'"{mining.score}" is never above 0'
        )
        raise InputError(path, what, f'Say positives = "{MiningPositives.LAST}" under [mining], or another score.')


def file_without_base(name: str, where: str = "--dialect") -> Path | None:
    """The user's file that a dialect comes down to and that names no base; None where that is a shipped one.

    Raises:
        InputError: as of `load_dialect`: of what cannot be used there is no more to say.
    """
    load_dialect(name, where)
    last = chain(name, DIALECTS, "dialect", where)[-1]
    return None if last.parent == DIALECTS else last


def dialect_names(of_one_step: bool = False) -> list[str]:
    """The names of all shipped dialects, sorted; those alone that have no first step of two, if asked for."""
    names = names_in(DIALECTS)
    return [name for name in names if not _shipped(name).refine.first_step] if of_one_step else names


def source_text(name: str) -> str:
    """A dialect in full: its own file, and under it those of its bases, each line with its source.

    Raises:
        InputError: unknown name or key, unreadable file, value of the wrong type: what cannot be used is not shown.
    """
    load_dialect(name, "NAME")
    files = chain(name, DIALECTS, "dialect", "NAME")
    return "\n".join(f"# ---- {path.name} ----\n{read_text(path).strip()}\n" for path in files)
