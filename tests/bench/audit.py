"""Time `ssdlossdbg audit` of a dataset against what no audit can do without, in turn; and hold their peaks of memory.

    python tests/bench/make_coco.py coco.json && python tests/bench/audit.py coco.json
    python tests/bench/audit.py VOC2007/Annotations
    python tests/bench/audit.py coco.json -- --dialect caffe --augment 1
    python tests/bench/audit.py coco.json --dialects all --repeats 1

Other programs on the machine lengthen the wall time most, the processor's less, and the peak not at all.
A COCO file is held against `json.load` of it, anything else against `import torch`. What follows `--` are options of
the audit. With `--dialects`, each of them is held against the last run of the other, made anew before every fifth.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from ssdlossdbg.readers.dialects import dialect_names

MIB_OF_KIB = 1 / 1024
# How many dialects are held against the same runs of the other.
DIALECTS_A_RIVAL = 5

# Wall time and the processor's, in seconds, and peak memory in MiB.
Cost = tuple[float, float, float]


def run(command: list[str]) -> Cost:
    """What one run takes, which must succeed."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    elapsed = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return elapsed, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * MIB_OF_KIB


def audit(dataset: Path, options: Sequence[str]) -> list[str]:
    """The command that audits a dataset."""
    return [sys.executable, "-m", "ssdlossdbg", "audit", str(dataset), "--fail-on", "never", *options]


def rival(dataset: Path) -> tuple[str, list[str]]:
    """What the audit is held against: its name, and its command."""
    if dataset.suffix == ".json":
        return "json.load", [sys.executable, "-c", f"import json; json.load(open({str(dataset)!r}))"]
    return "import torch", [sys.executable, "-c", "import torch"]


def compare(dataset: Path, options: Sequence[str], repeats: int) -> None:
    """Print medians of both, and their ratio."""
    ours, (other, theirs) = audit(dataset, options), rival(dataset)
    runs = [(run(ours), run(theirs)) for _ in range(repeats + 1)][1:]
    for place, (name, unit) in enumerate((("wall time", "s"), ("CPU time", "s"), ("peak memory", "MiB"))):
        columns = zip(*((mine[place], rest[place]) for mine, rest in runs), strict=True)
        first, second = (statistics.median(column) for column in columns)
        print(f"{name:11}  audit {first:8.2f} {unit} / {other} {second:8.2f} {unit} = {first / second:.2f}")


def by_dialect(dataset: Path, names: Sequence[str], options: Sequence[str], repeats: int) -> None:
    """Print the CPU time and the peak of an audit under each of some dialects, and their ratios to the other's."""
    other, theirs = rival(dataset)
    print(f"{'dialect':24} {'CPU s':>8} {other + ' s':>14} {'ratio':>6} {'MiB':>6} {'ratio':>6}")
    for place, name in enumerate(names):
        if place % DIALECTS_A_RIVAL == 0:
            _, rest, memory = _medians([run(theirs) for _ in range(repeats)])
        _, seconds, peak = _medians([run(audit(dataset, ["--dialect", name, *options])) for _ in range(repeats)])
        ratios = seconds / rest, peak / memory
        print(f"{name:24} {seconds:8.2f} {rest:14.2f} {ratios[0]:6.2f} {peak:6.0f} {ratios[1]:6.2f}", flush=True)


def _medians(costs: Sequence[Cost]) -> Cost:
    wall, cpu, peak = (statistics.median(column) for column in zip(*costs, strict=True))
    return wall, cpu, peak


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--dialects", help="some of them, with commas, or `all`")
    parser.add_argument("options", nargs="*")
    asked = parser.parse_args()
    if asked.dialects:
        names = dialect_names() if asked.dialects == "all" else asked.dialects.split(",")
        by_dialect(asked.dataset, names, asked.options, asked.repeats)
    else:
        compare(asked.dataset, asked.options, asked.repeats)


if __name__ == "__main__":
    main()
