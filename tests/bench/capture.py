"""Time what a capture adds to a step: the criterion with and without it, and the capture's own part alone.

    python tests/bench/capture.py [--images 32] [--classes 21] [--repeats 200] [--device cpu] [--criterion]

Prints the median of a step's hooks around a criterion that does nothing, which is all that a capture does while nothing
goes wrong, beside the same without hooks; and what one batch costs that is saved. `--criterion` times the shipped
`MultiBoxLoss` once for comparison. One thread, the arguments as ssd.pytorch has them.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
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

    def __init__(self, device: str) -> None:
        super().__init__()
        self.said = torch.tensor(1.0, device=device), torch.tensor(2.0, device=device)

    def forward(self, predictions: Any, targets: Any) -> tuple[Tensor, Tensor]:
        """Two constants."""
        del predictions, targets
        return self.said


@dataclass(frozen=True)
class Overhead:
    """What a capture costs, in seconds.

    Attributes:
        step: its hooks around a criterion that does nothing.
        saving: a batch that is saved.
        size: of that, in bytes.
    """

    step: float
    saving: float
    size: int

    def __str__(self) -> str:
        hooks = f"a step's hooks        {1000 * self.step:8.3f} ms"
        return f"{hooks}\na batch that is saved {1000 * self.saving:8.0f} ms, {self.size / 1e6:.0f} MB"


def overhead(images: int, classes: int, repeats: int, device: str = "cpu") -> Overhead:
    """Measured on a batch of so many images and classes on a device."""
    torch.manual_seed(0)
    loc = torch.randn((images, PRIORS, 4), device=device, requires_grad=True)
    conf = torch.randn((images, PRIORS, classes), device=device, requires_grad=True)
    priors = torch.rand((PRIORS, 4), device=device)
    targets = [torch.rand((13, 5), device=device).floor_() for _ in range(images)]
    watched, bare = Nothing(device), Nothing(device)
    step = partial(watched, (loc, conf, priors), targets)
    with tempfile.TemporaryDirectory() as folder:
        run = ssdlossdbg.capture(watched, Path(folder) / "run")
        medians = median_times({"with": step, "without": partial(bare, (loc, conf, priors), targets)}, repeats, device)
        start = time.perf_counter()
        run.close()
        saving = time.perf_counter() - start
        size = sum(file.stat().st_size for file in run.saved)
    return Overhead(medians["with"] - medians["without"], saving, size)


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--classes", type=int, default=21)
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--criterion", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    print(f"B={given.images}, {PRIORS} priors, {given.classes} classes, {given.device}, one thread")
    print(overhead(given.images, given.classes, given.repeats, given.device))
    if given.criterion:
        shape = (given.images, PRIORS)
        loc, conf = (torch.randn((*shape, size), device=given.device) for size in (4, given.classes))
        own = ssdlossdbg.MultiBoxLoss("ssd.pytorch", priors="ssd300")
        boxes = [{"boxes": torch.tensor([[0.1, 0.1, 0.4, 0.5]]), "labels": torch.tensor([1])}] * given.images
        seconds = median_times({"own": lambda: own(loc, conf, boxes)}, 3, given.device)["own"]
        print(f"MultiBoxLoss          {1000 * seconds:8.0f} ms")


if __name__ == "__main__":
    main()
