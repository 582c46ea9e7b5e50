"""Captured batches, folders of them, and losses printed or saved by hand, at every command that reads batches."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import ssdlossdbg
from ssdlossdbg.api import batches
from tests.cli.conftest import SAMPLE

Good = Callable[..., str]
Run = Callable[..., Any]
Save = Callable[[str, object], Path]
Refused = Callable[..., str]
# What ssd.pytorch's own MultiBoxLoss returns for the sample, from sample_data/README.md.
LOCALIZATION, CONFIDENCE = 0.249255627, 1.4152149
TOTAL = f"{LOCALIZATION + CONFIDENCE:.4f}"


class Said(nn.Module):
    """A criterion that says what it is told to."""

    values: Any = (torch.tensor(LOCALIZATION), torch.tensor(CONFIDENCE))

    def forward(self, predictions: Any, targets: Any) -> Any:
        """Those values."""
        del predictions, targets
        return self.values


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three captured steps of the sample, of which the second has a box without width and the loss inf."""
    folder = tmp_path_factory.mktemp("captured")
    predictions = torch.load(SAMPLE / "preds.pt", weights_only=True)
    targets = torch.load(SAMPLE / "targets.pt", weights_only=True)
    criterion = Said()
    names = [f"photo{index}.jpg" for index in range(9)]
    loader: Any = torch.utils.data.DataLoader(range(9), 3)  # type: ignore[arg-type]
    with ssdlossdbg.capture(criterion, folder / "run", loader=loader, names=names):
        for step, _ in enumerate(loader):
            rows = [each.clone() for each in targets]
            if step == 1:
                rows[2][4, 2] = rows[2][4, 0]
            own = ssdlossdbg.loss(predictions, rows).loss
            said = (own.localization, own.confidence) if step == 1 else (LOCALIZATION, CONFIDENCE)
            criterion.values = tuple(map(torch.tensor, said))
            criterion(predictions, rows)
    return folder / "run"


@pytest.fixture
def run_folder(captured: Path, folder: Path) -> Path:
    """A copy of them."""
    return shutil.copytree(captured, folder / "run")


@pytest.mark.usefixtures("run_folder")
def test_a_captured_file_goes_alone(good: Good) -> None:
    out = good("loss", "run/step0000002.safetensors")
    assert "step 2, exit" in out
    assert f"Your code said {TOTAL} (loc 0.2493, conf 1.4152); recomputed {TOTAL}, equal to 1e-" in " ".join(
        out.split()
    )
    assert "0: photo6.jpg, 1: photo7.jpg, 2: photo8.jpg" in " ".join(out.split())
    report = json.loads(good("loss", "run/step0000002.safetensors", "--format", "json"))
    assert report["step"] == 2
    assert report["recorded"]["localization"] == pytest.approx(LOCALIZATION)
    assert report["recorded_error"] < 1e-6
    assert [image["name"] for image in report["images"]] == ["photo6.jpg", "photo7.jpg", "photo8.jpg"]
    assert report["dialect"] == "ssd.pytorch"
    for command in ("detect", "compare"):
        good(command, "run/step0000002.safetensors", *(("--dialects", "caffe") if command == "compare" else ()))


@pytest.mark.usefixtures("run_folder")
def test_the_guilty_batch_names_the_box_and_its_file(run: Run) -> None:
    result = run("loss", "run/step0000001.safetensors")
    assert result.code == 1
    text = " ".join(result.out.split())
    assert "Your code said inf (loc inf" in text
    assert "recomputed inf, equal" in text
    assert "REC001" not in text
    assert "photo5.jpg (image 2), object 4" in text
    assert "saved for" not in text


@pytest.fixture
def more_of_a_run(run_folder: Path) -> None:
    """Beside them one that is there twice, and one that was cut short."""
    shutil.copy(run_folder / "step0000002.safetensors", run_folder / "step0000009.safetensors")
    (run_folder / "step0000011.safetensors").write_bytes(b"cut short")


@pytest.mark.usefixtures("more_of_a_run")
@pytest.mark.parametrize("options", [(), ("--worst",)])
def test_a_folder_has_a_line_a_batch_and_the_worst_in_full(run: Run, options: tuple[str, ...]) -> None:
    result = run("loss", "run", *options)
    lines = [line for line in result.out.splitlines() if line.startswith("step00")]
    assert lines[0].startswith("step0000001  not finite")
    assert len(lines) == 5
    assert "cannot be read" in result.out
    assert ("captured     step 1, not finite" in result.out) == bool(options)
    assert ("went wrong  step 1: not finite" in result.out) != bool(options)


@pytest.mark.usefixtures("more_of_a_run")
def test_a_folder_has_a_row_a_batch_in_json(run: Run) -> None:
    """As the worst in full has them; `test_losses.py` looks at those of all batches."""
    report = json.loads(run("loss", "run", "--format", "json", "--worst").out)
    assert sorted(each["step"] for each in report["batches"][1:-1]) == [0, 2, 2]
    assert [report["batches"][place]["step"] for place in (0, -1)] == [1, None]
    assert report["batches"][0]["codes"] == ["BOX001"]


@pytest.mark.usefixtures("run_folder")
def test_check_takes_captured_batches_of_a_folder_alone(run: Run) -> None:
    result = run("check", "run")
    assert result.code == 1
    assert "step0000001.safetensors: error BOX001 photo5.jpg (image 2), object 4 " in result.out
    assert "FIL001" not in result.out


def test_another_loss_is_the_first_finding(
    sample: Path, folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "whose_rules", lambda _batch: "")
    predictions = torch.load(sample / "preds.pt", weights_only=True)
    targets = torch.load(sample / "targets.pt", weights_only=True)
    criterion = Said()
    criterion.values = (torch.tensor(LOCALIZATION), torch.tensor(2 * CONFIDENCE))
    with ssdlossdbg.capture(criterion, folder / "run"):
        criterion(predictions, targets)
    result = run("loss", "run/step0000000.safetensors", "--format", "json")
    report = json.loads(result.out)
    assert result.code == 1
    assert report["findings"][0]["code"] == "REC001"
    assert "only the confidence differs" in report["findings"][0]["message"]
    assert report["recorded_error"] == pytest.approx(0.5, abs=0.01)


@pytest.mark.usefixtures("run_folder")
def test_names_are_those_of_pictures(good: Good) -> None:
    out = good("loss", "run/step0000002.safetensors", "-o", "pictures")
    names = sorted(file.name for file in Path("pictures").iterdir())
    assert names == [f"image-00{index}-photo{index + 6}.loss.png" for index in range(3)]
    assert "image-000-photo6.loss.png" in "".join(out.split())


def test_printed_losses_count_with_the_digits_that_they_have(
    sample: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "whose_rules", lambda _batch: "")  # which takes its time, and has tests of its own
    files = (str(sample / "preds.pt"), str(sample / "targets.pt"), "--format", "json")
    cases: list[tuple[tuple[str, ...], int]] = [
        (("--printed", TOTAL), 0),
        (("--printed", "1.7"), 0),
        (("--printed", "1.66"), 0),
        (("--printed", "1.68"), 1),
        (("--printed-loc", "0.249", "--printed-conf", "1.415"), 0),
        (("--printed-loc", "0.349"), 1),
        (("--printed", "nan"), 1),
    ]
    for options, code in cases:
        result = run("loss", *files, *options)
        found = [finding["code"] for finding in json.loads(result.out)["findings"]]
        assert (result.code, "REC001" in found) == (code, bool(code)), options


def test_a_printed_loss_that_is_none(sample: Path, refused: Refused) -> None:
    message = refused("loss", str(sample / "preds.pt"), str(sample / "targets.pt"), "--printed", "1,66")
    assert "--printed: is '1,66', which is no number" in message


def saved_by_hand(sample: Path, **more: Any) -> None:
    loc, conf, priors = torch.load(sample / "preds.pt", weights_only=True)
    torch.save({"loc": loc, "conf": conf, "priors": priors, **more}, "preds.pt")


@pytest.mark.parametrize(
    "loss",
    [
        torch.tensor(LOCALIZATION + CONFIDENCE),
        (torch.tensor(LOCALIZATION), torch.tensor(CONFIDENCE)),
        [LOCALIZATION, CONFIDENCE],
        {"conf": torch.tensor(CONFIDENCE), "loc": LOCALIZATION},
        {"total": LOCALIZATION + CONFIDENCE},
        [CONFIDENCE, LOCALIZATION],  # the other way round: only the numbers can tell
    ],
)
def test_a_loss_beside_predictions_saved_by_hand(sample: Path, good: Good, loss: Any) -> None:
    saved_by_hand(sample, loss=loss)
    report = json.loads(good("loss", "preds.pt", str(sample / "targets.pt"), "--format", "json"))
    assert report["recorded"]["total"] == pytest.approx(LOCALIZATION + CONFIDENCE)
    assert report["recorded_error"] < 1e-6
    assert report["step"] is None


def test_a_loss_that_is_none(sample: Path, refused: Refused) -> None:
    for loss, words in (({"a": 1}, "is a mapping of something else"), ([1, 2, 3], "is neither a number nor two")):
        saved_by_hand(sample, loss=loss)
        assert f"preds.pt, loss: {words}" in refused("loss", "preds.pt", str(sample / "targets.pt"))


def test_names_beside_encoded_targets_saved_by_hand_in_one_file(sample: Path, save: Save, good: Good) -> None:
    loc, conf, priors = torch.load(sample / "preds.pt", weights_only=True)
    labels = torch.zeros((3, 8732), dtype=torch.int64)
    labels[:, :3] = 1
    saved = {"loc": loc, "conf": conf, "priors": priors, "labels": labels, "gt_locations": torch.zeros_like(loc)}
    named = save("b.pt", {**saved, "file_name": ["a.jpg", "b.jpg", "c.jpg"]})
    report = json.loads(good("loss", named, "--format", "json", "--fail-on", "never"))
    assert [image["name"] for image in report["images"]] == ["a.jpg", "b.jpg", "c.jpg"]
    other = save("o.pt", {**saved, "file_name": ["a.jpg", "b.jpg"]})
    report = json.loads(good("loss", other, "--format", "json", "--fail-on", "never"))
    assert [image["name"] for image in report["images"]] == [None] * 3


@pytest.mark.usefixtures("run_folder")
def test_what_was_printed_is_of_one_batch_and_photos_are_of_the_worst(refused: Refused, run: Run, sample: Path) -> None:
    said = refused("loss", "run", "--printed", "1.5")
    assert "--printed: is the loss of one batch, and a folder has one for each file" in said
    photo = sample / "cat.jpg"
    for command in ("loss", "detect"):
        report = json.loads(run(command, "run", "--image", photo, "-o", "pictures", "--format", "json").out)
        assert report["images"][0]["path"] == str(photo)
        assert report["batches"][0]["step"] == 1


def test_names_in_targets_saved_by_hand(sample: Path, good: Good) -> None:
    rows = torch.load(sample / "targets.pt", weights_only=True)
    images: list[dict[str, Tensor | str]] = [
        {"boxes": each[:, :4], "labels": each[:, 4] + 1, "file_name": f"{name}.jpg"}
        for each, name in zip(rows, "abc", strict=True)
    ]
    torch.save(images, "targets.pt")
    report = json.loads(good("loss", str(sample / "preds.pt"), "targets.pt", "--format", "json"))
    assert [image["name"] for image in report["images"]] == ["a.jpg", "b.jpg", "c.jpg"]


def test_what_cannot_go_alone(sample: Path, refused: Refused) -> None:
    assert "holds no targets beside predictions" in refused("loss", str(sample / "preds.pt"))
    assert "is a folder without captured batches" in refused("loss", ".")


def test_headers_of_strangers(run_folder: Path, refused: Refused) -> None:
    file = run_folder / "step0000002.safetensors"
    tensors = load_file(file)
    for text, words in (
        ("{", "has a damaged header"),
        ('{"version": 1, "step": "x", "reason": "exit"}', "has a damaged header"),
        ('{"version": 9, "step": 1, "reason": "exit"}', "version 9"),
        ('{"version": 1, "step": 1, "reason": "exit", "dialect": "nobody"}', "unknown dialect 'nobody'"),
    ):
        save_file(tensors, file, {"ssdlossdbg": text})
        assert words in refused("loss", str(file))


@pytest.mark.usefixtures("run_folder")
def test_a_stated_dialect_goes_before_the_files(run: Run) -> None:
    report = json.loads(run("loss", "run/step0000002.safetensors", "--dialect", "caffe", "--format", "json").out)
    assert report["dialect"] == "caffe"
    assert report["targets"]["layout"].endswith("labels counted from 0")  # as ssd.pytorch's rows are, whoever is asked
