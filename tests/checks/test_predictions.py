"""Findings about what the network says: each fires on its own cause alone, and not on the nearest innocent batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ssdlossdbg import api
from ssdlossdbg.multibox.priors import Priors, generate_priors
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.readers.prior_configs import load_prior_config
from ssdlossdbg.readers.saved.layout import SavedLayout
from ssdlossdbg.results import Finding, LossResult, Severity

SAMPLES = Path(__file__).parents[2] / "sample_data"
COUNTS = {38: 4, 19: 6, 10: 6, 5: 6, 3: 4, 1: 4}
CLASSES = ("cat", "coin", "cup", "emblem", "person", "spoon")
Analyse = Callable[..., LossResult]


@pytest.fixture
def parts() -> tuple[Tensor, Tensor, Tensor]:
    """The sample's (loc, conf, priors), of a network that has learnt."""
    loc, conf, priors = torch.load(SAMPLES / "preds.pt", weights_only=True)
    return loc, conf, priors


@pytest.fixture
def analyse(tmp_path: Path) -> Analyse:
    """The loss of such predictions against the sample's targets, or others, by way of files."""

    def run(saved: Any, targets: Sequence[Tensor] | None = None, **options: Any) -> LossResult:
        wanted = torch.load(SAMPLES / "targets.pt", weights_only=True) if targets is None else list(targets)
        torch.save(saved, tmp_path / "preds.pt")
        torch.save(wanted, tmp_path / "targets.pt")
        return api.loss(tmp_path / "preds.pt", tmp_path / "targets.pt", device="cpu", **options)

    return run


def finding(result: LossResult, code: str) -> Finding:
    """That finding, which must be there."""
    return next(found for found in result.findings if found.code == code)


def own(result: LossResult, family: str = "PRE") -> list[str]:
    """The codes of a family that were found."""
    return [found.code for found in result.findings if found.code.startswith(family)]


def errors(result: LossResult) -> list[str]:
    """The codes of all errors that were found."""
    return [found.code for found in result.findings if found.severity is Severity.ERROR]


def reordered(order: str) -> Tensor:
    """`[8732]` the prior at each place of another order, by the definition of the orders."""
    places, start = [], 0
    for side, shapes in COUNTS.items():
        grid = start + torch.arange(side * side * shapes).view(side, side, shapes)
        start += grid.numel()
        rest = list(range(2, shapes))
        pairs = [shape for wide in rest[::2] for shape in (wide + 1, wide)]
        level = {
            "shape by shape": grid.permute(2, 0, 1),
            "column by column": grid.transpose(0, 1),
            "from the other end": grid,
            "second shape of each cell last": grid[..., [0, *rest, 1]],
            "last shape of each cell second": grid[..., [0, shapes - 1, *range(1, shapes - 1)]],
            "wide and tall shapes exchanged": grid[..., [0, 1, *pairs]],
        }[order]
        places.append(level.flatten())
    return torch.cat(places[::-1] if order == "from the other end" else places)


ORDERS = (
    "shape by shape",
    "column by column",
    "from the other end",
    "second shape of each cell last",
    "last shape of each cell second",
    "wide and tall shapes exchanged",
)


def test_healthy_batch_has_no_finding(parts: tuple[Tensor, ...], analyse: Analyse) -> None:
    result = analyse(parts, classes=CLASSES)
    assert own(result) + own(result, "MIN") + own(result, "NUM") + errors(result) == []


@pytest.mark.parametrize("order", ORDERS)
def test_rows_in_another_order_are_named(order: str, parts: tuple[Tensor, ...], analyse: Analyse) -> None:
    loc, conf, priors = parts
    result = analyse((loc[:, reordered(order)], conf[:, reordered(order)], priors))
    (case,) = finding(result, "PRE001").cases
    assert order in case.message
    assert isinstance(case.bound, float)
    assert case.bound > 0.8
    assert errors(result) == ["PRE001"]


@pytest.mark.parametrize("order", ["shape by shape", "from the other end"])
def test_priors_in_another_order_are_told_apart(order: str, parts: tuple[Tensor, ...], analyse: Analyse) -> None:
    loc, conf, priors = parts
    result = analyse((loc, conf, priors[reordered(order)]))
    right = order if order == "from the other end" else "cell by cell"
    assert right in finding(result, "PRE001").worst.message
    assert errors(result) == ["PRE001"]


def test_priors_column_by_column_are_the_cause(parts: tuple[Tensor, ...], analyse: Analyse) -> None:
    loc, conf, priors = parts
    result = analyse((loc, conf, priors[reordered("column by column")]))
    assert errors(result) == ["PRI008"], "the predictions show it too, but follow from it"


def test_y_before_x_is_named(parts: tuple[Tensor, ...], analyse: Analyse) -> None:
    loc, conf, priors = parts
    result = analyse((loc[..., [1, 0, 3, 2]], conf, priors))
    assert "(dy, dx, dh, dw)" in finding(result, "PRE001").worst.message
    assert errors(result) == ["PRE001"]


@pytest.mark.parametrize(
    ("scale", "order"), [(0.0, None), (1.3, None), (0.3, "shape by shape"), (1.3, "from the other end")]
)
def test_fresh_network_has_no_order(
    scale: float, order: str | None, parts: tuple[Tensor, ...], analyse: Analyse
) -> None:
    generator = torch.Generator().manual_seed(3)
    loc = scale * torch.randn(parts[0].shape, generator=generator)
    conf = torch.randn(parts[1].shape, generator=generator)
    priors = parts[2] if order is None else parts[2][reordered(order)]
    assert own(analyse((loc, conf, priors))) == []


def test_few_positives_tell_no_order(parts: tuple[Tensor, ...], analyse: Analyse) -> None:
    loc, conf, priors = parts
    targets = torch.load(SAMPLES / "targets.pt", weights_only=True)
    saved = (loc[:1, reordered("shape by shape")], conf[:1, reordered("shape by shape")], priors)
    assert "PRE001" not in own(analyse(saved, targets[:1]))


def test_order_in_pixel_units(parts: tuple[Tensor, ...], analyse: Analyse) -> None:
    loc, conf, priors = parts
    targets = torch.load(SAMPLES / "targets.pt", weights_only=True)
    pixels = [torch.cat((target[:, :4] * 300, target[:, 4:] + 1), 1) for target in targets]
    rows = reordered("shape by shape")
    result = analyse(
        (loc[:, rows], conf[:, rows], priors), pixels, dialect="mmdetection", layout=SavedLayout(label_offset=0)
    )
    assert "shape by shape" in finding(result, "PRE001").worst.message


def test_certainty_of_the_wrong_class(parts: tuple[Tensor, ...], analyse: Analyse) -> None:
    loc, _, priors = parts
    generator = torch.Generator().manual_seed(0)
    conf = 60 * torch.nn.functional.one_hot(torch.randint(7, (3, 8732), generator=generator), 7).float()
    result = analyse((loc, conf, priors))
    assert own(result) == ["PRE002"]
    assert finding(result, "PRE002").worst.value == pytest.approx((165 * 6 / 7 + 495) / 660, abs=0.02)
    assert errors(result) == []


def test_certainty_of_the_right_class_is_no_fault(parts: tuple[Tensor, ...], analyse: Analyse) -> None:
    loc, conf, priors = parts
    labels = torch.zeros(conf.shape[:2], dtype=torch.long)
    for image, rows in enumerate(torch.load(SAMPLES / "targets.pt", weights_only=True)):
        corners = torch.cat((priors[:, :2] - priors[:, 2:] / 2, priors[:, :2] + priors[:, 2:] / 2), 1)
        for row in rows:
            low, high = torch.maximum(corners[:, :2], row[:2]), torch.minimum(corners[:, 2:], row[2:4])
            shared = (high - low).clamp(min=0).prod(1)
            union = priors[:, 2:].prod(1) + (row[2:4] - row[:2]).prod() - shared
            labels[image, shared / union >= 0.5] = int(row[4]) + 1
    sure = 40 * torch.nn.functional.one_hot(labels, 7).float()
    assert own(analyse((loc, sure, priors))) == []


def test_all_background(parts: tuple[Tensor, ...], analyse: Analyse) -> None:
    loc, conf, priors = parts
    background = conf.clone()
    background[..., 0] = conf.amax(-1) + 20
    result = analyse((loc, background, priors))
    assert own(result) == ["PRE003"]
    assert "165 positives" in finding(result, "PRE003").worst.message
    assert errors(result) == []


def test_mostly_background_early_in_training(parts: tuple[Tensor, ...], analyse: Analyse) -> None:
    loc, conf, priors = parts
    leaning = 0.1 * torch.randn(conf.shape, generator=torch.Generator().manual_seed(0))
    leaning[..., 0] += 3
    assert own(analyse((loc, leaning, priors))) == []


def test_logits_of_biases_alone(parts: tuple[Tensor, ...], analyse: Analyse) -> None:
    loc, conf, priors = parts
    generator = torch.Generator().manual_seed(0)
    levels = [torch.randn(shapes, 7, generator=generator).repeat(side * side, 1) for side, shapes in COUNTS.items()]
    result = analyse((loc, torch.cat(levels).expand(conf.shape), priors))
    assert own(result) == ["PRE003"]
    assert finding(result, "PRE003").worst.value == 0
    assert "MIN005" not in own(result, "MIN"), "ties follow from it"
    assert errors(result) == []


def test_copies_of_one_image_are_not_constant(parts: tuple[Tensor, ...], analyse: Analyse) -> None:
    loc, conf, priors = parts
    targets = torch.load(SAMPLES / "targets.pt", weights_only=True)
    saved = (loc[2:].repeat(2, 1, 1), conf[2:].repeat(2, 1, 1), priors)
    assert own(analyse(saved, [targets[2], targets[2]])) == []


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_noted_with_the_loss(dtype: torch.dtype, parts: tuple[Tensor, ...], analyse: Analyse) -> None:
    loc, conf, priors = parts
    result = analyse((loc.to(dtype), conf.to(dtype), priors))
    (case,) = finding(result, "PRE004").cases
    assert f"{result.loss.total:.4f}" in case.message
    assert case.value == str(dtype).removeprefix("torch.")
    assert errors(result) == []


def test_float64_is_not_noted(parts: tuple[Tensor, ...], analyse: Analyse) -> None:
    loc, conf, priors = parts
    assert own(analyse((loc.double(), conf.double(), priors))) == []


@pytest.mark.parametrize(
    ("names", "codes", "words"),
    [
        ((), [], ""),
        (CLASSES, [], ""),
        ((*CLASSES, "plate"), ["PRE005"], "none is left for plate"),
        ((*CLASSES, "plate", "fork"), ["PRE005"], "plate, fork"),
        (CLASSES[:5], ["PRE006"], "no label reaches column 6"),
        (CLASSES[:3], ["PRE006"], "no label reaches columns 4 to 6"),
        (("background", *CLASSES), ["PRE006"], "names the background"),
    ],
)
def test_columns_and_class_list(
    names: tuple[str, ...], codes: list[str], words: str, parts: tuple[Tensor, ...], analyse: Analyse
) -> None:
    result = analyse(parts, classes=names)
    assert own(result) == codes
    assert all(words in finding(result, code).worst.message for code in codes)
    assert errors(result) == [code for code in codes if code == "PRE005"]


@pytest.mark.parametrize(
    ("names", "figures"), [(CLASSES[:5], (7, 6)), (CLASSES[:3], (7, 4)), (("background", *CLASSES), (7, 6))]
)
def test_figures_of_columns_without_class(
    names: tuple[str, ...], figures: tuple[int, int], parts: tuple[Tensor, ...], analyse: Analyse
) -> None:
    """Of columns, beside those that the list explains; or of names, beside the columns left for them."""
    case = finding(analyse(parts, classes=names), "PRE006").worst
    assert (case.value, case.bound) == figures


def test_predictions_without_targets_are_checked_too(tmp_path: Path, parts: tuple[Tensor, ...]) -> None:
    loc, conf, priors = parts
    torch.save((loc.half(), torch.ones_like(conf).half(), priors), tmp_path / "preds.pt")
    result = api.detect(tmp_path / "preds.pt", classes=CLASSES[:4], device="cpu")
    assert [found.code for found in result.findings if found.code.startswith("PRE")] == ["PRE003", "PRE006", "PRE004"]


def test_orders_need_no_square_grid(tmp_path: Path) -> None:
    spec = load_prior_config("ssd300-voc").spec
    wide = replace(
        spec,
        image_size=(320, 160),
        levels=(
            replace(spec.levels[0], feature_map=(20, 10), stride=(16.0, 16.0)),
            replace(spec.levels[1], feature_map=(10, 5), stride=(32.0, 32.0)),
        ),
    )
    priors: Priors = generate_priors(wide)
    boxes = torch.rand(12, 2, generator=torch.Generator().manual_seed(1)) * 0.6
    objects = torch.cat((boxes, boxes + torch.tensor([0.2, 0.35]), torch.zeros(12, 1)), 1)
    centre, size = (objects[:, :2] + objects[:, 2:4]) / 2, objects[:, 2:4] - objects[:, :2]
    nearest = (priors.boxes[:, None, :2] - centre).square().sum(-1).argmin(1)
    variances = torch.tensor(load_dialect("ssd.pytorch").codec.variances)
    shift = (centre[nearest] - priors.boxes[:, :2]) / priors.boxes[:, 2:]
    loc = torch.cat((shift, (size[nearest] / priors.boxes[:, 2:]).log()), 1) / variances
    rows = torch.cat(
        [
            torch.arange(800).view(10, 20, 4).transpose(0, 1).flatten(),
            800 + torch.arange(300).view(5, 10, 6).transpose(0, 1).flatten(),
        ]
    )
    conf = torch.randn(1, 1100, 3, generator=torch.Generator().manual_seed(0))
    torch.save((loc[None, rows], conf, priors.boxes), tmp_path / "preds.pt")
    torch.save([objects], tmp_path / "targets.pt")
    result = api.loss(
        tmp_path / "preds.pt", tmp_path / "targets.pt", device="cpu", layout=SavedLayout(image_size=(320, 160))
    )
    assert "column by column" in finding(result, "PRE001").worst.message
