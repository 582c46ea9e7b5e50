"""The loss of a data set: of a run, a folder, and many files."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image, ImageStat
from torch import Tensor

import ssdlossdbg
from ssdlossdbg.errors import InputError
from tests.live.conftest import CLASSES, MultiBoxLoss, grid

Good = Callable[..., str]
Run = Callable[..., Any]
Refused = Callable[..., str]
PRIORS, NUMBER, TOGETHER = grid(), 10, 4


def image(index: int, noise: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """(loc, conf) of an image, and its rows of five; photo 7 has a box without width."""
    random = torch.Generator().manual_seed(index)
    low = torch.rand((1 + index % 3, 2), generator=random) * 0.5
    rows = torch.cat((low, low + 0.15 + 0.3 * torch.rand(low.shape, generator=random), low[:, :1] * 4 // 1), 1)
    if index == 7:
        rows[0, 2] = rows[0, 0]
    random.manual_seed(1000 * noise + index)
    loc, conf = (torch.randn((len(PRIORS), width), generator=random) for width in (4, CLASSES))
    return loc, conf, rows


class Photos(torch.utils.data.Dataset[Any]):
    """Images with names."""

    def __init__(self, noise: int = 0) -> None:
        self.ids, self.noise = [f"photo{index}" for index in range(NUMBER)], noise

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        return image(index, self.noise)


def collated(images: list[tuple[Tensor, Tensor, Tensor]]) -> tuple[Tensor, Tensor, list[Tensor]]:
    """Stacked predictions, and a list of rows."""
    loc, conf, rows = zip(*images, strict=True)
    return torch.stack(loc), torch.stack(conf), list(rows)


def passed(folder: Path, epochs: int = 1, **more: Any) -> Path:
    """A pass over the images, shuffled and without gradients, each batch of which is kept."""
    criterion, data = MultiBoxLoss().eval(), Photos()
    loader: Any = torch.utils.data.DataLoader(data, TOGETHER, shuffle=True, collate_fn=collated)
    with ssdlossdbg.capture(criterion, folder, loader=loader, every=1, identify=False, **more), torch.no_grad():
        for epoch in range(epochs):
            data.noise = epoch
            for loc, conf, rows in loader:
                criterion((loc, conf, PRIORS), rows)
    return folder


def alone(index: int, noise: int = 0) -> float:
    """What the criterion says of an image by itself, which knows nothing of this package."""
    loc, conf, rows = image(index, noise)
    return float(sum(MultiBoxLoss()((loc[None], conf[None], PRIORS), [rows])))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return passed(tmp_path_factory.mktemp("losses") / "run")


def report(out: str) -> Any:
    return json.loads(out)


def test_each_image_has_the_loss_that_a_plain_loop_gives_it(kept: Path, run: Run) -> None:
    outcome = run("loss", kept, "--format", "json")
    assert outcome.code == 1  # photo 7
    told = report(outcome.out)
    assert {each["name"] for each in told["images"]} == {f"photo{index}" for index in range(NUMBER)}
    assert [each["name"] for each in told["images"][:1]] == ["photo7"]
    assert told["images"][0]["loss"]["total"] == "Infinity"
    for each in told["images"][1:]:
        assert each["loss"]["total"] == pytest.approx(alone(int(each["name"][5:])), rel=1e-5)
        assert each["dataset_index"] == int(each["name"][5:])
    losses = [each["loss"]["total"] for each in told["images"][1:]]
    assert losses == sorted(losses, reverse=True)
    assert told["finite_images"]["count"] == NUMBER - 1
    assert told["finite_images"]["mean"]["total"] == pytest.approx(sum(losses) / len(losses))
    assert (told["image_count"], told["validation"], told["mixed"]) == (NUMBER, True, [])
    assert told["recorded_error"] < 1e-5


def test_objects_and_groups_add_up(kept: Path) -> None:
    told = ssdlossdbg.losses(kept)
    for image_row in told.images[1:]:
        assert image_row.loss is not None
        own = [each for each in told.seen_objects if each.image == image_row.name]
        assert len(own) == image_row.ground_truth
        assert sum(each.positives for each in own) == image_row.positives
        positives = image_row.loss.localization + image_row.loss.confidence_positive
        assert sum(each.total for each in own) == pytest.approx(positives, rel=1e-5)
    number, mean = told.finite_batches
    assert (number, len(told.batches)) == (2, 3)
    assert mean is not None
    for groups in (told.classes, told.levels):
        assert sum(group.parts.total for group in groups) == pytest.approx(mean.total, rel=1e-5)
    objects = sum(group.objects or 0 for group in told.classes)
    assert objects == sum(group.objects or 0 for group in told.sizes) == len(told.seen_objects)


@pytest.mark.parametrize("words", [("--weights", "w.pt"), ("--image", "a.png")])
def test_what_is_of_one_batch_is_refused_beside_what_is_of_a_set(words: tuple[str, str], run: Run) -> None:
    result = run("loss", "a.safetensors", "--csv", "new.csv", *words)
    assert (result.code, result.out) == (2, "")
    assert f"{words[0]}: is of one batch, and --csv" in result.err


def test_the_first_screen_names_the_dearest_images(kept: Path, run: Run) -> None:
    lines = run("loss", kept, "--width", "80", "--top", "3").out.splitlines()[:24]
    place = next(place for place, line in enumerate(lines) if line.startswith("Images of the highest loss (3 of 10)"))
    assert lines[place + 3].startswith("photo7")
    assert all(len(line) <= 80 for line in lines)
    text = "\n".join(lines)
    assert "3 batches of 10 images" in " ".join(text.split())
    assert "each as a batch of its own" in text
    assert "without the 1 that are inf or nan" in text


def test_findings_of_all_batches_are_told_once(kept: Path) -> None:
    told = ssdlossdbg.losses(kept)
    codes = [finding.code for finding in told.findings]
    assert len(codes) == len(set(codes))
    first = next(finding for finding in told.findings if finding.code == "BOX001")
    assert (first.count, first.where.name, told.finding_files["BOX001"]) == (1, "photo7", 1)
    notes = max(told.finding_files.values())
    assert notes <= 3


def test_a_step_and_the_worst_batch_can_be_shown_in_full(kept: Path, run: Run, refused: Refused) -> None:
    one = report(run("loss", kept, "--step", "1", "--format", "json").out)
    file = report(run("loss", kept / "step0000001.safetensors", "--format", "json").out)
    assert one == file
    worst = report(run("loss", kept, "--worst", "--format", "json").out)
    assert worst["loss"]["total"] == "Infinity"
    assert len(worst["batches"]) == 3
    assert "Those nearest to it: 0, 1, 2." in refused("loss", kept, "--step", "9")
    assert "--step: names another batch than --worst" in refused("loss", kept, "--step", "1", "--worst")
    assert "is no folder" in refused("loss", kept / "step0000001.safetensors", "--worst")


def test_images_that_come_again_are_told_apart(folder: Path) -> None:
    told = ssdlossdbg.losses(passed(folder / "run", epochs=3))
    assert (told.image_count, told.sightings) == (NUMBER, 3 * NUMBER)
    for each in told.images[1:]:
        index = int(each.name[5:])
        times = [alone(index, noise) for noise in range(3)]
        assert each.seen == 3
        assert each.loss is not None
        assert each.loss.total == pytest.approx(times[-1], rel=1e-5)
        assert each.mean == pytest.approx(sum(times) / 3, rel=1e-5)
    assert len(told.seen_objects) == sum(1 + index % 3 for index in range(NUMBER))


def files_by_hand(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Pairs of files, whose names have a number in common and no word."""
    for place, indices in enumerate(pairwise((0, 2, 4))):
        loc, conf, rows = collated([image(index) for index in range(*indices)])
        first, second = folder / f"out_{place:03d}.pt", folder / f"gt_{place}.pt"
        torch.save({"loc": loc, "conf": conf, "priors": PRIORS}, first)
        torch.save(rows, second)
        yield first, second


def test_files_by_hand_are_paired_by_number_and_by_word(folder: Path) -> None:
    pairs = list(files_by_hand(folder))
    wanted = sorted(alone(index) for index in range(4))
    given = [*(first for first, _ in pairs), *(second for _, second in pairs)]
    for files in (given, [folder]):
        told = ssdlossdbg.losses(files)
        assert sorted(each.loss.total for each in told.images if each.loss) == pytest.approx(wanted, rel=1e-5)
    for first, second in pairs:
        first.rename(folder / f"preds_{int(first.stem[4:])}.pt")
        second.rename(folder / f"targets_{int(second.stem[3:])}.pt")
    (folder / "checkpoint.pth").write_bytes(b"no batch")  # whose name says nothing of batches
    told = ssdlossdbg.losses(folder)
    assert sorted(each.loss.total for each in told.images if each.loss) == pytest.approx(wanted, rel=1e-5)
    assert told.unread == ()


def test_files_that_cannot_be_used_are_named_and_left_out(kept: Path, folder: Path, run: Run) -> None:
    for file in kept.glob("step*"):
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "step0000002.safetensors").write_bytes((kept / "step0000002.safetensors").read_bytes()[:900])
    torch.save(collated([image(0)])[2], folder / "targets.pt")
    outcome = run("loss", ".", "--format", "json")
    told = report(outcome.out)
    assert outcome.code == 1
    assert [Path(each["file"]).name for each in told["unread"]] == ["targets.pt", "step0000002.safetensors"]
    assert "holds targets without predictions" in told["unread"][0]["why"]
    assert [each["where"]["file"] for each in told["findings"] if each["code"] == "FIL001"] == ["targets.pt"]
    assert (len(told["batches"]), told["image_count"]) == (4, 8)
    assert [bool(each["unreadable"]) for each in told["batches"]] == [False, False, True, True]


def test_nothing_that_can_be_used_is_refused(folder: Path, refused: Refused) -> None:
    (folder / "step0000000.safetensors").write_bytes(b"cut")
    (folder / "step0000001.safetensors").write_bytes(b"short")
    assert "not a valid safetensors file" in refused("loss", "step0000000.safetensors", "step0000001.safetensors")
    (folder / "empty").mkdir()
    assert "is a folder without captured batches" in refused("loss", "empty")


def test_two_files_are_one_batch_unless_each_holds_one(kept: Path, folder: Path, run: Run) -> None:
    first, second = kept / "step0000000.safetensors", kept / "step0000001.safetensors"
    assert len(report(run("loss", first, second, "--format", "json").out)["batches"]) == 2
    assert report(run("loss", first, first, "--format", "json").out)["batches"] == []
    with pytest.raises(InputError, match="holds a batch of its own, as"):
        ssdlossdbg.loss(first, second)
    (predictions, targets), *_ = files_by_hand(folder)
    assert report(run("loss", predictions, targets, "--format", "json").out)["predictions"]["path"] == str(predictions)
    assert report(run("loss", targets, predictions, "--format", "json").out)["predictions"]["path"] == str(predictions)


def test_what_does_not_belong_together_is_said(kept: Path, folder: Path, run: Run) -> None:
    criterion = MultiBoxLoss()
    with ssdlossdbg.capture(criterion, folder / "other", identify=False):
        loc, conf, rows = collated([image(1)])
        criterion((loc[:, :36], conf[:, :36], PRIORS[:36]), rows)
    files = [*kept.glob("step*"), folder / "other" / "step0000000.safetensors"]
    text = " ".join(run("loss", *files).out.split())
    assert "The batches have different numbers of priors: 72 (3), 36 (1)." in text
    assert "The batches are partly of a training, partly not: without gradients (3), training steps (1)." in text
    told = ssdlossdbg.losses(files)
    assert len(told.mixed) == 2
    assert len(told.configs) == 2


def test_tables_of_objects_and_images(kept: Path, folder: Path, run: Run) -> None:
    for _ in range(2):  # what this program wrote, it replaces
        tables = "--csv", "objects.csv", "--csv-images", "images.csv"
        assert "Wrote" in run("loss", kept, *tables, "--classes", "=1+1,b,c").out
    objects = list(csv.DictReader((folder / "objects.csv").read_text().splitlines()))
    images = list(csv.DictReader((folder / "images.csv").read_text().splitlines()))
    assert len(objects) == sum(1 + index % 3 for index in range(NUMBER))
    assert len(images) == NUMBER
    assert {each["label"] for each in objects} <= {"'=1+1", "b", "c"}
    assert any(each["label"] == "'=1+1" for each in objects)
    told = ssdlossdbg.losses(kept)
    table = told.to_dict()["objects"]
    assert [float(each["total"]) for each in objects[1:4]] == pytest.approx([each["total"] for each in table[1:4]])


def test_a_gallery_on_photos_and_without(kept: Path, folder: Path, run: Run) -> None:
    (folder / "photos").mkdir()
    for index in (1, 7):
        Image.new("RGB", (640, 480), (0, 90, 0)).save(folder / "photos" / f"photo{index}.png")
    outcome = run("loss", kept, "--gallery", "10", "-o", "pictures", "--photos", "photos", "--format", "json")
    told = report(outcome.out)
    assert "photos not found: 8 of the 10 worst" in outcome.err
    names = sorted(file.name for file in (folder / "pictures").iterdir())
    assert names[0] == "worst-01-photo7.png"
    assert len(names) == 10
    place = next(place for place, each in enumerate(told["images"]) if each["name"] == "photo1")
    means = {name: ImageStat.Stat(Image.open(folder / "pictures" / name)).mean for name in names}
    on_photo = [name for name, (_, green, blue) in means.items() if green > blue + 20]
    assert on_photo == ["worst-01-photo7.png", f"worst-{place + 1:02d}-photo1.png"]
    first = next(each for each in told["objects"] if each["image"] == "photo1")
    scaled = [value * side / 300 for value, side in zip(first["box"], (640, 480, 640, 480), strict=True)]
    assert first["photo_box"] == pytest.approx(scaled)


def test_options_of_one_batch_beside_several(kept: Path, refused: Refused) -> None:
    files = sorted(kept.glob("step*"))
    assert "--printed: is the loss of one batch, and several are named" in refused("loss", *files, "--printed", "1.5")
    assert "-o: is the page of one batch" in refused("loss", *files, "-o", "page.html")
    assert "Add --gallery N" in refused("loss", *files, "-o", "pictures")


def test_names_that_several_images_share_are_no_names(folder: Path) -> None:
    loc, conf, rows = collated([image(index) for index in (1, 2)])
    for number in range(2):
        named = [{"boxes": own[:, :4], "labels": own[:, 4].long() + 1, "file_name": "same.jpg"} for own in rows]
        torch.save({"loc": loc, "conf": conf, "priors": PRIORS, "targets": named}, folder / f"batch{number}.pt")
    told = ssdlossdbg.losses([folder / "batch0.pt", folder / "batch1.pt"])
    assert (told.image_count, {each.seen for each in told.images}) == (4, {1})


def test_an_image_without_a_positive_has_no_loss_alone(folder: Path) -> None:
    loc, conf, rows = collated([image(index) for index in (1, 2)])
    torch.save({"loc": loc, "conf": conf, "priors": PRIORS, "targets": [rows[0], rows[1][:0]]}, folder / "batch.pt")
    torch.save({"loc": loc, "conf": conf, "priors": PRIORS, "targets": rows}, folder / "other.pt")
    told = ssdlossdbg.losses([folder / "batch.pt", folder / "other.pt"])
    assert told.images[-1].loss is None
    assert (told.with_loss, told.image_count, told.empty) == (3, 4, 1)
    assert told.finite_images[0] == 3
