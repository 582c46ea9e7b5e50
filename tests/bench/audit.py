"""Time `ssdlossdbg audit` of a dataset against what no audit can do without, in turn; and hold their peaks of memory.

    python tests/bench/make_coco.py coco.json && python tests/bench/audit.py coco.json
    python tests/bench/audit.py VOC2007/Annotations
    python tests/bench/audit.py coco.json -- --dialect caffe --augment 1

Other programs on the machine lengthen the wall time most, the processor's less, and the peak not at all.
A COCO file is held against `json.load` of it, anything else against `import torch`. What follows `--` are options of
the audit.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

MIB_OF_KIB = 1 / 1024


def run(command: list[str]) -> tuple[float, float, float]:
    """Wall time and the processor's, in seconds, and peak memory in MiB of one run, which must succeed."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    elapsed = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return elapsed, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * MIB_OF_KIB


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("options", nargs="*")
    asked = parser.parse_args()
    dataset = str(asked.dataset)
    ours = [sys.executable, "-m", "ssdlossdbg", "audit", dataset, "--fail-on", "never", *asked.options]
    other, code = "import torch", "import torch"
    if asked.dataset.suffix == ".json":
        other, code = "json.load", f"import json; json.load(open({dataset!r}))"
    runs = [(run(ours), run([sys.executable, "-c", code])) for _ in range(asked.repeats + 1)][1:]
    for place, (name, unit) in enumerate((("wall time", "s"), ("CPU time", "s"), ("peak memory", "MiB"))):
        columns = zip(*((mine[place], theirs[place]) for mine, theirs in runs), strict=True)
        first, second = (statistics.median(column) for column in columns)
        print(f"{name:11}  audit {first:8.2f} {unit} / {other} {second:8.2f} {unit} = {first / second:.2f}")


if __name__ == "__main__":
    main()
