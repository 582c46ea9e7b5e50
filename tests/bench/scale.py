"""How time and memory grow with the batch, the priors, the objects of an image, and the classes.

    python tests/bench/scale.py [--repeats 3] [--dialect ssd.pytorch] [--only batch,priors,objects,classes]

Each point is one loss core (match, encode, mine, sum) in a process of its own. Its time is the processor's, on one
thread, which other programs hardly touch: the best of the repeats after one run that warms up. Its memory is the peak
of the process, beyond what it had with its inputs made. The exponent is the slope of log time over log size, by least
squares over the upper half of the sizes: 1 is linear. Points that would take more memory than `--gib` are left out.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import time

import torch

from ssdlossdbg import MultiBoxLoss, load_dialect
from ssdlossdbg.multibox.priors import generate_priors
from ssdlossdbg.rules import LevelSpec, PriorSpec

USUAL = {"batch": 8, "priors": 8732, "objects": 10, "classes": 21}
SIZES = {
    "batch": (1, 2, 4, 8, 16, 32, 64, 128, 256),
    "priors": (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000),
    "objects": (1, 10, 100, 1_000, 5_000, 20_000, 40_000),
    "classes": (2, 21, 81, 301, 1_203),
}
INPUT = 1024  # pixels a side
# What each logit takes: itself, its like while the loss is computed, and half of it for the rest.
BYTES_OF_LOGIT = 10


def layout(priors: int) -> PriorSpec:
    """A grid of about so many priors, four shapes a cell: the more there are, the more of them an object overlaps."""
    side = max(1, round(math.sqrt(priors / 4)))
    stride = INPUT / side
    shapes = ((64.0, 64.0), (96.0, 96.0), (128.0, 64.0), (64.0, 128.0))
    return PriorSpec((INPUT, INPUT), (LevelSpec((side, side), (stride, stride), shapes),))


def measure(batch: int, priors: int, objects: int, classes: int, dialect: str, repeats: int) -> tuple[float, float]:
    """Seconds and bytes of one loss core, in this process."""
    torch.manual_seed(0)
    torch.set_num_threads(1)  # those that wait for each other count as the processor's time, too
    made = generate_priors(layout(priors))
    loc, conf = torch.randn((batch, len(made.boxes), 4)), torch.randn((batch, len(made.boxes), classes))
    targets = []
    for _ in range(batch):
        size = 0.02 + 0.1 * torch.rand((objects, 2))
        low = torch.rand((objects, 2)) * (1 - size)
        labels = torch.randint(1, classes, (objects,))
        targets.append({"boxes": torch.cat((low, low + size), 1), "labels": labels})
    criterion = MultiBoxLoss(load_dialect(dialect), priors=made, units="normalized")
    before, times = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, []
    with torch.no_grad():
        for _ in range(repeats + 1):
            start = time.process_time()
            criterion(loc, conf, targets)
            times.append(time.process_time() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return min(times[1:] or times), (peak - before) * 1024.0


def exponent(sizes: list[int], values: list[float]) -> float:
    """The slope of log value over log size, over the upper half of the sizes."""
    half = len(sizes) // 2
    x = [math.log(size) for size in sizes[half:]]
    y = [math.log(max(value, 1e-9)) for value in values[half:]]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    across = sum((one - mean_x) ** 2 for one in x)
    return sum((one - mean_x) * (other - mean_y) for one, other in zip(x, y, strict=True)) / across if across else 0.0


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--dialect", default="ssd.pytorch")
    parser.add_argument("--only", default=",".join(SIZES))
    parser.add_argument("--most", type=float, default=math.inf, help="leave out larger sizes")
    parser.add_argument("--gib", type=float, default=4.0)
    parser.add_argument("--point", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.point:
        print(json.dumps(measure(**json.loads(options.point), dialect=options.dialect, repeats=options.repeats)))
        return
    for name in options.only.split(","):
        sizes, times, peaks = list[int](), list[float](), list[float]()
        for size in SIZES[name]:
            point = {**USUAL, name: size}
            if name == "priors":
                point["batch"] = 1
            needed = point["batch"] * point["priors"] * point["classes"] * BYTES_OF_LOGIT
            if needed > options.gib * 2**30 or size > options.most:
                continue
            own = ["--point", json.dumps(point), "--dialect", options.dialect, "--repeats", str(options.repeats)]
            done = subprocess.run([sys.executable, __file__, *own], check=True, capture_output=True, text=True)
            seconds, peak = json.loads(done.stdout)
            sizes, times, peaks = [*sizes, size], [*times, seconds], [*peaks, peak]
            print(f"{name:8} {size:>9,} {seconds * 1e3:10.2f} ms {peak / 2**20:9.1f} MiB", flush=True)
        if len(sizes) > 1:
            print(f"{name:8} exponents: time {exponent(sizes, times):.2f}, memory {exponent(sizes, peaks):.2f}")


if __name__ == "__main__":
    main()
