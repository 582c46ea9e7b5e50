"""Dialect files: from a name or a path to a `Dialect`."""

from __future__ import annotations

from pathlib import Path

from ssdlossdbg import dialects as shipped
from ssdlossdbg.readers.files import read_text
from ssdlossdbg.readers.schema import build, chain, load_named
from ssdlossdbg.rules import Dialect

DIALECTS = Path(shipped.__file__).parent


def load_dialect(name: str, where: str = "--dialect") -> Dialect:
    """A dialect by name, alias or file.

    Args:
        name: a shipped dialect ("ssd.pytorch"), or the path of a TOML or JSON file, which may say
            `base = "ssd.pytorch"` and give only the lines that differ.
        where: the option the name came from, for errors.

    Raises:
        InputError: unknown name or key, unreadable file, value of the wrong type.
    """
    table, path = load_named(name, DIALECTS, "dialect", where)
    table.setdefault("name", path.stem)
    return build(Dialect, table, path)


def dialect_names() -> list[str]:
    """The names of all shipped dialects, sorted."""
    return sorted(file.stem for file in DIALECTS.glob("*.toml"))


def source_text(name: str) -> str:
    """A dialect in full: its own file, and under it those of its bases, each line with its source.

    Raises:
        InputError: unknown name or key, unreadable file, value of the wrong type: what cannot be used is not shown.
    """
    load_dialect(name, "NAME")
    files = chain(name, DIALECTS, "dialect", "NAME")
    return "\n".join(f"# ---- {path.name} ----\n{read_text(path).strip()}\n" for path in files)
