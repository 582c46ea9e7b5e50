"""Files in a codebase's own order become what the canonical files hold, and other orders are refused or said."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.dialects import dialect_names, load_dialect
from ssdlossdbg.readers.named_priors import load_priors
from ssdlossdbg.readers.saved.layout import SavedLayout
from ssdlossdbg.readers.saved.native import class_ids
from ssdlossdbg.readers.saved.predictions import recognise_predictions
from ssdlossdbg.readers.saved.targets import Targets, recognise_targets
from ssdlossdbg.readers.saved.tensor_files import load
from ssdlossdbg.rules import Dialect, settings_in_pixels

Refused = Callable[[Callable[[], object]], InputError]
Saved = Callable[..., Path]
B, P, C = 2, 6, 5
LOC = torch.arange(B * P * 4, dtype=torch.float32).reshape(B, P, 4) / 8
CONF = torch.arange(B * P * C, dtype=torch.float32).reshape(B, P, C) / -4
PRIORS = torch.arange(P * 4, dtype=torch.float32).reshape(P, 4) / 32 + 0.125
Y_FIRST = [1, 0, 3, 2]
BACKGROUND_LAST = [1, 2, 3, 4, 0]


def own(name: str, priors: Tensor = PRIORS) -> tuple[Tensor, Tensor, Tensor]:
    """The same predictions as that codebase has them, written out once more."""
    forms = {
        "ssd.pytorch": (LOC, CONF, priors),
        "lufficc": (LOC, CONF, priors),
        "torchvision": (LOC, CONF, priors),
        "mmdetection": (LOC, CONF[..., BACKGROUND_LAST], priors),
        "ssd.tensorflow": (LOC[..., Y_FIRST], CONF, priors[..., Y_FIRST]),
        "tf-object-detection-v2": (LOC[..., Y_FIRST], CONF, priors[..., Y_FIRST]),
        "nvidia": (LOC.transpose(1, 2), CONF.transpose(1, 2), priors),
        "nvidia-dali": (LOC.transpose(1, 2), CONF.transpose(1, 2), priors.T),
    }
    return forms[name]


SAID = {
    "ssd.pytorch": "the canonical order",
    "lufficc": "the canonical order",
    "torchvision": "the canonical order",
    "mmdetection": "background last",
    "ssd.tensorflow": "dy, dx, dh, dw",
    "tf-object-detection-v2": "dy, dx, dh, dw",
    "nvidia": "[B, 4, P] and [B, C, P]",
    "nvidia-dali": "[B, 4, P] and [B, C, P]",
}


@pytest.mark.parametrize("name", SAID)
@pytest.mark.parametrize("form", ["tuple", "swapped", "mapping"])
def test_predictions(name: str, form: str, saved: Saved) -> None:
    loc, conf, priors = own(name)
    values: dict[str, Any] = {
        "tuple": (loc, conf, priors),
        "swapped": (conf, loc, priors),
        "mapping": {"loc": loc, "conf": conf, "priors": priors},
    }
    found = recognise_predictions(load(saved(values[form])), load_dialect(name))
    assert found.priors is not None
    assert torch.equal(found.loc, LOC)
    assert torch.equal(found.conf, CONF)
    assert torch.equal(found.priors, PRIORS)
    assert found.layout.endswith(f", {name}'s own: {SAID[name]}")


def test_priors_of_one_image_and_of_their_own_file(saved: Saved) -> None:
    loc, conf, priors = own("nvidia-dali")
    found = recognise_predictions(load(saved((loc, conf, priors[None]))), load_dialect("nvidia"))
    assert found.priors is not None
    assert torch.equal(found.priors, PRIORS)
    for name in SAID:
        named = load_priors(str(saved(own(name)[2])), layout=SavedLayout(native=True), dialect=load_dialect(name))
        assert torch.equal(named.priors.boxes, PRIORS)


@pytest.mark.parametrize("name", ["nvidia", "nvidia-dali"])
def test_canonical_predictions_are_not_nvidias_own(name: str, saved: Saved, refused: Refused) -> None:
    error = refused(lambda: recognise_predictions(load(saved((LOC, CONF))), load_dialect(name)))
    assert error.what == "found loc [2, 6, 4] and conf [2, 6, 5]"
    assert error.fix == (
        f"Expected loc [B, 4, P] and conf [B, C, P], as {name} has them; if they are not, leave --native out."
    )


def test_nvidias_own_predictions_are_not_canonical(saved: Saved, refused: Refused) -> None:
    error = refused(lambda: recognise_predictions(load(saved(own("nvidia")))))
    assert error.what == "found loc [2, 4, 6] and conf [2, 5, 6]"
    assert error.fix.endswith("Or say --native, if the dialect has them so.")


# Targets

Y1_FIRST = ("ssd.tensorflow", "tf-", "tf2-", "chainercv")
LABEL_FIRST = ("ssd-keras", "d2l", "mxnet-ssd")
ROWS = [torch.tensor([[0.125, 0.25, 0.5, 0.75, 4.0], [0.0, 0.5, 1.0, 1.0, 1.0]]), torch.zeros(0, 5)]
BOXES = [rows[:, :4] for rows in ROWS]
IDS = [rows[:, 4].long() for rows in ROWS]


def read(path: Path, dialect: Dialect) -> Targets:
    """Read as that codebase's own."""
    targets = recognise_targets(load(path), dialect, SavedLayout(native=True), shape=(B, P, C))
    assert isinstance(targets, Targets)
    return targets


@pytest.mark.parametrize(
    ("name", "form"),
    [
        *((name, "rows") for name in dialect_names(of_one_step=True)),
        *zip(dialect_names(of_one_step=True), cycle(["padded", "mappings"]), strict=False),
    ],
)
def test_targets(name: str, form: str, saved: Saved) -> None:
    dialect = load_dialect(name)
    y_first = name.startswith(Y1_FIRST)
    boxes = [image[:, Y_FIRST] if y_first else image for image in BOXES]
    labels = [ids - dialect.targets.label_offset for ids in IDS]
    columns = [
        (ids[:, None], box) if name in LABEL_FIRST else (box, ids[:, None])
        for box, ids in zip(boxes, labels, strict=True)
    ]
    rows = [torch.cat(parts, 1) for parts in columns]
    values: dict[str, Any] = {
        "rows": rows,
        "padded": torch.stack([rows[0], torch.zeros(2, 5)]),
        "mappings": [{"boxes": box, "labels": ids} for box, ids in zip(boxes, labels, strict=True)],
    }
    found = read(saved(values[form]), dialect)
    assert all(torch.equal(mine, wanted) for mine, wanted in zip(found.boxes, BOXES, strict=True))
    assert all(torch.equal(mine, wanted) for mine, wanted in zip(found.labels, IDS, strict=True))
    assert found.units is dialect.targets.units
    assert f", {name}'s own, {found.units}" in found.layout
    box = "y1, x1, y2, x2" if y_first else "x1, y1, x2, y2"
    row = f"label, {box}" if name in LABEL_FIRST else f"{box}, label"
    assert (f"({row})" in found.layout) == (form != "mappings")


def test_padding_with_a_negative_label_before_the_box(saved: Saved) -> None:
    padded = torch.tensor([[[4.0, 0.125, 0.25, 0.5, 0.75], [-1.0, 0.0, 0.0, 0.0, 0.0]]])
    found = read(saved(padded), load_dialect("ssd-keras"))
    assert [ids.tolist() for ids in found.labels] == [[4]]


def test_label_before_the_box_in_an_odd_row(saved: Saved, refused: Refused) -> None:
    error = refused(lambda: read(saved([torch.zeros(2, 6)]), load_dialect("ssd-keras")))
    assert error.fix == "Expected [n, 5]: label, x1, y1, x2, y2."


def test_class_ids_of_background_last() -> None:
    native = load_dialect("mmdetection").native
    assert class_ids(torch.tensor([[4, 0, 3, -1, -2]]), C, native).tolist() == [[0, 1, 4, -1, -2]]
    labels = torch.tensor([[4, 0, 3, -1]])
    assert class_ids(labels, C, load_dialect("caffe").native) is labels


# Settings that depend on the input's size


def test_no_shipped_dialect_depends_on_the_inputs_size() -> None:
    assert [settings_in_pixels(load_dialect(name)) for name in dialect_names()] == [[] for _ in dialect_names()]


@pytest.mark.parametrize(
    ("lines", "settings"),
    [
        ('[match]\niou = "epsilon-added"\niou_epsilon = 1e-5', ["match.iou_epsilon"]),
        ('[match]\niou = "union-floor"\niou_epsilon = 1', []),
        ('[match]\niou = "union-floor"\niou_epsilon = 16', ["match.iou_epsilon"]),
        ("[codec]\nsize_epsilon = 1", ["codec.size_epsilon"]),
        ('[match]\niou = "epsilon-added"\niou_epsilon = 1e-5\n[targets]\nunits = "normalized"', []),
    ],
)
def test_settings_in_pixels(lines: str, settings: list[str], tmp_path: Path) -> None:
    (tmp_path / "fork.toml").write_text(f'base = "torchvision"\n{lines}\n')
    assert settings_in_pixels(load_dialect(str(tmp_path / "fork.toml"))) == settings


def test_mappings_that_count_classes_from_zero_where_the_background_is_last(saved: Saved) -> None:
    """No object is background: a label of 0 is the first class's there, and the canonical ids have none."""
    boxes = torch.tensor([[0.1, 0.1, 0.5, 0.5], [0.2, 0.2, 0.6, 0.9]])

    def ids(dialect: str, *labels: int) -> list[int]:
        path = saved([{"boxes": boxes * 300, "labels": torch.tensor(labels)}] * B)
        found = recognise_targets(load(path), load_dialect(dialect), shape=(B, P, C))
        assert isinstance(found, Targets)
        return found.labels[0].tolist()

    assert ids("mmdetection", 0, 3) == [1, 4]
    assert ids("mmdetection", 1, 4) == ids("mmdetection", 1, 4) == [1, 4]
    assert ids("mmdetection", 0, 4) == [0, 4], "with the last class's, they are counted from 1"
    assert ids("torchvision", 0, 3) == [0, 3], "an object that is labelled background, which LBL002 names"
