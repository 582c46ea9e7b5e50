"""What a draw of random crops takes, as a multiple of matching the same dataset as it is, of each dialect that crops.

    python tests/bench/crops.py coco.json [--dialects all] [--draws 1] [--repeats 3]

The dataset is read once. Time is the processor's, on one thread, of everything that `audit` does after reading: the
best of the repeats with draws, less the best without, by the number of draws.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch

import ssdlossdbg
from ssdlossdbg.readers.annotations import Dataset
from ssdlossdbg.readers.dialects import dialect_names, load_dialect
from ssdlossdbg.rules import CropChoice


def seconds(dataset: Dataset, name: str, draws: int, repeats: int) -> float:
    """What an audit takes at best."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        ssdlossdbg.audit(dataset, dialect=name, draws=draws)
        times.append(time.process_time() - start)
    return min(times)


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--dialects", default="all")
    parser.add_argument("--draws", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    dataset = ssdlossdbg.load_dataset(asked.dataset)
    for name in dialect_names() if asked.dialects == "all" else asked.dialects.split(","):
        if load_dialect(name).augmentation.choice is CropChoice.UNKNOWN:
            continue
        plain, drawn = (seconds(dataset, name, draws, asked.repeats) for draws in (0, asked.draws))
        added = (drawn - plain) / asked.draws
        print(f"{name:24} audit {plain:6.2f} s, a draw {added:6.2f} s, {added / plain:5.2f} of it", flush=True)


if __name__ == "__main__":
    main()
