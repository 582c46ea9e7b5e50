"""Time whole commands against others, in turn, and print the ratio of the medians.

    python tests/bench/commands.py [--repeats 9]

Each pair is run alternately after one warm-up, so that a machine whose speed drifts slows both alike.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SAMPLE = Path(__file__).parents[2] / "sample_data"
BATCH = [str(SAMPLE / "preds.pt"), str(SAMPLE / "targets.pt")]
OURS = [sys.executable, "-m", "ssdlossdbg"]


def python(code: str) -> list[str]:
    """The command that runs the code in a Python of its own."""
    return [sys.executable, "-c", code]


def pairs(folder: str) -> dict[str, tuple[list[str], list[str]]]:
    """What is timed: the command, and what it is held against."""
    photo = [str(SAMPLE / "astronaut.jpg"), str(SAMPLE / "astronaut.xml")]
    return {
        "match / import torch, PIL.Image": (
            [*OURS, "match", *photo, "-o", f"{folder}/match.png", "--fail-on", "never"],
            python("import torch, PIL.Image"),
        ),
        "--help / import typer, rich": ([*OURS, "--help"], python("import typer, rich")),
        "compare / loss": ([*OURS, "compare", *BATCH], [*OURS, "loss", *BATCH]),
    }


def seconds(command: list[str]) -> float:
    """Wall time of one run, which must succeed."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=9)
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as folder:
        for name, (ours, other) in pairs(folder).items():
            times = [(seconds(ours), seconds(other)) for _ in range(repeats + 1)][1:]
            first, second = (statistics.median(column) for column in zip(*times, strict=True))
            print(f"{name:34} {first:6.2f} s / {second:6.2f} s = {first / second:5.2f}")


if __name__ == "__main__":
    main()
