"""Time the loss core (match, encode, mine, sum) against torchvision's own on the same batch.

    python tests/bench/loss_core.py [--images 32] [--classes 21] [--repeats 9] [--device cpu] [--threads 2]
        [--cpu-time] [--busy] [--rest 0.03] [--dialects] [--backward]

Prints the median of each and its ratio to one `F.cross_entropy(reduction="none")` pass over the same logits. The
runs are interleaved, so that a machine whose speed drifts slows all of them alike. torchvision is timed where it can
be imported; its figure covers `box_iou`, `SSDMatcher` and `compute_loss`, as in `SSD.forward` under training. "Its
criterion" is `MultiBoxLoss`, the same behind a look at the inputs. The objects are random: sizes and numbers like those
of a blood-cell dataset (about 13 an image, 15 to 100 pixels).

`--cpu-time` counts seconds of the processor, and `--busy` has another process want a core all the while. `--rest` waits
before each step: libgomp's threads, which a pass has at work, spin for some milliseconds after it, and a core that they
hold is not free for the step after. `--dialects` times the criterion of every dialect of one step in place of the
rivals. `--backward` times the gradient with respect to both predictions, too. Where there are few classes, a pass is no
measure of what is done to each prior: so it also says how many bytes the core's operations read and write, and how long
that takes it beside what a pass takes for as many, without a gradient.

With `--device cuda` it also prints what no loss can go below on that GPU: the time to read the logits once, and to
launch as many kernels as the loss core does.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from multiprocessing import Process
from types import SimpleNamespace
from typing import Any

import torch
from timing import median_times  # type: ignore[import-not-found]  # beside this script
from torch import Tensor
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ssdlossdbg import MultiBoxLoss, generate_priors, load_dialect, pad_ground_truth
from ssdlossdbg.multibox.boxes import cxcywh_to_xyxy
from ssdlossdbg.multibox.loss import multibox_loss
from ssdlossdbg.readers.dialects import dialect_names

SIDE = 300


class Traffic(TorchDispatchMode):
    """Counts the bytes that operations of torch read and write; views move none."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Every operation."""
        made = func(*args, **(kwargs or {}))
        given = [each for each in tree_leaves((args, kwargs)) if isinstance(each, Tensor)]
        out = [each for each in tree_leaves(made) if isinstance(each, Tensor)]
        storages = {each.untyped_storage().data_ptr() for each in given}
        if func._schema.is_mutable or not any(each.untyped_storage().data_ptr() in storages for each in out):
            self.bytes += sum(each.numel() * each.element_size() for each in (*given, *out))
        return made


def traffic(step: Callable[[], object]) -> int:
    """The bytes that a step's operations move."""
    seen = Traffic()
    with seen:
        step()
    return seen.bytes


def want_a_core() -> None:
    """For ever."""
    while True:
        sum(range(10**6))


def make_objects(images: int, classes: int, device: str) -> tuple[list[Tensor], list[Tensor]]:
    """Normalised boxes and class ids of each image, with a fixed seed."""
    generator = torch.Generator().manual_seed(0)
    boxes, labels = [], []
    for _ in range(images):
        count = int(torch.randint(8, 20, (), generator=generator))
        size = (15 + 85 * torch.rand((count, 2), generator=generator)) / SIDE
        low = torch.rand((count, 2), generator=generator) * (1 - size)
        boxes.append(torch.cat((low, low + size), dim=1).to(device))
        labels.append(torch.randint(1, classes, (count,), generator=generator).to(device))
    return boxes, labels


def torchvision_step(
    loc: Tensor, conf: Tensor, priors: Tensor, boxes: list[Tensor], labels: list[Tensor]
) -> Callable[[], object] | None:
    """Torchvision's matching and loss on the batch, or None where it cannot be imported."""
    try:
        from torchvision.models.detection import _utils, ssd
        from torchvision.ops import boxes as box_ops
    except (ImportError, RuntimeError) as error:
        print(f"torchvision is not timed: {error}")
        return None
    corners = cxcywh_to_xyxy(priors) * SIDE
    targets = [{"boxes": box * SIDE, "labels": label} for box, label in zip(boxes, labels, strict=True)]
    network = SimpleNamespace(box_coder=_utils.BoxCoder(weights=(10.0, 10.0, 5.0, 5.0)), neg_to_pos_ratio=3.0)
    matcher = _utils.SSDMatcher(0.5)
    outputs = {"bbox_regression": loc, "cls_logits": conf}

    def step() -> object:
        matched = [matcher(box_ops.box_iou(target["boxes"], corners)) for target in targets]
        return ssd.SSD.compute_loss(network, targets, outputs, [corners] * len(targets), matched)

    return step


@dataclass(frozen=True)
class Floor:
    """What a GPU cannot do without, in seconds.

    Attributes:
        reading: the logits once.
        launching: as many kernels as the step does.
        kernels: how many those are.
    """

    reading: float
    launching: float
    kernels: int

    def held_against(self, seconds: float) -> float:
        """How many times as long a step takes."""
        return seconds / (self.reading + self.launching)

    def __str__(self) -> str:
        return (
            f"reading the logits once takes {self.reading * 1e3:.3f} ms, "
            f"launching {self.kernels} kernels {self.launching * 1e3:.3f} ms"
        )


def floor_of(step: Callable[[], object], conf: Tensor, repeats: int) -> Floor:
    """What a step on logits `conf` cannot do without, on the GPU that they are on."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        step()
        torch.cuda.synchronize()
    kernels = sum(event.device_type.name == "CUDA" for event in profile.events())
    speck = torch.zeros(1, device=conf.device)
    launches = 1000

    def launch() -> None:
        for _ in range(launches):
            speck.add_(1)

    times = median_times({"read": lambda: conf.sum(), "launch": launch}, repeats, str(conf.device))
    return Floor(times["read"], kernels * times["launch"] / launches, kernels)


def with_gradient(step: Callable[[], object], predictions: tuple[Tensor, ...]) -> Callable[[], None]:
    """The step, and the gradient of all that it returns with respect to the predictions."""

    def both() -> None:
        for each in predictions:
            each.grad = None
        returned = [each for each in tree_leaves(step()) if isinstance(each, Tensor) and each.requires_grad]
        torch.stack([each.sum() for each in returned]).sum().backward()  # type: ignore[no-untyped-call]

    return both


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--classes", type=int, default=21)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--cpu-time", action="store_true")
    parser.add_argument("--busy", action="store_true")
    parser.add_argument("--rest", type=float, default=0.0)
    parser.add_argument("--dialects", action="store_true")
    parser.add_argument("--backward", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    clock = time.process_time if options.cpu_time else time.perf_counter

    torch.manual_seed(0)
    generated = generate_priors("ssd300")
    priors, grid = generated.boxes.to(options.device), generated.grid
    shape = (options.images, len(priors))
    loc = torch.randn((*shape, 4), device=options.device)
    conf = torch.randn((*shape, options.classes), device=options.device)
    boxes, labels = make_objects(options.images, options.classes, options.device)
    dialect = load_dialect("ssd.pytorch")
    background = torch.zeros(shape, dtype=torch.long, device=options.device).reshape(-1)

    def ours() -> object:
        gt = pad_ground_truth(boxes, labels)
        specs = dialect.match, dialect.codec, dialect.mining, dialect.loss
        return multibox_loss(loc, conf, priors, gt, *specs, grid).total

    criterion = MultiBoxLoss(dialect, priors=generated)
    targets = [{"boxes": box, "labels": label} for box, label in zip(boxes, labels, strict=True)]
    steps: dict[str, Callable[[], object]] = {
        "cross-entropy pass": lambda: F.cross_entropy(conf.flatten(0, 1), background, reduction="none"),
        "ssdlossdbg": ours,
        "its criterion": lambda: criterion(loc, conf, targets),
    }
    rival = None if options.dialects else torchvision_step(loc, conf, priors, boxes, labels)
    if rival is not None:
        steps["torchvision"] = rival
    if options.dialects:
        for name in dialect_names(of_one_step=True):
            own = MultiBoxLoss(name, priors=generated, units="normalized", image_size=SIDE, validate=False)
            steps[name] = partial(own, loc, conf, targets)
    hog = Process(target=want_a_core, daemon=True)
    if options.busy:
        hog.start()
    timed = steps
    if options.backward:
        loc.requires_grad_()
        conf.requires_grad_()
        timed = {name: with_gradient(step, (loc, conf)) for name, step in steps.items()}
    with torch.set_grad_enabled(options.backward):
        medians = median_times(timed, options.repeats, options.device, clock, options.rest)
    with torch.no_grad():
        torch.set_num_threads(1)  # or some is done where nobody counts
        moved = {name: traffic(steps[name]) for name in ("cross-entropy pass", "ssdlossdbg")}
    if options.busy:
        hog.kill()
    unit = medians["cross-entropy pass"]
    print(f"{options.images} images, {len(priors)} priors, {options.classes} classes, {options.device}, ", end="")
    print(f"torch {torch.__version__}, {options.threads} threads, median of {options.repeats}")
    for name, seconds in medians.items():
        print(f"{name:20} {seconds * 1000:8.2f} ms {seconds / unit:7.2f} passes")
    if not options.backward:
        megabytes, per_byte = zip(*((size / 1e6, medians[name] / size) for name, size in moved.items()), strict=True)
        print(f"a pass moves {megabytes[0]:.1f} MB, the core {megabytes[1]:.1f}, ", end="")
        print(f"each in {per_byte[1] / per_byte[0]:.2f} of the time")
    if options.device != "cpu":
        with torch.no_grad():
            floor = floor_of(ours, conf, options.repeats)
        print(f"{torch.cuda.get_device_name(conf.device)}: {floor};")
        print(f"ssdlossdbg takes {floor.held_against(medians['ssdlossdbg']):.2f} times as long as both together")


if __name__ == "__main__":
    main()
