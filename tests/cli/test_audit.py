"""`audit`, as people run it on datasets that are not perfect."""

from __future__ import annotations

import csv
import io
import json
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ssdlossdbg import api
from ssdlossdbg.report.audit.as_csv import HEADINGS
from tests import warm

Voc = Callable[..., Path]
GOOD = ("cat", (40, 20, 160, 90))
TINY = ("dog", (10, 10, 12, 12))


@pytest.fixture
def dataset(folder: Path, annotation: Voc, photo: Callable[..., Path]) -> Path:
    """A folder as people have it: a broken file, an empty one, an image without objects, names of all kinds."""
    annotation([GOOD, TINY], name="a cat.xml")
    annotation([GOOD], name="Кот & co.xml")
    annotation([], name="nothing here.xml")
    home = folder / "my data"
    (home / "Annotations").mkdir(parents=True)
    (home / "JPEGImages").mkdir()
    for file in folder.glob("*.xml"):
        file.rename(home / "Annotations" / file.name)
    (home / "Annotations" / "broken.xml").write_text("<annotation><object>")
    (home / "Annotations" / "empty.xml").write_text("")
    photo("a cat.png").rename(home / "JPEGImages" / "a cat.png")
    return home / "Annotations"


def audited(run: Any, *words: object, code: int = 1) -> dict[str, Any]:
    outcome = run("audit", *words, "--format", "json")
    assert outcome.code == code
    report: dict[str, Any] = json.loads(outcome.out)
    return report


def found(report: dict[str, Any]) -> dict[str, int]:
    return {finding["code"]: finding["count"] for finding in report["findings"]}


def test_what_is_broken_is_counted_and_named_and_the_rest_is_audited(run: Any, dataset: Path) -> None:
    report = audited(run, dataset)
    assert report["totals"]["images"] == 3
    assert report["totals"]["ground_truth"] == 3
    assert report["dataset"]["refused"] == 2
    assert found(report)["FIL001"] == 2
    assert {Path(case["where"]["file"]).name for case in report["findings"][0]["cases"]} == {"broken.xml", "empty.xml"}
    assert found(report)["MAT009"] == 1, "ssd.pytorch raises on the image without objects"


def test_exit_codes_follow_fail_on(run: Any, dataset: Path) -> None:
    assert run("audit", dataset).code == 1
    assert run("audit", dataset, "--fail-on", "never").code == 0
    for name in ("broken.xml", "empty.xml", "nothing here.xml"):
        (dataset / name).unlink()
    assert run("audit", dataset).code == 0
    assert run("audit", dataset, "--fail-on", "warning").code == 1, "the tiny dog hardly overlaps its prior"


def test_a_class_list_that_does_not_fit(run: Any, dataset: Path) -> None:
    report = audited(run, dataset, "--classes", "cta,dog")
    assert report["dataset"]["unknown"] == {"cat": 2}
    [finding] = [finding for finding in report["findings"] if finding["code"] == "LBL003"]
    assert (finding["count"], finding["cases"][0]["where"]["file"]) == (2, str(dataset / "a cat.xml"))
    assert "the class 'cat' (1 object, 2 in all) is not in the list" in finding["message"]
    assert "Did you mean 'cta'?" in finding["fix"]
    assert report["totals"]["ground_truth"] == 1
    assert found(report)["MAT009"] == 1, "an image whose objects are all of unknown classes is not one without objects"


def test_codes_that_are_selected_or_ignored(run: Any, dataset: Path) -> None:
    assert set(found(audited(run, dataset, "--select", "FIL"))) == {"FIL001"}
    assert "FIL001" not in found(audited(run, dataset, "--ignore", "FIL,MAT009", code=0))


def test_images_to_look_at_first_and_the_command_that_shows_them(run: Any, dataset: Path) -> None:
    report = audited(run, dataset, "--config", "ssd300-coco")
    [first] = report["images_first"]
    command = first["command"]
    assert command.startswith("ssdlossdbg match '")
    assert command.endswith("--config ssd300-coco")
    shown = run(*shlex.split(command)[1:])
    assert shown.code == 0
    assert "a cat.xml" in shown.out


def test_the_report_names_files(run: Any, dataset: Path) -> None:
    out = run("audit", dataset).out
    assert "broken.xml" in out
    assert "a cat.xml, object 1 (dog)" in " ".join(out.split())
    assert all(len(line) <= 80 for line in out.splitlines())


def test_a_row_an_object(run: Any, dataset: Path, folder: Path) -> None:
    outcome = run("audit", dataset, "--csv", "objects.csv", "--fail-on", "never")
    rows = list(csv.DictReader(io.StringIO((folder / "objects.csv").read_text(encoding="utf-8"))))
    assert [(row["object"], row["class"], row["status"]) for row in rows] == [
        ("0", "cat", "matched"),
        ("1", "dog", "forced-only"),
        ("0", "cat", "matched"),
    ]
    assert "Wrote objects.csv" in outcome.out


def test_pictures_of_the_worst_images(run: Any, dataset: Path, folder: Path) -> None:
    outcome = run("audit", dataset, "--gallery", "3", "--charts", "--fail-on", "never")
    assert outcome.code == 0
    written = sorted(path.name for path in (folder / "audit").iterdir())
    assert written == ["iou-by-size.png", "positives-by-level.png", "recall-by-class.png", "worst-01-a_cat.png"]
    for path in (folder / "audit").iterdir():
        with Image.open(path) as picture:
            assert min(picture.size) > 300


def test_pictures_replace_nothing_that_was_not_named(run: Any, dataset: Path, folder: Path) -> None:
    (folder / "audit").mkdir()
    run("audit", dataset, "--gallery", "1", "--fail-on", "never")
    assert list((folder / "audit").iterdir()) == []
    assert (folder / "audit-2" / "worst-01-a_cat.png").is_file()


def test_a_photo_that_is_damaged_is_passed_over(run: Any, dataset: Path, folder: Path) -> None:
    (dataset.parent / "JPEGImages" / "a cat.png").write_bytes(b"not a picture")
    outcome = run("audit", dataset, "--gallery", "1", "--fail-on", "never")
    assert outcome.code == 0
    assert "warning: --gallery: " in outcome.err
    assert not (folder / "audit").exists()


def test_nothing_but_broken_files(run: Any, folder: Path) -> None:
    (folder / "void").mkdir()
    (folder / "void" / "a.xml").write_text("<annotation>")
    outcome = run("audit", "void")
    assert outcome.code == 1
    assert "No image could be read." in outcome.out
    assert "FIL001" in outcome.out


def test_outputs_are_refused_before_the_work(refused: Callable[..., str], dataset: Path, folder: Path) -> None:
    (folder / "a file").touch()
    assert "cannot be made a folder" in refused("audit", dataset, "--csv", "a file/a.csv")
    assert "cannot be made a folder" in refused("audit", dataset, "--charts", "-o", "a file")
    assert "--letterbox" in refused("audit", dataset, "--gallery", "1", "--letterbox")
    assert "--config" in refused("audit", dataset, "--gallery", "1", "-o", "not/yet", "--config", "none")  # nor is made


def yolo(folder: Path, photo: Callable[..., Path]) -> Path:
    """A tiny object, its photo, and the classes in a file beside it."""
    home = folder / "yolo"
    home.mkdir()
    (home / "-a.txt").write_text("1 0.5 0.5 0.01 0.01")
    (home / "classes.txt").write_text("cat\ndog\n")
    photo("-a.png").rename(home / "-a.png")
    return home


def test_the_list_of_classes_is_an_input(refused: Callable[..., str], folder: Path, photo: Callable[..., Path]) -> None:
    home = yolo(folder, photo)
    assert "overwritten" in refused("audit", home, "--csv", home / "classes.txt")


def test_the_command_for_a_yolo_image_names_its_classes(run: Any, folder: Path, photo: Callable[..., Path]) -> None:
    [image] = audited(run, yolo(folder, photo), code=0)["images_first"]
    shown = run(*shlex.split(image["command"])[1:], "--no-overlay")
    assert shown.code == 0
    assert "dog" in shown.out


def test_ctrl_c_while_drawing_keeps_the_report(run: Any, dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_words: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ssdlossdbg.report.match_picture.match_picture", interrupt)
    outcome = run("audit", dataset, "--gallery", "1", "--fail-on", "never")
    assert outcome.code == 130
    assert "By class" in outcome.out


OLD_TABLE = ",".join(HEADINGS).encode() + b"\n"


@pytest.mark.parametrize("before", [OLD_TABLE, None])
def test_a_table_of_a_part_replaces_none_of_the_whole(
    run: Any, dataset: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, before: bytes | None
) -> None:
    whole = api.audit

    def interrupted(*words: Any, **options: Any) -> Any:
        return replace(whole(*words, **options), done=1)

    monkeypatch.setattr("ssdlossdbg.api.datasets.audit", interrupted)
    if before is not None:
        (folder / "a.csv").write_bytes(before)
    outcome = run("audit", dataset, "--csv", "a.csv")
    assert outcome.code == 130
    if before is None:
        assert (folder / "a.csv").read_text().startswith("image,")
    else:
        assert (folder / "a.csv").read_bytes() == before
        assert "warning: --csv: a.csv is left as it was: not all images were matched." in outcome.err


def test_ctrl_c_while_a_table_is_written_keeps_the_old_one(
    run: Any, dataset: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rows(_result: object) -> Iterator[bytes]:
        yield b"new"
        raise KeyboardInterrupt

    monkeypatch.setattr("ssdlossdbg.report.audit.as_csv.audit_csv", rows)
    (folder / "a.csv").write_bytes(OLD_TABLE)
    outcome = run("audit", dataset, "--csv", "a.csv")
    assert outcome.code == 130
    assert (folder / "a.csv").read_bytes() == OLD_TABLE
    assert not list(folder.glob(".*.part"))


def test_a_gallery_of_names_longer_than_files_can_have(run: Any, folder: Path, photo: Callable[..., Path]) -> None:
    name = "猫" * 80
    photo("short.png").rename(folder / f"{name}.png")
    (folder / f"{name}.txt").write_text("0 0.5 0.5 0.01 0.01")
    outcome = run("audit", folder / f"{name}.txt", "--classes", "cat", "--gallery", "1", "-o", "out")
    assert outcome.code == 0
    assert [path.stem for path in (folder / "out").iterdir()] == ["worst-01-" + "猫" * 50]


def test_one_warning_for_all_photos_that_are_not_there(run: Any, dataset: Path) -> None:
    (dataset.parent / "JPEGImages" / "a cat.png").unlink()
    outcome = run("audit", dataset, "--gallery", "9", "--fail-on", "never")
    assert "--gallery: photos not found: 1 of the 1 worst." in outcome.err


def test_random_crops_are_the_same_for_a_seed(run: Any, dataset: Path) -> None:
    first, again, other = (
        audited(run, dataset, "--augment", "3", "--seed", seed)["augmented"] for seed in ("1", "1", "2")
    )
    assert first == again
    assert first["totals"] != other["totals"]
    assert first["images"] == 9


def test_bad_input_is_refused(refused: Callable[..., str], dataset: Path, folder: Path) -> None:
    assert "nowhere" in refused("audit", "nowhere")
    assert "--augment" in refused("audit", dataset, "--augment", "1", "--letterbox")
    assert "overwritten" in refused("audit", dataset, "--csv", dataset / "a cat.xml")
    assert "BXO" in refused("audit", dataset, "--select", "BXO")
    (folder / "void").mkdir()
    assert "void" in refused("audit", "void")


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_ctrl_c_prints_what_is_known(folder: Path, annotation: Voc) -> None:
    """Whoever watches the progress interrupts after the first of many parts."""
    source = annotation([GOOD] * 20)
    home = folder / "many"
    home.mkdir()
    for number in range(300):
        (home / f"{number}.xml").hardlink_to(source)
    script = (
        "import os, signal, sys\n"
        "from ssdlossdbg.analysis.audit import assigned\n"
        "assigned.OBJECTS_AT_ONCE = 400\n"
        "from ssdlossdbg.api import datasets\n"
        "real = datasets.audit\n"
        "def audit(*words, advance, **options):\n"
        "    def tell(images):\n"
        "        advance(images)\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "    return real(*words, advance=tell, **options)\n"
        "datasets.audit = audit\n"
        "from ssdlossdbg.__main__ import main\n"
        "main()\n"
    )
    words = ["audit", str(home), "--fail-on", "never"]
    ended = warm.run([sys.executable, "-c", script, *words])
    assert ended.returncode == 130
    assert "interrupted" in ended.stdout.lower()
    assert "of 300 images" in ended.stdout
    assert "Traceback" not in ended.stderr
