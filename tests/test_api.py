"""The package as a library: its names, what importing it costs, and the commands as functions."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import BinaryIO

import pytest
import torch

import ssdlossdbg
from ssdlossdbg import api, rules
from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.files import open_file
from ssdlossdbg.readers.saved import tensor_files
from ssdlossdbg.readers.saved.layout import SavedLayout
from ssdlossdbg.rules import Units

SAMPLES = Path(__file__).parents[1] / "sample_data"
PREDICTIONS, TARGETS = SAMPLES / "preds.pt", SAMPLES / "targets.pt"


def imported_for_type_checkers() -> dict[str, str]:
    """The names in the package's stub, and the modules they come from."""
    tree = ast.parse(Path(ssdlossdbg.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    lines = [line for line in tree.body if isinstance(line, ast.ImportFrom)]
    assert all(alias.asname == alias.name for line in lines for alias in line.names)
    return {alias.name: str(line.module) for line in lines for alias in line.names}


def test_all_is_sorted_and_is_what_type_checkers_see() -> None:
    assert ssdlossdbg.__all__ == sorted(ssdlossdbg.__all__)
    assert set(ssdlossdbg.__all__) == set(imported_for_type_checkers())
    assert len(ssdlossdbg.__all__) == len(set(ssdlossdbg.__all__)) > 20


def test_every_rule_and_what_a_finding_consists_of_is_public() -> None:
    kinds = {name for name, kind in vars(rules).items() if isinstance(kind, type)} - {"Spec"}
    assert kinds <= set(ssdlossdbg.__all__)
    assert {field.type for field in fields(ssdlossdbg.Finding)} & {"Severity", "tuple[Case, ...]"}
    assert {"Finding", "Severity", "Case", "Where"} <= set(ssdlossdbg.__all__)


@pytest.mark.parametrize("name", ssdlossdbg.__all__)
def test_every_name_can_be_imported_from_where_type_checkers_think_it_is(name: str) -> None:
    found = getattr(ssdlossdbg, name)
    home = importlib.import_module(imported_for_type_checkers()[name])
    assert found is getattr(home, name)
    assert found.__doc__


def test_dir_lists_the_public_names() -> None:
    assert set(dir(ssdlossdbg)) == {*ssdlossdbg.__all__, "__version__"}
    assert dir(ssdlossdbg) == sorted(dir(ssdlossdbg))


def test_version_is_a_version() -> None:
    assert [part.isdigit() for part in ssdlossdbg.__version__.split(".")] == [True] * 3


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match="'ssdlossdbg' has no attribute 'nonsense'"):
        _ = ssdlossdbg.nonsense  # type: ignore[attr-defined, unused-ignore]


def test_torch_comes_with_what_needs_it_and_with_nothing_else() -> None:
    names = ["__version__", "__all__", "InputError", "LossResult", "MatchSpec", "multibox_loss"]
    # Where there is none, which is told sooner than torch is imported.
    code = (
        "import sys, ssdlossdbg\n"
        "sys.modules['torch'] = None\n"
        "for name in sys.argv[1:]:\n"
        "    try:\n"
        "        needs = getattr(ssdlossdbg, name) is None\n"
        "    except ModuleNotFoundError as error:\n"
        "        needs = error.name == 'torch'\n"
        "    print(name, needs)"
    )
    done = subprocess.run([sys.executable, "-c", code, *names], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"{name} {name == names[-1]}" for name in names]


def test_anchors() -> None:
    found = ssdlossdbg.anchors("ssd300", ssdlossdbg.load_dialect("ssd.pytorch"))
    assert (found.config.name, found.config.priors, found.dialect) == ("ssd300-voc", 8732, "ssd.pytorch")
    assert found.smallest_best == ssdlossdbg.anchors(ssdlossdbg.load_priors("ssd300")).smallest_best == 21.3


def test_match_takes_files_or_what_was_loaded() -> None:
    annotation = SAMPLES / "astronaut.xml"
    photo = ssdlossdbg.load_photo(SAMPLES / "astronaut.jpg")
    by_file = ssdlossdbg.match(str(SAMPLES / "astronaut.jpg"), str(annotation), device="cpu")
    by_photo = ssdlossdbg.match(
        photo, annotation, ssdlossdbg.load_priors("ssd300"), ssdlossdbg.load_dialect("ssd.pytorch"), device="cpu"
    )
    assert by_file.ground_truth == by_photo.ground_truth
    assert by_file.image_path == by_photo.image_path == str(SAMPLES / "astronaut.jpg")
    assert (by_file.annotation_format, by_file.annotation_size) == ("Pascal VOC", (512, 512))


def test_match_takes_classes_and_threshold() -> None:
    found = ssdlossdbg.match(
        SAMPLES / "astronaut.jpg",
        SAMPLES / "astronaut.xml",
        classes=["x", "person", "y", "emblem"],
        threshold=0.6,
        device="cpu",
    )
    assert [item.class_id for item in found.ground_truth] == [2, 4, 4, 4, 4, 4]
    assert found.threshold == 0.6
    assert [item.status for item in found.ground_truth][3] == "forced-only"


def test_loss_settings_overrule_the_dialect() -> None:
    plain = ssdlossdbg.loss(PREDICTIONS, TARGETS, device="cpu")
    other = ssdlossdbg.loss(PREDICTIONS, TARGETS, threshold=0.6, neg_pos=1, alpha=2, device="cpu")
    assert (plain.threshold, plain.localization_weight) == (0.5, 1)
    assert (other.threshold, other.localization_weight) == (0.6, 2)
    assert other.normalizer < plain.normalizer
    assert len(plain.negatives) == 3 * plain.normalizer
    assert len(other.negatives) == other.normalizer
    assert other.loss.localization == pytest.approx(2 * other.loss_sum.localization / other.normalizer, rel=1e-6)


def test_override_touches_nothing_else() -> None:
    dialect = ssdlossdbg.load_dialect("ssd.pytorch")
    assert api.override(dialect) == dialect
    changed = api.override(dialect, threshold=0.35, neg_pos=2.5, alpha=0.0)
    assert (changed.match.threshold, changed.mining.ratio, changed.loss.localization_weight) == (0.35, 2.5, 0.0)
    assert changed == replace(
        dialect,
        match=replace(dialect.match, threshold=0.35),
        mining=replace(dialect.mining, ratio=2.5),
        loss=replace(dialect.loss, localization_weight=0.0),
    )


def saved_batch(folder: Path, *, with_priors: bool = True) -> tuple[Path, Path, torch.Tensor]:
    """A small batch on 16 priors of no preset, targets in fractions of the image and labels from 0."""
    generator = torch.Generator().manual_seed(0)
    cells = (torch.arange(4) + 0.5) / 4
    y, x = torch.meshgrid(cells, cells, indexing="ij")
    priors = torch.stack((x.flatten(), y.flatten(), torch.full((16,), 0.3), torch.full((16,), 0.3)), dim=1)
    out = (torch.randn((1, 16, 4), generator=generator), torch.randn((1, 16, 3), generator=generator))
    torch.save((*out, priors) if with_priors else out, folder / "preds.pt")
    torch.save([torch.tensor([[0.0, 0.0, 0.3, 0.25, 0.0], [0.5, 0.5, 0.8, 0.7, 1.0]])], folder / "targets.pt")
    return folder / "preds.pt", folder / "targets.pt", priors


def test_priors_may_come_with_the_predictions_or_by_themselves(tmp_path: Path) -> None:
    predictions, targets, priors = saved_batch(tmp_path)
    inside = ssdlossdbg.loss(predictions, targets, device="cpu", layout=SavedLayout(image_size=(64, 32)))
    assert inside.config.levels == ((4, 4),)
    assert (inside.config.image_size, inside.config.image_size_known) == ((64, 32), True)
    torch.save(priors, tmp_path / "priors.pt")
    saved_batch(tmp_path, with_priors=False)
    beside = ssdlossdbg.loss(
        predictions, targets, str(tmp_path / "priors.pt"), device="cpu", layout=SavedLayout(image_size=(64, 32))
    )
    assert beside.loss == inside.loss
    with pytest.raises(ssdlossdbg.InputError, match="holds no priors"):
        ssdlossdbg.loss(predictions, targets, device="cpu")


def test_units_and_labels_may_be_said(tmp_path: Path) -> None:
    predictions, targets, _ = saved_batch(tmp_path)
    expected = ssdlossdbg.loss(predictions, targets, device="cpu", layout=SavedLayout(image_size=(64, 32)))
    rows = torch.load(targets, weights_only=True)[0]
    torch.save([rows * torch.tensor([64.0, 32.0, 64.0, 32.0, 1.0]) + torch.tensor([0.0] * 4 + [1.0])], targets)
    found = ssdlossdbg.loss(
        predictions,
        targets,
        device="cpu",
        layout=SavedLayout(image_size=(64, 32), target_units=Units.PIXELS, label_offset=0),
    )
    assert found.loss.total == pytest.approx(expected.loss.total, rel=1e-6)
    assert [item.class_id for item in found.ground_truth] == [item.class_id for item in expected.ground_truth]
    with pytest.raises(ssdlossdbg.InputError, match="--image-size"):
        ssdlossdbg.loss(
            predictions, targets, device="cpu", layout=SavedLayout(target_units=Units.PIXELS, label_offset=0)
        )


def test_more_photos_than_images_are_refused(tmp_path: Path) -> None:
    predictions, targets, _ = saved_batch(tmp_path)
    assert ssdlossdbg.loss(predictions, targets, device="cpu", images=["a.jpg"]).images[0].path == "a.jpg"
    with pytest.raises(ssdlossdbg.InputError, match="2 times for 1 images"):
        ssdlossdbg.loss(predictions, targets, device="cpu", images=["a.jpg", "b.jpg"])


def test_priors_of_another_network_are_refused() -> None:
    with pytest.raises(ssdlossdbg.InputError, match="24564 priors, but the predictions are for 8732"):
        ssdlossdbg.loss(PREDICTIONS, TARGETS, "lufficc-ssd512-voc", device="cpu")


@pytest.mark.parametrize("call", [lambda: api.anchors("ssd3000"), lambda: api.anchors("ssd300", "ssd.pytorsh")])
def test_unknown_presets_and_dialects_are_refused(call: Callable[[], object]) -> None:
    with pytest.raises(ssdlossdbg.UnknownNameError, match="Did you mean"):
        call()


@pytest.mark.parametrize("units", ["normalized", Units.NORMALIZED], ids=["word", "member"])
def test_units_by_word(units: str) -> None:
    batch = (SAMPLES / "preds.pt", SAMPLES / "targets.pt")
    assert ssdlossdbg.loss(*batch, layout=SavedLayout(target_units=units)).loss == ssdlossdbg.loss(*batch).loss
    with pytest.raises(InputError, match=r"target_units: is 'percent'\. Say normalized or pixels"):
        ssdlossdbg.loss(*batch, layout=SavedLayout(target_units="percent"))


def test_check_opens_each_saved_file_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, targets, priors = saved_batch(tmp_path)
    (tmp_path / "alone").mkdir()
    targets.rename(tmp_path / "alone" / "targets.pt")
    saved_batch(tmp_path)
    torch.save((torch.zeros(1, 16), torch.zeros(1, 16, 4)), tmp_path / "encoded.pt")
    torch.save(priors, tmp_path / "neither.pt")
    opened: list[str] = []

    def counted(path: Path) -> BinaryIO:
        opened.append(path.relative_to(tmp_path).as_posix())
        return open_file(path)

    monkeypatch.setattr(tensor_files, "open_file", counted)
    encoded, neither = tmp_path / "encoded.pt", tmp_path / "neither.pt"
    found = ssdlossdbg.check([tmp_path, encoded, neither], device="cpu")
    assert sorted(opened) == ["alone/targets.pt", "encoded.pt", "neither.pt", "preds.pt", "targets.pt"]
    assert found.files.tensors == 5
