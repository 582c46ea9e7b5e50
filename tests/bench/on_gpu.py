"""All that is to be asked of a GPU, in one run of some minutes: the same numbers, no waiting, and how fast.

    python tests/bench/on_gpu.py
    python tests/bench/on_gpu.py --device cpu --images 2 --repeats 1     # what it asks, where there is no GPU
    python tests/bench/on_gpu.py --device meta --images 2

Under each dialect the loss core's integers must be those of the CPU, and its floats within 1e-5; nothing in it may make
the host wait for the device, but where mining suppresses neighbours. Then it is timed against one pass over the logits,
against a loss that loops over images, and against torchvision's where that can be imported. `meta` tensors have no
values, so whatever would wait raises on them; `pytest -m gpu` is run where there is a GPU.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from loss_core import make_objects, print_floor, torchvision_step  # type: ignore[import-not-found]  # beside this script
from timing import median_times  # type: ignore[import-not-found]  # beside this script
from torch import Tensor
from torch.nn import functional as F

from ssdlossdbg import generate_priors, load_dialect, pad_ground_truth
from ssdlossdbg.multibox.boxes import cxcywh_to_xyxy, iou
from ssdlossdbg.multibox.codec import encode
from ssdlossdbg.multibox.loss import LossTerms, multibox_loss
from ssdlossdbg.readers.dialects import dialect_names
from ssdlossdbg.rules import Dialect, MiningSelection, Units

CLASSES, SIDE = 21, 300
WHOLE = ("labels", "positive", "forced", "ignored", "owner")
FLOATS = ("localization_terms", "confidence_terms", "localization", "confidence")


class Problem:
    """A batch on a device, whose loss can be asked under any dialect."""

    def __init__(self, images: int, device: str) -> None:
        torch.manual_seed(0)
        self.priors = generate_priors("ssd300").boxes
        shape = (images, len(self.priors))
        self.loc, self.conf = 0.1 * torch.randn((*shape, 4)), torch.randn((*shape, CLASSES))
        self.boxes, self.labels = make_objects(images, CLASSES, "cpu")
        self.device = device
        self.loc, self.conf, self.priors = (each.to(device) for each in (self.loc, self.conf, self.priors))
        self.gt = pad_ground_truth(self.boxes, self.labels).to(device)

    def loss(self, rules: Dialect) -> LossTerms:
        """The loss core."""
        unit = SIDE if rules.targets.units is Units.PIXELS else 1
        gt = type(self.gt)(self.gt.boxes * unit, self.gt.labels, self.gt.counts)
        specs = rules.match, rules.codec, rules.mining, rules.loss
        return multibox_loss(self.loc, self.conf, self.priors * unit, gt, *specs)


def asks(rules: Dialect) -> bool:
    """Whether rounds of the rules ask the host: non-maximum suppression among the mined does."""
    return rules.mining.selection is MiningSelection.NON_MAXIMUM_SUPPRESSION


@contextmanager
def no_waiting(device: str) -> Iterator[None]:
    """Raise on whatever makes the host wait for a GPU."""
    if device != "cuda":
        yield
        return
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


def differences(found: LossTerms, expected: LossTerms) -> list[str]:
    """What is not the same, in words."""
    wrong = [
        name for name in WHOLE if not torch.equal(getattr(found.matching, name).cpu(), getattr(expected.matching, name))
    ]
    if not torch.equal(found.mining.mined.cpu(), expected.mining.mined):
        wrong.append("mined")
    for name in FLOATS:
        one, other = getattr(found, name).cpu(), getattr(expected, name)
        if not torch.allclose(one, other, rtol=1e-5, atol=1e-6, equal_nan=True):
            wrong.append(f"{name} by {float((one - other).abs().max()):.2g}")
    return wrong


def faults_of(rules: Dialect, problem: Problem, plain: Problem) -> list[str]:
    """What is not as it is to be under a dialect: what waits for the device, and what differs from the CPU."""
    faults = []
    if not asks(rules):
        try:
            with no_waiting(problem.device):
                problem.loss(rules)
        except RuntimeError as error:
            faults.append(str(error).splitlines()[0])
    return faults if problem.device == "meta" else [*faults, *differences(problem.loss(rules), plain.loss(rules))]


def rival_step(problem: Problem, rules: Dialect) -> Callable[[], object]:
    """The same loss as codebases write it: image by image, all priors encoded, all logits sorted."""
    corners = cxcywh_to_xyxy(problem.priors)
    boxes, labels = ([each.to(problem.device) for each in part] for part in (problem.boxes, problem.labels))

    def step() -> object:
        wanted, targets = [], []
        for box, label in zip(boxes, labels, strict=True):
            overlap = iou(box[:, None], corners)
            best, own = overlap.max(0)
            first = overlap.argmax(1)
            best[first], own[first] = 2.0, torch.arange(len(box), device=box.device)
            wanted.append(torch.where(best < rules.match.threshold, 0, label[own]))
            targets.append(encode(box[own], problem.priors, rules.codec))
        classes, offsets = torch.stack(wanted), torch.stack(targets)
        positive = classes > 0
        cost = F.cross_entropy(problem.conf.flatten(0, 1), classes.flatten(), reduction="none").view_as(classes)
        rank = cost.masked_fill(positive, 0).sort(1, descending=True).indices.sort(1).indices
        mined = rank < 3 * positive.sum(1, keepdim=True)
        localization = F.smooth_l1_loss(problem.loc[positive], offsets[positive], reduction="sum")
        return (localization + cost[positive | mined].sum()) / positive.sum()

    return step


def main() -> None:
    """Parse, check, time, print; exits with 1 where something is not as it is to be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu", "meta"))
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    on_gpu, wrong = options.device == "cuda", 0
    problem, plain = Problem(options.images, options.device), Problem(options.images, "cpu")
    if on_gpu:
        problem.loss(load_dialect("ssd.pytorch"))  # the first call sets the device up
    for name in dialect_names():
        faults = faults_of(load_dialect(name), problem, plain)
        wrong += bool(faults)
        print(f"{name:24} {'; '.join(faults) or 'as it is to be'}", flush=True)
    if options.device == "meta":
        sys.exit(bool(wrong))
    rules, greedy = load_dialect("ssd.pytorch"), load_dialect("caffe")
    steps: dict[str, Callable[[], object]] = {
        "cross-entropy pass": lambda: F.cross_entropy(
            problem.conf.flatten(0, 1), problem.gt.labels.new_zeros(problem.conf.shape[:2].numel()), reduction="none"
        ),
        "image by image": rival_step(problem, rules),
        "ssd.pytorch": lambda: problem.loss(rules).total,
        "caffe": lambda: problem.loss(greedy).total,
    }
    boxes, labels = ([each.to(options.device) for each in part] for part in (problem.boxes, problem.labels))
    rival = torchvision_step(problem.loc, problem.conf, problem.priors, boxes, labels)
    if rival is not None:
        steps["torchvision"] = rival
    with torch.no_grad():
        medians = median_times(steps, options.repeats, options.device)
        unit, own = medians["cross-entropy pass"], medians["ssd.pytorch"]
        for name, seconds in medians.items():
            print(
                f"{name:20} {seconds * 1e3:8.3f} ms {seconds / unit:7.2f} passes {seconds / own:7.2f} x ssd.pytorch's"
            )
        if on_gpu:
            print_floor(lambda: problem.loss(rules).total, problem.conf, own, options.repeats)
            compiled: Callable[[Tensor], Tensor] = torch.compile(lambda _: problem.loss(rules).total)
            torch.testing.assert_close(compiled(problem.loc), problem.loss(rules).total)
            print("torch.compile of the core gives the same")
    if on_gpu:
        wrong += subprocess.run([sys.executable, "-m", "pytest", "-q", "-m", "gpu"], check=False).returncode
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
