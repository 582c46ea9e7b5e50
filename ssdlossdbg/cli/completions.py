"""What the shell offers for the values of options; nothing here imports torch."""

from __future__ import annotations


def codes() -> list[str]:
    """Codes of findings."""
    from ssdlossdbg.checks.catalogue import CHECKS

    return list(CHECKS)


def several_codes(incomplete: str) -> list[str]:
    """The same for one of several between commas."""
    before, comma, _ = incomplete.rpartition(",")
    return [f"{before}{comma}{code}" for code in codes() if code not in before.split(",")]


def devices() -> list[str]:
    """What --device takes."""
    return ["auto", "cpu", "cuda", "cuda:0", "mps"]


def class_files() -> list[str]:
    """Files beside the user that may list classes."""
    from pathlib import Path

    return sorted(str(path) for path in Path().glob("*.txt") if "class" in path.stem or "label" in path.stem)
