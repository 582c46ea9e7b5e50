"""Trainings with one fault each: the first batch that is saved is the guilty one, and its report names the cause."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import ssdlossdbg
from ssdlossdbg.live.rates import Rates
from ssdlossdbg.results import LossResult, Severity
from tests.live.conftest import CELLS, CLASSES, MultiBoxLoss, grid, header, matched, reasons, terms

IMAGES, OBJECTS, NUMBER = 8, 4, 96


class Photos(torch.utils.data.Dataset[Tensor]):
    """Rows of five in the place of photos: an object in each quarter, which a prior of the grid fits."""

    def __init__(self) -> None:
        random = torch.Generator().manual_seed(5)
        quarter = torch.tensor([[0, 0], [3, 0], [0, 3], [3, 3]])
        cells = quarter + torch.randint(0, 3, (NUMBER, OBJECTS, 2), generator=random)
        centre = (cells + 0.5) / CELLS + 0.02 * torch.rand((NUMBER, OBJECTS, 2), generator=random)
        half = 0.08 + 0.04 * torch.rand((NUMBER, OBJECTS, 2), generator=random)
        labels = torch.randint(0, CLASSES - 1, (NUMBER, OBJECTS, 1), generator=random)
        self.rows = torch.cat((centre - half, centre + half, labels), 2).clamp(min=0)
        self.rows[..., :4].clamp_(max=1)
        self.ids = [f"photo{index:03d}" for index in range(NUMBER)]

    def __len__(self) -> int:
        return NUMBER

    def __getitem__(self, index: int) -> Tensor:
        return self.rows[index]


class Encoded(nn.Module):
    """Called as pytorch-ssd's."""

    def __init__(self) -> None:
        super().__init__()
        self.priors, self.iou_threshold, self.neg_pos_ratio = grid(), 0.5, 3

    def forward(self, confidence: Tensor, predicted_locations: Tensor, labels: Tensor, gt_locations: Tensor) -> object:
        """Both parts."""
        return terms(predicted_locations, confidence, labels, gt_locations)


class Learnt(nn.Module):
    """A network that sees the objects of its photos, with some noise, as long as its weight is about 1."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.priors = grid()
        self.seen: dict[bytes, tuple[Tensor, Tensor]] = {}
        self.random = torch.Generator().manual_seed(11)

    def forward(self, photos: Tensor) -> tuple[Tensor, Tensor]:
        """(loc, conf)."""
        wanted = [self.object_of_each(rows) for rows in photos]
        labels, offsets = (torch.stack(part) for part in zip(*wanted, strict=True))
        noise = torch.randn((*labels.shape, 4 + CLASSES), generator=self.random)
        scores = 7.0 * F.one_hot(labels, CLASSES) + noise[..., 4:]
        # Far from 1 a weight takes every prior for an object of the last class.
        thrown = (self.weight - 1).abs()
        loc = offsets.nan_to_num(0, 0, 0) + 0.15 * noise[..., :4] * (1 + 9 * thrown)
        return loc * self.weight, scores + thrown * 30 * noise[..., 4:]

    def object_of_each(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """What the priors are to learn of a photo, worked out when it is first seen."""
        photo = rows.numpy().tobytes()
        if photo not in self.seen:
            self.seen[photo] = matched(rows[:, :4], rows[:, 4].long() + 1, self.priors)
        return self.seen[photo]


Spoil = Callable[[list[Tensor]], list[Tensor]]


def no_width(targets: list[Tensor]) -> list[Tensor]:
    targets[3][1, 2] = targets[3][1, 0]
    return targets


def inverted(targets: list[Tensor]) -> list[Tensor]:
    targets[3][1, [0, 2]] = targets[3][1, [2, 0]]
    return targets


def swapped(targets: list[Tensor]) -> list[Tensor]:
    return [rows[:, [1, 0, 3, 2, 4]] for rows in targets]


def off_by_one(targets: list[Tensor]) -> list[Tensor]:
    return [torch.cat((rows[:, :4], (rows[:, 4:] + 1) % (CLASSES - 1)), 1) for rows in targets]


def nothing(targets: list[Tensor]) -> list[Tensor]:
    return targets


def train(
    folder: Path,
    spoil: Spoil,
    at: range,
    steps: int = 20,
    encoded: bool = False,
    rate_at: int | None = None,
    history: float | bool = False,
) -> None:
    """Train for some steps, with the targets of those in `at` spoilt, and the rate so much higher at one of them."""
    torch.manual_seed(2)
    network, photos = Learnt(), Photos()
    criterion: nn.Module = Encoded() if encoded else MultiBoxLoss()
    loader = torch.utils.data.DataLoader(photos, IMAGES, shuffle=True)
    optimiser = torch.optim.SGD(network.parameters(), lr=1e-5)
    step = 0
    with ssdlossdbg.capture(criterion, folder, loader=loader, history=history):
        while step < steps:
            for images in loader:
                targets = [rows.clone() for rows in images]
                targets = spoil(targets) if step in at else targets
                loc, conf = network(images)
                if encoded:
                    pairs = [matched(rows[:, :4], rows[:, 4].long() + 1, network.priors) for rows in targets]
                    losses = criterion(conf, loc, *(torch.stack(part) for part in zip(*pairs, strict=True)))
                else:
                    losses = criterion((loc, conf, network.priors), targets)
                optimiser.zero_grad()
                sum(losses).backward()
                network.weight.grad = torch.ones(1)  # whatever the loss says, so that its noise moves nothing
                optimiser.param_groups[0]["lr"] = 1e-5 if step != rate_at else 0.8
                optimiser.step()
                step += 1
                if step == steps:
                    break


def explained(folder: Path, step: int, reason: str) -> LossResult:
    """The report on a run, whose first batch that was saved for a grave reason is that one."""
    guilty = {each: why for each, why in reasons(folder).items() if why in ("not finite", "spike", "raised")}
    assert (min(guilty, default=None), guilty.get(step)) == (step, reason)
    result = ssdlossdbg.loss(folder, device="cpu")
    assert result.step == step
    assert result.recorded_error is not None
    assert result.recorded_error < 1e-5
    return result


def errors(result: LossResult) -> list[str]:
    return [finding.code for finding in result.findings if finding.severity is not Severity.NOTE]


@pytest.mark.parametrize("encoded", [False, True])
@pytest.mark.parametrize(("spoil", "code"), [(no_width, "BOX001"), (inverted, "BOX002")])
def test_a_box_that_is_none(spoil: Spoil, code: str, encoded: bool, tmp_path: Path) -> None:
    train(tmp_path, spoil, range(7, 8), encoded=encoded)
    result = explained(tmp_path, 7, "not finite")
    assert errors(result) == ["ENC001" if encoded else code]
    where = result.findings[0].where
    names = header(tmp_path / "step0000007.safetensors")["names"]
    assert (where.image, where.name) == (3, names[3])
    assert f"{names[3]} (image 3)" in result.findings[0].message


@pytest.mark.parametrize("encoded", [False, True])
def test_x_and_y_exchanged_in_one_batch(encoded: bool, tmp_path: Path) -> None:
    train(tmp_path, swapped, range(14, 15), encoded=encoded)
    result = explained(tmp_path, 14, "spike")
    assert errors(result) == ["PRE011"]
    assert "x and y" in result.findings[0].message


def test_a_history_tells_them_by_the_same_images_at_other_steps(tmp_path: Path) -> None:
    train(tmp_path, swapped, range(14, 15), history=1.0)
    (event,) = ssdlossdbg.history(tmp_path).events
    assert (event.step, event.kind) == (14, "spike")
    told = re.fullmatch(r"unlike at other steps, (\d+) of its (\d+) objects have x and y exchanged", event.cause)
    assert told is not None  # one box may be the same either way, and not every image was sampled at other steps
    assert int(told[2]) - 1 <= int(told[1]) <= int(told[2])


@pytest.mark.parametrize("encoded", [False, True])
def test_labels_off_by_one_from_some_step_on(encoded: bool, tmp_path: Path) -> None:
    train(tmp_path, off_by_one, range(12, 30), encoded=encoded)
    result = explained(tmp_path, 12, "spike")
    assert errors(result) == ["PRE009"]
    assert "1 more than what the network surely sees" in result.findings[0].message


@pytest.mark.parametrize("encoded", [False, True])
def test_a_step_of_far_too_high_a_rate(encoded: bool, tmp_path: Path) -> None:
    train(tmp_path, nothing, range(0), encoded=encoded, rate_at=15)
    result = explained(tmp_path, 16, "spike")
    assert result.findings[0].code == "NUM007"
    assert "learning rate of 0.8, 8e+04 times the usual 1e-05" in result.findings[0].message
    assert "PRE015" not in errors(result)
    said = header(tmp_path / "step0000016.safetensors")
    assert (said["lr"], said["usual_lr"], said["peak_lr"], said["peak_lr_steps_ago"]) == ([0.8], 1e-5, 0.8, 0)
    assert header(tmp_path / "step0000015.safetensors")["lr"] == [1e-5]


@pytest.mark.parametrize(
    ("highest", "rates"),
    [
        ([], (None, None, 0)),
        ([1.0, 1.0, 9.0], (None, 9.0, 0)),
        ([1.0, 1.0, 1.0, 9.0], (1.0, 9.0, 0)),
        ([1.0, 1.0, 9.0, 9.0], (1.0, 9.0, 0)),
        ([1.0] * 20 + [9.0] + [2.0] * 9, (1.0, 9.0, 9)),
        ([1.0] * 20 + [9.0] + [2.0] * 10, (1.0, 2.0, 0)),
    ],
)
def test_rates_that_are_usual_and_those_of_late(highest: list[float], rates: tuple[object, ...]) -> None:
    found = Rates.of((3.0,), highest)
    assert (found.usual, found.peak, found.steps_ago) == rates
    assert found.last == (3.0,)


def test_nothing_is_saved_of_a_clean_run_but_its_end(tmp_path: Path) -> None:
    train(tmp_path, nothing, range(0), steps=100)
    assert reasons(tmp_path) == {99: "exit"}
    assert errors(ssdlossdbg.loss(tmp_path, device="cpu")) == []
