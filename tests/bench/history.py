"""Time whole trainings with a history and without, in turn, each in a process of its own.

    python tests/bench/history.py [--network tiny|vgg] [--images 32] [--steps 300] [--pairs 5] [--share 0.02]

Prints seconds of wall and of CPU of each training, from before the capture to after its end, then the medians and what
the history adds; and what it left on disk, a step and an object. The networks have the 8732 priors of SSD300: `vgg` is
VGG16 with its extra layers at 300 pixels, of which a step takes most of a minute on one thread; `tiny` costs as little
as one can. `--share 1` samples each step; `--bare` leaves out the probe of the criterion at the first step, which every
capture may make. One thread. Photos are noise: what they show changes no time.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import ssdlossdbg

MAPS, SHAPES = (38, 19, 10, 5, 3, 1), (4, 6, 6, 6, 4, 4)
CLASSES, OBJECTS, THRESHOLD = 21, 13, 0.5
VGG = (64, 64, "M", 128, 128, "M", 256, 256, 256, "C", 512, 512, 512, "M", 512, 512, 512)


class MultiBoxLoss(nn.Module):
    """Called as ssd.pytorch's is, and as dear: a loop over images, and sorted negatives."""

    def forward(self, predictions: Any, targets: Any) -> tuple[Tensor, Tensor]:
        """Both parts."""
        loc, conf, priors = predictions
        corners = torch.cat((priors[:, :2] - priors[:, 2:] / 2, priors[:, :2] + priors[:, 2:] / 2), 1)
        pairs = [_matched(rows, priors, corners) for rows in targets]
        labels, offsets = (torch.stack(part) for part in zip(*pairs, strict=True))
        positive = labels > 0
        localization = F.smooth_l1_loss(loc[positive], offsets[positive], reduction="sum")
        costs = F.cross_entropy(conf.flatten(0, 1), labels.flatten(), reduction="none").view_as(labels)
        ranks = costs.detach().masked_fill(positive, 0).argsort(1, descending=True).argsort(1)
        chosen = positive | (ranks < 3 * positive.sum(1, keepdim=True))
        return localization / positive.sum(), costs[chosen].sum() / positive.sum()


def _matched(rows: Tensor, priors: Tensor, corners: Tensor) -> tuple[Tensor, Tensor]:
    low = torch.maximum(rows[:, None, :2], corners[None, :, :2])
    high = torch.minimum(rows[:, None, 2:4], corners[None, :, 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    areas = [(each[:, 2:4] - each[:, :2]).prod(-1) for each in (rows, corners)]
    overlap = shared / (areas[0][:, None] + areas[1] - shared)
    best, owner = overlap.max(0)
    for index, prior in enumerate(overlap.argmax(1).tolist()):
        best[prior], owner[prior] = 2.0, index
    own = rows[owner]
    centre, side = (own[:, :2] + own[:, 2:4]) / 2, own[:, 2:4] - own[:, :2]
    offsets = torch.cat(((centre - priors[:, :2]) / priors[:, 2:] / 0.1, (side / priors[:, 2:]).log() / 0.2), 1)
    return torch.where(best >= THRESHOLD, own[:, 4].long() + 1, 0), offsets


class Tiny(nn.Module):
    """Pools the photo, and one layer a level."""

    side = 38

    def __init__(self) -> None:
        super().__init__()
        self.heads = nn.ModuleList([nn.Conv2d(3, shapes * (4 + CLASSES), 1) for shapes in SHAPES])

    def forward(self, photos: Tensor) -> tuple[Tensor, Tensor]:
        """Offsets and logits."""
        return _told([head(F.adaptive_avg_pool2d(photos, side)) for head, side in zip(self.heads, MAPS, strict=True)])


class Vgg(nn.Module):
    """VGG16 as SSD300 has it."""

    side = 300

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for each in VGG:
            if isinstance(each, int):
                layers += [nn.Conv2d(channels, each, 3, padding=1), nn.ReLU(inplace=True)]
                channels = each
            else:
                layers.append(nn.MaxPool2d(2, 2, ceil_mode=each == "C"))
        self.base = nn.Sequential(*layers)
        self.later = nn.ModuleList(
            [
                nn.Sequential(
                    *(nn.MaxPool2d(3, 1, 1), nn.Conv2d(512, 1024, 3, padding=6, dilation=6), nn.ReLU()),
                    *(nn.Conv2d(1024, 1024, 1), nn.ReLU()),
                ),
                _extra(1024, 256, 512, 2),
                _extra(512, 128, 256, 2),
                _extra(256, 128, 256, 1),
                _extra(256, 128, 256, 1),
            ]
        )
        widths = (512, 1024, 512, 256, 256, 256)
        self.heads = nn.ModuleList(
            [nn.Conv2d(width, n * (4 + CLASSES), 3, padding=1) for width, n in zip(widths, SHAPES, strict=True)]
        )

    def forward(self, photos: Tensor) -> tuple[Tensor, Tensor]:
        """Offsets and logits."""
        maps = []
        for place, layer in enumerate(self.base):
            photos = layer(photos)
            if place == 22:  # conv4_3
                maps.append(photos)
        for layers in self.later:
            photos = layers(photos)
            maps.append(photos)
        return _told([head(each) for head, each in zip(self.heads, maps, strict=True)])


def _extra(channels: int, narrow: int, wide: int, stride: int) -> nn.Module:
    end = nn.Conv2d(narrow, wide, 3, stride, padding=stride - 1)
    return nn.Sequential(nn.Conv2d(channels, narrow, 1), nn.ReLU(), end, nn.ReLU())


def _told(maps: list[Tensor]) -> tuple[Tensor, Tensor]:
    flat = torch.cat([each.permute(0, 2, 3, 1).reshape(len(each), -1, 4 + CLASSES) for each in maps], 1)
    return flat[..., :4], flat[..., 4:]


def _priors() -> Tensor:
    """`[8732, 4]`, of SSD300's number and sizes."""
    rows = []
    for side, shapes, scale, after in zip(MAPS, SHAPES, SIZES, SIZES[1:], strict=False):
        ratios = [1, 2, 0.5, 3, 1 / 3][: shapes - 1]
        boxes = [(scale * r**0.5, scale / r**0.5) for r in ratios] + [((scale * after) ** 0.5,) * 2]
        y, x = torch.meshgrid(*[(torch.arange(side) + 0.5) / side] * 2, indexing="ij")
        centres = torch.stack((x, y), -1).reshape(-1, 1, 2).expand(-1, shapes, 2)
        rows.append(torch.cat((centres, torch.tensor(boxes).expand(side * side, shapes, 2)), -1).reshape(-1, 4))
    return torch.cat(rows)


SIZES = (0.1, 0.2, 0.37, 0.54, 0.71, 0.88, 1.05)


def train(kind: str, images: int, steps: int, share: float, folder: str, bare: bool) -> dict[str, float]:
    """Train once: seconds of wall and of CPU.

    Args:
        kind: of the network.
        images: in a batch.
        steps: how many.
        share: of the time, for the history; 0 without a capture.
        folder: of the run.
        bare: whether the criterion is not to be probed.
    """
    torch.manual_seed(0)
    torch.set_num_threads(1)
    network: Any = Vgg() if kind == "vgg" else Tiny()
    criterion, priors = MultiBoxLoss(), _priors()
    optimiser = torch.optim.SGD(network.parameters(), 1e-4, momentum=0.9)
    photos = torch.randn(images, 3, network.side, network.side)
    low = torch.rand(images, OBJECTS, 2) * 0.7
    sides = 0.05 + 0.25 * torch.rand(images, OBJECTS, 2)
    labels = torch.randint(0, CLASSES - 1, (images, OBJECTS, 1)).float()
    targets = list(torch.cat((low, low + sides, labels), -1))
    begun, used = time.perf_counter(), time.process_time()
    run = None
    if share:
        run = ssdlossdbg.capture(criterion, folder, history=share, spike=0, identify=False if bare else None)
    for _ in range(steps):
        loc, conf = network(photos)
        parts = criterion((loc, conf, priors), targets)
        optimiser.zero_grad()
        (parts[0] + parts[1]).backward()
        optimiser.step()
    if run is not None:
        run.close()
    return {"wall": time.perf_counter() - begun, "cpu": time.process_time() - used}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", choices=("tiny", "vgg"), default="tiny")
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--share", type=float, default=0.02)
    parser.add_argument("--bare", action="store_true")
    parser.add_argument("--alone", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.alone is not None:
        told = train(given.network, given.images, given.steps, given.share, given.alone, given.bare)
        print(json.dumps(told))
        return
    times: dict[str, list[dict[str, float]]] = {"without": [], "with": []}
    with tempfile.TemporaryDirectory() as folder:
        for pair in range(given.pairs):
            for name in ("without", "with") if pair % 2 else ("with", "without"):
                share = given.share if name == "with" else 0
                path = str(Path(folder) / str(pair))
                command = [sys.executable, __file__, *sys.argv[1:], "--share", str(share), "--alone", path]
                output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                times[name].append(json.loads(output))
                print(name, *(f"{key} {seconds:.2f} s" for key, seconds in times[name][-1].items()), flush=True)
        for key in ("wall", "cpu"):
            medians = {name: statistics.median(each[key] for each in all_) for name, all_ in times.items()}
            pairs = [a[key] / b[key] - 1 for a, b in zip(times["with"], times["without"], strict=True)]
            more = medians["with"] / medians["without"] - 1
            print(f"{key}: medians {medians}, {more:+.2%}; median of pairs {statistics.median(pairs):+.2%}")
        _say_bytes(Path(folder) / "0" / "history", given.steps)


def _say_bytes(folder: Path, steps: int) -> None:
    from ssdlossdbg.results.history_rows import HEAD, OBJECTS, TABLES, rows_in

    for table in TABLES:
        file = folder / f"{table.name}.rows"
        size = file.stat().st_size - HEAD
        print(f"{file.name}: {size:,} bytes, {table.dtype.itemsize} a row, {size / steps:.0f} a step")
    sampled = rows_in((folder / "objects.rows").read_bytes(), OBJECTS)
    print(f"{len(set(sampled['step'].tolist()))} of {steps} steps sampled, {len(sampled)} objects")


if __name__ == "__main__":
    main()
