"""A network that has learnt something is evidence: each fault of a batch is named by it, and sound batches are silent.

The predictions are those of two small networks, half-trained and converged, on photographs that they know, and of the
converged ones on photographs that they do not; `tests/data/train_small_networks.py` makes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ssdlossdbg import api
from ssdlossdbg.multibox.codec import decode, encode
from ssdlossdbg.multibox.ground_truth import pad_ground_truth
from ssdlossdbg.multibox.matching import match
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.readers.saved.layout import SavedLayout
from ssdlossdbg.results import LossResult, Severity
from ssdlossdbg.rules import Units

LEARNT = np.load(Path(__file__).parents[1] / "data" / "learnt.npz")
NETWORKS, STAGES = ("seven", "two"), ("half", "done")
GOOD = [(network, stage) for network in NETWORKS for stage in STAGES]
DIALECTS = ("torchvision", "pytorch-ssd", "lufficc", "nvidia", "gluoncv", "ssd-keras")
ALL = [*GOOD, ("seven", "unseen"), ("two", "unseen")]


@dataclass(frozen=True)
class Saved:
    """A batch that a test may break: `[B, P, 4]`, `[B, P, C]`, `[P, 4]`, and per image boxes and labels from 1."""

    loc: Tensor
    conf: Tensor
    priors: Tensor
    boxes: tuple[Tensor, ...]
    labels: tuple[Tensor, ...]
    size: tuple[int, int]

    def images(self, order: list[int]) -> Saved:
        """Some of its images."""
        boxes, labels = (tuple(part[image] for image in order) for part in (self.boxes, self.labels))
        return replace(self, loc=self.loc[order], conf=self.conf[order], boxes=boxes, labels=labels)

    def predictions_of(self, order: list[int]) -> Saved:
        """With the predictions of other images."""
        return replace(self, loc=self.loc[order], conf=self.conf[order])

    def with_boxes(self, change: Callable[[Tensor], Tensor]) -> Saved:
        """With other boxes."""
        return replace(self, boxes=tuple(map(change, self.boxes)))


def batch(network: str, stage: str) -> Saved:
    """What a network said."""
    kind, start = "unseen" if stage == "unseen" else "seen", f"{network}_"
    loc, conf = (torch.from_numpy(LEARNT[f"{start}{stage}_{name}"]).float() for name in ("loc", "conf"))
    boxes, labels = (
        tuple(torch.from_numpy(LEARNT[f"{start}{kind}_{name}_{image}"]) for image in range(len(loc)))
        for name in ("boxes", "labels")
    )
    width, height = LEARNT[f"{start}size"].tolist()
    return Saved(loc, conf, torch.from_numpy(LEARNT[f"{start}priors"]), boxes, labels, (width, height))


Analyse = Callable[..., LossResult]


@pytest.fixture
def analyse() -> Analyse:
    """The loss of such a batch, saved in the layout of a dialect."""

    def run(saved: Saved, dialect: str = "ssd.pytorch", **layout: Any) -> LossResult:
        rules = load_dialect(dialect)
        targets: Any
        if dialect in ("pytorch-ssd", "lufficc"):
            targets = encoded(saved, dialect)
        elif dialect == "torchvision":
            scale = torch.tensor([1] if layout.pop("fractions", False) else [*saved.size, *saved.size])
            targets = [
                {"boxes": box * scale, "labels": label} for box, label in zip(saved.boxes, saved.labels, strict=True)
            ]
        else:
            shift = rules.targets.label_offset
            scale = torch.tensor([*saved.size, *saved.size] if rules.targets.units is Units.PIXELS else [1])
            targets = [
                torch.cat((box * scale, label[:, None].float() - shift), 1)
                for box, label in zip(saved.boxes, saved.labels, strict=True)
            ]
        loc, conf = saved.loc, saved.conf
        if layout.get("native") and dialect == "nvidia":
            loc, conf = loc.mT.contiguous(), conf.mT.contiguous()
        return api.loss(
            {"loc": loc, "conf": conf, "priors": saved.priors},
            targets,
            dialect=dialect,
            device="cpu",
            layout=SavedLayout(image_size=saved.size, **layout),
        )

    return run


def encoded(saved: Saved, dialect: str) -> dict[str, Tensor]:
    """The targets as pytorch-ssd's loader encodes them."""
    rules = load_dialect(dialect)
    gt = pad_ground_truth(list(saved.boxes), list(saved.labels))
    matching = match(gt, saved.priors, rules.match)
    boxes = gt.boxes.gather(1, matching.gt_index[..., None].expand(-1, -1, 4))
    return {"labels": matching.labels, "locations": encode(boxes, saved.priors, rules.codec)}


def own(result: LossResult) -> list[str]:
    """The codes of what is said of the predictions."""
    return [found.code for found in result.findings if found.code.startswith("PRE")]


def grave(result: LossResult) -> list[str]:
    """The codes of errors."""
    return [found.code for found in result.findings if found.severity is Severity.ERROR]


def message(result: LossResult) -> str:
    """What is said first."""
    return result.findings[0].worst.message


# Sound batches.


@pytest.mark.parametrize(
    ("network", "stage", "dialect"),
    [
        *((network, stage, "ssd.pytorch") for network, stage in ALL),
        *(("seven", "half", dialect) for dialect in DIALECTS[::2]),
        *(("two", "unseen", dialect) for dialect in DIALECTS[1::2]),
    ],
)
def test_a_network_that_was_asked_rightly_is_silent(network: str, stage: str, dialect: str, analyse: Analyse) -> None:
    result = analyse(batch(network, stage), dialect)
    assert own(result) == []
    assert grave(result) == []


def test_one_image_alone_is_silent(analyse: Analyse) -> None:
    for image in range(6):
        assert own(analyse(batch("seven", "done").images([image]))) == []


def test_the_same_image_several_times_is_silent(analyse: Analyse) -> None:
    assert own(analyse(batch("seven", "done").images([2, 2, 2]).predictions_of([1, 2, 0]))) == []


def test_objects_that_look_the_same_in_a_mirror_are_silent(analyse: Analyse) -> None:
    centred = batch("seven", "half").with_boxes(lambda boxes: (boxes + mirrored(boxes)) / 2)
    assert own(analyse(centred)) == []


@pytest.mark.parametrize("scale", [0.1, 1.0, 3.0])
def test_a_fresh_network_is_asked_nothing(scale: float, analyse: Analyse) -> None:
    generator, fresh = torch.Generator().manual_seed(1), batch("seven", "done")
    loc = scale * torch.randn(fresh.loc.shape, generator=generator)
    conf = scale * torch.randn(fresh.conf.shape, generator=generator)
    assert own(analyse(replace(fresh, loc=loc, conf=conf))) == []


# Broken ones. Each change is of a batch that is sound without it, and each code is all that is said of it.


def mirrored(boxes: Tensor) -> Tensor:
    return torch.stack((1 - boxes[:, 2], boxes[:, 1], 1 - boxes[:, 0], boxes[:, 3]), 1)


def upside_down(boxes: Tensor) -> Tensor:
    return torch.stack((boxes[:, 0], 1 - boxes[:, 3], boxes[:, 2], 1 - boxes[:, 1]), 1)


def unpermuted(saved: Saved) -> Tensor:
    """The offsets, had no level been permuted before it was flattened."""
    width, height = saved.size
    parts, start = [], 0
    for step in (8, 16, 32, 64)[: 4 if width == height else 3]:
        columns, rows = width // step, height // step
        level = saved.loc[:, start : start + 4 * columns * rows]
        start += level.shape[1]
        parts.append(level.reshape(-1, rows, columns, 16).permute(0, 3, 1, 2).reshape(level.shape))
    assert start == saved.loc.shape[1]
    return torch.cat(parts, 1)


def offsets(order: list[int]) -> Callable[[Saved], Saved]:
    return lambda saved: replace(saved, loc=saved.loc[..., order])


def scaled_offsets(*factors: float) -> Callable[[Saved], Saved]:
    return lambda saved: replace(saved, loc=saved.loc * torch.tensor(factors))


def box_by_box(
    change: Callable[[Tensor], Tensor], images: tuple[int, ...] = (0, 1, 2, 3, 4, 5)
) -> Callable[..., Saved]:
    def broken(saved: Saved) -> Saved:
        boxes = [change(box) if image in images else box for image, box in enumerate(saved.boxes)]
        return replace(saved, boxes=tuple(boxes))

    return broken


def by_value(saved: Saved) -> Saved:
    cells = saved.loc.view(len(saved.loc), -1, 4, 4)
    return replace(saved, loc=cells.transpose(2, 3).reshape(saved.loc.shape))


def as_boxes(saved: Saved) -> Saved:
    return replace(saved, loc=decode(saved.loc, saved.priors, load_dialect("ssd.pytorch").codec))


ALIKE: dict[str, tuple[Callable[[Saved], Saved], str, str]] = {
    "softmax": (lambda saved: replace(saved, conf=saved.conf.softmax(-1)), "PRE007", "softmax was applied"),
    "sigmoid": (lambda saved: replace(saved, conf=saved.conf.sigmoid()), "PRE007", "sigmoid was applied"),
    "background last": (lambda saved: replace(saved, conf=saved.conf.roll(-1, -1)), "PRE008", "rolled by one"),
    "sizes first": (offsets([2, 3, 0, 1]), "PRE001", "(dw, dh, dx, dy)"),
    "y first": (offsets([1, 0, 3, 2]), "PRE001", "(dy, dx, dh, dw)"),
    "x then y": (offsets([0, 2, 1, 3]), "PRE001", "(dx, dw, dy, dh)"),
    "unpermuted": (lambda saved: replace(saved, loc=unpermuted(saved)), "PRE001", "as each level's convolution"),
    "value by value": (by_value, "PRE001", "dx of all shapes of a cell first"),
    "view for transpose": (lambda s: replace(s, loc=s.loc.mT.reshape(s.loc.shape)), "PRE001", "dx of all priors first"),
    "decoded": (as_boxes, "PRE001", "decoded boxes, (x1, y1, x2, y2) in fractions"),
    "exchanged": (lambda saved: saved.predictions_of([2, 1, 0, 3, 4, 5]), "PRE010", "images 0 and 2 exchanged"),
    "one on": (lambda saved: saved.predictions_of([1, 2, 3, 4, 5, 0]), "PRE010", "image 5 for 0, 0 for 1"),
    "twice the variances": (scaled_offsets(0.5, 0.5, 0.5, 0.5), "PRE012", "variances (0.2, 0.2, 0.4, 0.4)"),
    "half the variances": (scaled_offsets(2, 2, 2, 2), "PRE012", "variances (0.05, 0.05, 0.1, 0.1)"),
    "no variances": (scaled_offsets(0.1, 0.1, 0.2, 0.2), "PRE012", "variances (1, 1, 1, 1)"),
    "frozen": (lambda saved: replace(saved, loc=torch.full_like(saved.loc, 0.3)), "PRE014", "the same, to the last"),
    "never moved": (lambda saved: replace(saved, loc=torch.zeros_like(saved.loc)), "PRE014", "the same, to the last"),
}
OF_OBJECTS: dict[str, tuple[Callable[[Saved], Saved], str, str]] = {
    "mirrored": (box_by_box(mirrored), "PRE011", "all images mirrored, left and right"),
    "one mirrored": (box_by_box(mirrored, (2,)), "PRE011", "image 2 mirrored, left and right"),
    "some mirrored": (box_by_box(mirrored, (2, 4)), "PRE011", "images 2, 4 mirrored, left and right"),
    "upside down": (box_by_box(upside_down), "PRE011", "mirrored, up and down"),
    "x and y exchanged": (box_by_box(lambda boxes: boxes[:, [1, 0, 3, 2]]), "PRE011", "x and y of the boxes of all"),
    "224 of 300": (box_by_box(lambda boxes: boxes * 224 / 300), "PRE011", "boxes multiplied by 1.3"),
    "by other sides": (box_by_box(lambda boxes: boxes * torch.tensor([0.5, 0.8, 0.5, 0.8])), "PRE011", "multiplied by"),
}


def in_turn(faults: Iterable[str], settings: Sequence[tuple[str, ...]], each: int = 1) -> list[tuple[str, ...]]:
    """Each fault under some of the settings, and each of these with some of the faults."""
    return [
        (fault, *settings[(each * place + more) % len(settings)])
        for place, fault in enumerate(faults)
        for more in range(each)
    ]


def check(broken: Saved, code: str, words: str, result: LossResult) -> None:
    """That is said first, with the figure that proves it, and nothing else beside it."""
    assert own(result) == [code]
    assert result.findings[0].code == code
    assert words in message(result)
    assert grave(result) == ([code] if code != "PRE014" else [])
    assert len(broken.loc) == len(broken.boxes)


@pytest.mark.parametrize(
    ("fault", "network", "stage", "dialect"),
    in_turn(ALIKE, [("two", "half", "ssd.pytorch"), ("seven", "half", "pytorch-ssd"), ("two", "done", "torchvision")]),
)
def test_faults_that_positives_show(fault: str, network: str, stage: str, dialect: str, analyse: Analyse) -> None:
    breaks, code, words = ALIKE[fault]
    broken = breaks(batch(network, stage))
    check(broken, code, words, analyse(broken, dialect))


@pytest.mark.parametrize(
    ("fault", "network", "stage", "dialect"),
    in_turn(
        OF_OBJECTS,
        [
            ("two", "half", "torchvision"),
            ("seven", "half", "pytorch-ssd"),
            ("seven", "done", "ssd.pytorch"),
            ("two", "done", "lufficc"),
        ],
        each=2,
    ),
)
def test_faults_that_need_new_matching(fault: str, network: str, stage: str, dialect: str, analyse: Analyse) -> None:
    breaks, code, words = OF_OBJECTS[fault]
    broken = breaks(batch(network, stage))
    check(broken, code, words, analyse(broken, dialect))


def test_images_that_cannot_tell_are_not_counted_out(analyse: Analyse) -> None:
    """One image shows the same in a mirror, so it cannot tell whether it was mirrored with the others."""
    saved = batch("seven", "done")
    alike = replace(saved, boxes=(saved.boxes[0].clone(), *saved.boxes[1:]))
    alike.boxes[0][:, 0], alike.boxes[0][:, 2] = 0.02, 0.98
    assert "of all images that tell it (1, 2, 3, 4, 5) mirrored" in message(analyse(alike.with_boxes(mirrored)))


@pytest.mark.parametrize(
    ("fault", "dialect"),
    in_turn(
        ("sizes first", "exchanged", "half the variances", "background last"),
        [(name,) for name in ("ssd.pytorch", "nvidia", "gluoncv", "ssd-keras", "lufficc")],
        each=2,
    ),
)
def test_faults_under_other_dialects(fault: str, dialect: str, analyse: Analyse) -> None:
    breaks, code, _ = ALIKE[fault]
    result = analyse(breaks(batch("seven", "done")), dialect)
    assert own(result) == grave(result) == [code]


def test_the_faults_of_a_bad_network_are_left_alone(analyse: Analyse) -> None:
    faults = {**ALIKE, **OF_OBJECTS}
    for fault, network in in_turn(faults, [(network,) for network in NETWORKS]):
        breaks, code, _ = faults[fault]
        if code != "PRE007" and fault not in ("exchanged", "one on"):
            assert set(own(analyse(breaks(batch(network, "unseen"))))) <= {"PRE002", code}, fault


def unsure(saved: Saved) -> Saved:
    """A network that calls most positives background still."""
    return replace(saved, conf=saved.conf + torch.tensor([1.0] + [0.0] * (saved.conf.shape[-1] - 1)))


@pytest.mark.parametrize("fault", ["background last", "frozen"])
def test_faults_of_a_network_that_knows_the_background_alone(fault: str, analyse: Analyse) -> None:
    breaks, code, _ = ALIKE[fault]
    result = analyse(breaks(unsure(batch("seven", "half"))))
    assert own(result) == [code]
    assert own(analyse(unsure(batch("seven", "half")))) == []


def test_one_class_everywhere_says_nothing_of_labels(analyse: Analyse) -> None:
    saved = batch("seven", "done")
    conf = saved.conf.clone()
    conf[..., 3] += 60
    assert own(analyse(replace(saved, conf=conf))) == ["PRE002"]


def test_false_alarms_do_not_hide_what_the_boxes_show(analyse: Analyse) -> None:
    saved = batch("seven", "done")
    conf = saved.conf.clone()
    conf[:, ::12, 1] += 25
    wrong = replace(saved, conf=conf).with_boxes(lambda boxes: boxes[:, [1, 0, 3, 2]])
    assert own(analyse(wrong)) == ["PRE011"]


def test_variances_of_a_network_that_is_never_exact(analyse: Analyse) -> None:
    saved = batch("seven", "done")
    inexact = replace(saved, loc=saved.loc + 0.35 * torch.randn(saved.loc.shape, generator=torch.manual_seed(0)))
    assert own(analyse(inexact)) == []
    result = analyse(scaled_offsets(0.5, 0.5, 0.5, 0.5)(inexact))
    assert own(result) == ["PRE012"]
    assert float(result.findings[0].worst.bound or 0) - float(result.findings[0].worst.value or 0) < 0.1


def beside_its_mirror(saved: Saved, image: int) -> Saved:
    """With one image more, which shows the same as that one in a mirror."""
    rows, start = [], 0
    for step in (8, 16, 32, 64):
        side = saved.size[0] // step
        rows.append(start + torch.arange(side * side * 4).view(side, side, 4).flip(1).flatten())
        start += side * side * 4
    turned = saved.loc[image, torch.cat(rows)] * torch.tensor([-1, 1, 1, 1])
    return replace(
        saved,
        loc=torch.cat((saved.loc, turned[None])),
        conf=torch.cat((saved.conf, saved.conf[image, torch.cat(rows)][None])),
        boxes=(*saved.boxes, mirrored(saved.boxes[image])),
        labels=(*saved.labels, saved.labels[image]),
    )


def test_what_explains_a_part_is_not_taken_for_what_explains_all(analyse: Analyse) -> None:
    """The mirrored boxes of two images are each other's."""
    saved = beside_its_mirror(batch("seven", "done"), 2)
    assert own(analyse(saved)) == []
    assert own(analyse(saved.with_boxes(mirrored))) == ["PRE011"]


@pytest.mark.parametrize(
    ("network", "stage", "dialect"),
    [(*good, dialect) for good, dialect in zip(GOOD, ["ssd.pytorch", "pytorch-ssd"] * 2, strict=True)],
)
def test_targets_of_another_photo(network: str, stage: str, dialect: str, analyse: Analyse) -> None:
    saved = batch(network, stage)
    broken = replace(saved.images([2]), loc=saved.loc[[4]], conf=saved.conf[[4]])
    check(broken, "PRE015", "surely taken for objects, but 0% of their boxes", analyse(broken, dialect))


def test_a_network_that_collapsed_sees_no_other_photo(analyse: Analyse) -> None:
    saved = batch("seven", "done")
    conf = saved.conf.clone()
    conf[..., 0] += 60
    assert own(analyse(replace(saved, conf=conf))) == ["PRE003"]


LABELS = {
    "one less": ([0, 6, 1, 2, 3, 4, 5], "1 less than what the network surely sees"),
    "one more": ([0, 2, 3, 4, 5, 6, 1], "1 more than what the network surely sees"),
    "exchanged": ([0, 2, 1, 3, 4, 6, 5], "class 1 is class 2, class 5 is class 6, class 6 is class 5"),
    "all the first": ([0, 1, 1, 1, 1, 1, 1], "all labels are class 1"),
}


@pytest.mark.parametrize(
    ("fault", "stage", "dialect"),
    in_turn(
        LABELS,
        [(stage, name) for name in ("ssd.pytorch", "torchvision", "pytorch-ssd") for stage in STAGES],
        each=3,
    ),
)
def test_labels_that_the_network_did_not_learn(fault: str, stage: str, dialect: str, analyse: Analyse) -> None:
    saved, (becomes, words) = batch("seven", stage), LABELS[fault]
    broken = replace(saved, labels=tuple(torch.tensor(becomes)[labels] for labels in saved.labels))
    check(broken, "PRE009", words, analyse(broken, dialect))


def relabelled(saved: Saved, becomes: list[int]) -> Saved:
    """With other numbers for the classes."""
    return replace(saved, labels=tuple(torch.tensor(becomes)[labels] for labels in saved.labels))


@pytest.mark.parametrize("dialect", ["ssd.pytorch", "pytorch-ssd"])
def test_labels_in_another_order_than_their_boxes(dialect: str, analyse: Analyse) -> None:
    saved = batch("seven", "done").images([1, 3, 5, 1, 3, 5, 1, 5])
    broken = replace(saved, labels=tuple(labels.flip(0) for labels in saved.labels))
    check(broken, "PRE009", "labelled as: boxes and labels do not go together", analyse(broken, dialect))


def test_one_class_under_anothers_label(analyse: Analyse) -> None:
    saved = batch("seven", "done")
    becomes = torch.tensor([0, 1, 3, 3, 4, 5, 6])
    result = analyse(replace(saved, labels=tuple(becomes[labels] for labels in saved.labels)))
    assert own(result) == ["PRE016"]
    assert "class 3 are surely taken for class 2" in message(result)
    assert grave(result) == []


def test_a_class_that_no_label_names(analyse: Analyse) -> None:
    """A few objects of a large class are another one, which is said as a doubt and not as a fact."""
    saved = batch("seven", "done").images([2, 1, 5, 1, 5, 1, 5])
    result = analyse(relabelled(saved, [0, 1, 2, 2, 4, 5, 6]))
    assert own(result) == ["PRE016"]
    assert "6 objects of class 2 are surely taken for class 3, which no label names" in message(result)
    assert grave(result) == []


@pytest.mark.parametrize("dialect", ["ssd.pytorch", "nvidia"])
def test_a_loss_that_is_no_number_comes_first(dialect: str, analyse: Analyse) -> None:
    saved = relabelled(batch("seven", "done"), [0, 6, 1, 2, 3, 4, 5])
    conf = saved.conf.clone()
    conf[3] = float("nan")
    result = analyse(replace(saved, conf=conf), dialect)
    assert [found.code for found in result.findings][:2] == ["NUM001", "PRE009"]


def test_one_object_under_another_label_is_silent(analyse: Analyse) -> None:
    assert own(analyse(relabelled(batch("seven", "done"), [0, 2, 2, 3, 4, 5, 6]))) == []


def test_all_labels_are_one_only_if_all_are(analyse: Analyse) -> None:
    """The objects of the other label are there, but nothing is surely seen in them."""
    saved = batch("seven", "done").images([1, 3, 5, 1, 3, 5, 0])
    conf = saved.conf.clone()
    conf[6] = 0
    result = analyse(relabelled(replace(saved, conf=conf), [0, 1, 2, 2, 2, 2, 2]))
    assert "all labels are" not in message(result)


def test_the_last_class_may_go_round(analyse: Analyse) -> None:
    result = analyse(relabelled(batch("seven", "done").images([0, 0, 1, 2, 3, 4, 5]), [0, 6, 1, 2, 3, 4, 5]))
    assert "positives, of 6 classes, are 1 less than what the network surely sees" in message(result)
    assert "class 6 going round to class 1" in message(result)


def test_few_labels_in_another_order_among_many(analyse: Analyse) -> None:
    """They are less than a quarter of all positives."""
    saved = batch("seven", "done").images([2, 1, 3, 5, 1, 3, 5])
    result = analyse(replace(saved, labels=tuple(labels.flip(0) for labels in saved.labels)))
    assert own(result) == ["PRE009"]
    assert "of them for that which others of these in their image are labelled as" in message(result)


def test_two_causes_that_look_alike_are_both_named(analyse: Analyse) -> None:
    """Two classes that stand together in every image are exchanged: by the class list, or by the order."""
    saved = batch("seven", "done").images([1, 5, 1, 5, 1, 5, 1, 5])
    assert "or the labels of an image are in another order" in message(
        analyse(relabelled(saved, [0, 1, 2, 6, 4, 5, 3]))
    )


def test_a_rare_class_that_a_frequent_one_swallows_is_silent(analyse: Analyse) -> None:
    saved = batch("seven", "done")
    conf = saved.conf.clone()
    conf[..., 2] = torch.maximum(conf[..., 2], conf[..., 1] + 3)
    assert own(analyse(replace(saved, conf=conf))) == []


def test_priors_of_another_preset(tmp_path: Path) -> None:
    samples = Path(__file__).parents[2] / "sample_data"
    loc, conf, _ = torch.load(samples / "preds.pt", weights_only=True)
    torch.save({"loc": loc, "conf": conf}, tmp_path / "preds.pt")
    told = {
        name: api.loss(tmp_path / "preds.pt", samples / "targets.pt", priors=name, device="cpu")
        for name in ("ssd300-voc", "ssd300-coco")
    }
    assert own(told["ssd300-coco"]) == []
    assert own(told["ssd300-voc"]) == grave(told["ssd300-voc"]) == ["PRE013"]
    assert "0.86 with the priors of ssd300-coco" in message(told["ssd300-voc"])


def test_fractions_under_a_dialect_in_pixels_are_the_cause(analyse: Analyse) -> None:
    result = analyse(batch("seven", "done"), "torchvision", target_units=Units.PIXELS, fractions=True)
    assert result.findings[0].code == "BOX006"
    assert own(result) == []


@pytest.mark.parametrize("dialect", ["ssd.pytorch", "torchvision"])
def test_targets_that_were_divided_twice(dialect: str, analyse: Analyse) -> None:
    saved = batch("seven", "done")
    result = analyse(saved.with_boxes(lambda boxes: boxes / torch.tensor([*saved.size, *saved.size])), dialect)
    assert result.findings[0].code == "BOX006"
    assert grave(result) == ["BOX006"]
    assert "MAT002" not in [found.code for found in result.findings]
