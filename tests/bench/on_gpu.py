"""All that is to be asked of a GPU, in one run of some minutes: the same numbers, no waiting, and how fast.

    python3 tests/bench/on_gpu.py
    python3 tests/bench/on_gpu.py --device cpu --images 2 --repeats 1     # what it asks, where there is no GPU
    python3 tests/bench/on_gpu.py --device meta --images 2

Run from the tree, where the package need not be installed, but what it needs must be (msgspec and defusedxml, too). One
part after another, each whatever became of those before; at the end, what is not as it is to be:

- numbers: under each dialect the loss core's integers are those of the CPU, its floats and gradients within 1e-5;
- waiting: nothing in it, or in the criterion, makes the host wait for the device, but where mining suppresses
  neighbours. `meta` tensors have no values, so there whatever would wait raises;
- speed: against reading the logits once and launching as many kernels, against torchvision's matching and loss, against
  a loss that loops over images; and every dialect against the fastest;
- torch.compile: the core in one graph gives the same, and how fast;
- capture: what it adds to a step;
- tests: those marked `gpu`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch
import tree  # type: ignore[import-not-found]  # beside this script, as the next three
from capture import overhead  # type: ignore[import-not-found]
from loss_core import floor_of, make_objects, torchvision_step  # type: ignore[import-not-found]
from timing import median_times  # type: ignore[import-not-found]
from torch import Tensor
from torch.nn import functional as F

from ssdlossdbg import MultiBoxLoss, generate_priors, load_dialect, pad_ground_truth
from ssdlossdbg.multibox.boxes import cxcywh_to_xyxy, iou
from ssdlossdbg.multibox.codec import encode
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch
from ssdlossdbg.multibox.loss import LossTerms, multibox_loss
from ssdlossdbg.multibox.refining import moved
from ssdlossdbg.readers.dialects import dialect_names
from ssdlossdbg.rules import Dialect, MiningSelection, Units

SIDE = 300
WHOLE = ("labels", "positive", "forced", "ignored", "owner")
FLOATS = ("localization_terms", "confidence_terms", "localization", "confidence")
# What is to be reached.
TIMES_TORCHVISION, TIMES_FLOOR, TIMES_FASTEST = 10.0, 3.0, 2.0
# Dialects of which torch.compile is asked; Inductor takes some seconds for each.
COMPILED = ("ssd.pytorch", "caffe", "tf2-object-detection")
SECONDS_OF_TESTS = 240


class Problem:
    """A batch on a device, whose loss can be asked under any dialect."""

    def __init__(self, images: int, device: str, classes: int = 21, priors: str = "ssd300") -> None:
        generator = torch.Generator().manual_seed(0)
        self.device, self.generated = device, generate_priors(priors)
        shape = (images, len(self.generated.boxes))
        loc, conf = (torch.randn((*shape, size), generator=generator) for size in (4, classes))
        self.loc, self.conf, self.priors = (each.to(device) for each in (0.1 * loc, conf, self.generated.boxes))
        self.boxes, self.labels = ([each.to(device) for each in part] for part in make_objects(images, classes, "cpu"))
        self.gt = pad_ground_truth(*make_objects(images, classes, "cpu")).to(device)

    def loss(self, rules: Dialect, loc: Tensor | None = None, conf: Tensor | None = None) -> LossTerms:
        """The loss core, of the batch's predictions or of others."""
        unit = SIDE if rules.targets.units is Units.PIXELS else 1
        gt = GroundTruthBatch(self.gt.boxes * unit, self.gt.labels, self.gt.counts)
        specs = rules.match, rules.codec, rules.mining, rules.loss
        loc, conf = (self.loc if loc is None else loc), (self.conf if conf is None else conf)
        # Of two steps it is the second, whose priors the first moved in each image.
        priors = moved(loc, self.priors * unit, rules.codec) if rules.refine.first_step else self.priors * unit
        return multibox_loss(loc, conf, priors, gt, *specs)

    def total(self, rules: Dialect, loc: Tensor | None = None, conf: Tensor | None = None) -> Tensor:
        """What training would back-propagate."""
        return self.loss(rules, loc, conf).total

    def trained(self, rules: Dialect) -> tuple[LossTerms, list[Tensor]]:
        """The loss, and its gradients."""
        leaves = [each.clone().requires_grad_() for each in (self.loc, self.conf)]
        terms = self.loss(rules, *leaves)
        return terms, list(torch.autograd.grad(terms.total, leaves, allow_unused=True, materialize_grads=True))

    def criterion(self, rules: Dialect) -> Callable[[], object]:
        """A step with the criterion, as somebody calls it who trains on the device."""
        criterion = MultiBoxLoss(rules, priors=self.generated, units="normalized", image_size=SIDE, validate=False)
        targets = [{"boxes": box, "labels": label} for box, label in zip(self.boxes, self.labels, strict=True)]
        return lambda: criterion(self.loc, self.conf, targets)


def asks(rules: Dialect) -> bool:
    """Whether the rules ask the host: non-maximum suppression among the mined does, a few times."""
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
    pairs = [(name, getattr(found, name), getattr(expected, name)) for name in FLOATS]
    return wrong + [text for each in pairs for text in _apart(*each)]


def _apart(name: str, found: Tensor, expected: Tensor) -> list[str]:
    found, expected = found.detach().cpu(), expected.detach()
    if torch.allclose(found, expected, rtol=1e-5, atol=1e-6, equal_nan=True):
        return []
    return [f"{name} by {float((found - expected).abs().max()):.2g}"]


def faults_of(rules: Dialect, problem: Problem, plain: Problem) -> list[str]:
    """What is not as it is to be under a dialect: what waits for the device, and what differs from the CPU."""
    faults, steps = [], dict[str, Callable[[], object]]()
    if not asks(rules):
        steps["core"] = lambda: problem.trained(rules)
        if not rules.refine.first_step:
            steps["criterion"] = problem.criterion(rules)
    for name, step in steps.items():
        try:
            if problem.device == "cuda":
                step()  # the first call sets up what the next ones find
            with no_waiting(problem.device):
                step()
        except (RuntimeError, NotImplementedError) as error:
            faults.append(f"{name}: {str(error).splitlines()[0]}")
    if problem.device == "meta":
        return faults
    (found, ours), (expected, theirs) = problem.trained(rules), plain.trained(rules)
    names = "gradient of offsets", "gradient of logits"
    apart = [text for each in zip(names, ours, theirs, strict=True) for text in _apart(*each)]
    return [*faults, *differences(found, expected), *apart]


def rival_step(problem: Problem, rules: Dialect) -> Callable[[], object]:
    """The same loss as codebases write it: image by image, all priors encoded, all logits sorted."""
    corners = cxcywh_to_xyxy(problem.priors)

    def step() -> object:
        wanted, targets = [], []
        for box, label in zip(problem.boxes, problem.labels, strict=True):
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


@dataclass(frozen=True)
class Run:
    """What the parts are asked about."""

    device: str
    images: int
    repeats: int

    @property
    def on_gpu(self) -> bool:
        """Whether there is anything to measure a GPU by."""
        return self.device == "cuda"


def numbers(run: Run) -> list[str]:
    """The same numbers under each dialect, and no waiting."""
    problem, plain = Problem(run.images, run.device), Problem(run.images, "cpu")
    missed = []
    for name in dialect_names():
        faults = faults_of(load_dialect(name), problem, plain)
        missed += [f"{name}: {fault}" for fault in faults]
        print(f"{name:24} {'; '.join(faults) or 'as it is to be'}", flush=True)
    return missed


def speed(run: Run, classes: int = 21) -> list[str]:
    """Against torchvision, a loss by images, and the least that the device takes."""
    problem, rules = Problem(run.images, run.device, classes), load_dialect("ssd.pytorch")
    background = problem.gt.labels.new_zeros(problem.conf.shape[:2].numel())
    steps: dict[str, Callable[[], object]] = {
        "cross-entropy pass": lambda: F.cross_entropy(problem.conf.flatten(0, 1), background, reduction="none"),
        "image by image": rival_step(problem, rules),
        "ssd.pytorch": partial(problem.total, rules),
        "its criterion": problem.criterion(rules),
    }
    rival = torchvision_step(problem.loc, problem.conf, problem.priors, problem.boxes, problem.labels)
    if rival is not None:
        steps["torchvision"] = rival
    missed = []
    with torch.no_grad():
        medians = median_times(steps, run.repeats, run.device)
        own = medians["ssd.pytorch"]
        print(f"{run.images} images, {len(problem.priors)} priors, {classes} classes, median of {run.repeats}")
        for name, seconds in medians.items():
            print(f"{name:20} {seconds * 1e3:8.3f} ms {seconds / own:7.2f} x ssd.pytorch's")
        if run.on_gpu and rival is not None and medians["torchvision"] < TIMES_TORCHVISION * own:
            missed.append(f"torchvision takes {medians['torchvision'] / own:.1f} x, not {TIMES_TORCHVISION:g}")
        if run.on_gpu:
            floor = floor_of(partial(problem.total, rules), problem.conf, run.repeats)
            times = floor.held_against(own)
            print(f"{floor}: the core takes {times:.2f} times as long as both together")
            missed += [f"{times:.1f} times its floor, not {TIMES_FLOOR:g}"] if times > TIMES_FLOOR else []
    return [f"{classes} classes: {each}" for each in missed]


def speed_of_81_classes(run: Run) -> list[str]:
    """The same with COCO's."""
    return speed(run, 81)


def dialects(run: Run) -> list[str]:
    """Every dialect against the fastest."""
    problem = Problem(run.images, run.device)
    steps = {name: partial(problem.total, load_dialect(name)) for name in dialect_names()}
    with torch.no_grad():
        medians = median_times(steps, run.repeats, run.device)
    fastest, missed = min(medians.values()), []
    for name, seconds in sorted(medians.items(), key=lambda each: each[1]):
        print(f"{name:24} {seconds * 1e3:8.3f} ms {seconds / fastest:7.2f} x the fastest")
        missed += [f"{name} takes {seconds / fastest:.1f} x the fastest"] if seconds > TIMES_FASTEST * fastest else []
    return missed


def compiled(run: Run) -> list[str]:
    """torch.compile of the core: one graph, the same numbers, and how fast."""
    problem, missed, steps = Problem(run.images, run.device), [], dict[str, Callable[[], object]]()
    for name in COMPILED:
        rules = load_dialect(name)
        core = torch.compile(partial(problem.total, rules), fullgraph=True)
        found, expected = core(problem.loc, problem.conf), problem.total(rules)
        missed += [f"{name}: {text}" for text in _apart("total", found, expected.cpu())]
        steps[name] = partial(core, problem.loc, problem.conf)
        print(f"{name}: {float(found):.7g} compiled, {float(expected):.7g} not", flush=True)
    with torch.no_grad():
        for name, seconds in median_times(steps, run.repeats, run.device).items():
            print(f"{name:24} {seconds * 1e3:8.3f} ms compiled")
    return missed


def captured(run: Run) -> list[str]:
    """What a capture adds to a step."""
    print(overhead(run.images, 21, 20 * run.repeats, run.device))
    return []


def tests(_: Run) -> list[str]:
    """Those that want a GPU."""
    marked = [str(file) for file in sorted((tree.ROOT / "tests").rglob("test_*.py")) if "mark.gpu" in file.read_text()]
    command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "-W", "default", "-p", "no:cacheprovider", *marked]
    around = {**os.environ, "PYTHONPATH": str(tree.ROOT)}
    done = subprocess.run(command, cwd=tree.ROOT, env=around, timeout=SECONDS_OF_TESTS, check=False)
    return [f"pytest -m gpu exits with {done.returncode}"] if done.returncode else []


def parts_of(run: Run) -> list[Callable[[Run], list[str]]]:
    """What can be asked of the device."""
    if run.device == "meta":
        return [numbers]
    return [numbers, speed, speed_of_81_classes, dialects, compiled, captured, *([tests] if run.on_gpu else [])]


def all_missed(run: Run, parts: list[Callable[[Run], list[str]]]) -> list[str]:
    """What of the parts is not as it is to be; one that breaks off is, too, and the next ones follow."""
    missed = []
    for part in parts:
        print(f"\n== {(part.__doc__ or '').rstrip('.')}", flush=True)
        try:
            missed += [f"{part.__name__}: {each}" for each in part(run)]
        except Exception as error:
            traceback.print_exc(file=sys.stdout)
            missed.append(f"{part.__name__} broke off: {error!r}")
    return missed


def main() -> None:
    """Parse, ask, print; exits with 1 where something is not as it is to be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu", "meta"))
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # whatever ends the run, all so far is said
    run = Run(options.device, options.images, options.repeats)
    card = torch.cuda.get_device_name() if run.on_gpu else run.device
    print(f"{card}, torch {torch.__version__}, CUDA {torch.version.cuda}, Python {sys.version.split()[0]}")
    missed = all_missed(run, parts_of(run))
    print("\n== " + ("Not as it is to be:" if missed else "All is as it is to be."), *missed, sep="\n")
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
