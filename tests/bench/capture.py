"""Time what a capture adds to a step: the criterion with and without it, and the capture's own part alone.

    python tests/bench/capture.py [--images 32] [--classes 21] [--repeats 200] [--criterion]

Prints the median of a step's hooks around a criterion that does nothing, which is all that a capture does while nothing
goes wrong, beside the same without hooks; and what one batch costs that is saved. `--criterion` times the shipped
`MultiBoxLoss` once for comparison. One thread, the arguments as ssd.pytorch has them.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import torch
from timing import median_times  # type: ignore[import-not-found]  # beside this script
from torch import Tensor, nn

import ssdlossdbg

PRIORS = 8732


class Nothing(nn.Module):
    """A criterion that costs nothing."""

    def forward(self, predictions: Any, targets: Any) -> tuple[Tensor, Tensor]:
        """Two constants."""
        del predictions, targets
        return self.said

    said = torch.tensor(1.0), torch.tensor(2.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--classes", type=int, default=21)
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--criterion", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    loc = torch.randn((given.images, PRIORS, 4), generator=generator, requires_grad=True)
    conf = torch.randn((given.images, PRIORS, given.classes), generator=generator, requires_grad=True)
    priors = torch.rand((PRIORS, 4), generator=generator)
    targets = [torch.rand((13, 5), generator=generator).floor_() for _ in range(given.images)]
    watched, bare = Nothing(), Nothing()
    step = partial(watched, (loc, conf, priors), targets)
    with tempfile.TemporaryDirectory() as folder:
        run = ssdlossdbg.capture(watched, Path(folder) / "run")
        medians = median_times({"with": step, "without": partial(bare, (loc, conf, priors), targets)}, given.repeats)
        start = time.perf_counter()
        run.close()
        saving = time.perf_counter() - start
        size = sum(file.stat().st_size for file in run.saved)
    print(f"B={given.images}, {PRIORS} priors, {given.classes} classes, one thread")
    print(f"a step's hooks        {1000 * (medians['with'] - medians['without']):8.3f} ms")
    print(f"a batch that is saved {1000 * saving:8.0f} ms, {size / 1e6:.0f} MB")
    if given.criterion:
        own = ssdlossdbg.MultiBoxLoss("ssd.pytorch", priors="ssd300")
        boxes = [{"boxes": torch.tensor([[0.1, 0.1, 0.4, 0.5]]), "labels": torch.tensor([1])}] * given.images
        seconds = median_times({"own": lambda: own(loc, conf, boxes)}, 3)["own"]
        print(f"MultiBoxLoss          {1000 * seconds:8.0f} ms")


if __name__ == "__main__":
    main()
