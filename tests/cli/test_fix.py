"""`check --fix`: faults planted in sound files of each format, and what their copies hold then."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.cli.planted import FORMATS, HEIGHT, NAMES, WIDTH, Thing, coco, plain, plant, sound, write


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", FORMATS)
def test_planted_faults_are_repaired_and_nothing_else_changes(run: Any, folder: Path, name: str, seed: int) -> None:
    place, _, form, swaps = FORMATS[name]
    chance = random.Random(f"{name} {seed}")
    wrong, right, done = plant(chance, sound(chance, "face" in form.__name__), swaps)
    source = write(folder / "in", name, form(wrong))
    before = source.read_bytes()
    words = ("--select", "BOX", *(("--classes", ",".join(NAMES)) if name in ("yolo", "photo-list") else ()))
    found = run("check", "in", "--fix", "-o", "out", "--format", "json", *words)
    document = json.loads(found.out)
    copy = folder / "out" / place
    text = copy.read_bytes().decode("latin-1" if name == "voc" else "utf-8")
    assert sorted(each["action"] for each in document["repairs"]) == sorted(done), found.out
    assert plain(text) == plain(form(right))
    assert source.read_bytes() == before
    kept = set(before.splitlines())
    assert sum(line not in kept for line in copy.read_bytes().splitlines()) <= len(done) * 4
    assert (found.code, document["findings"], document["files"]) == (
        0,
        [],
        [str(Path("out") / place)] if name != "x" else [],
    )
    rows = before.decode("latin-1").splitlines()
    for each in document["repairs"]:
        row = rows[each["where"]["line"] - 1]
        opens = {"voc": "<object", "labelme": "{", "cvat": "<box"}.get(name, "")
        assert row.strip().startswith(opens)
        assert opens or all(number in row for number in each["before"].split(","))
    # The copy has nothing of it, and a copy of the copy is the copy.
    write(folder / "again", name, "")
    (folder / "again" / place).write_bytes(copy.read_bytes())
    again = json.loads(run("check", "again", "--fix", "-o", "third", "--format", "json", *words).out)
    assert (again["findings"], again["repairs"]) == ([], [])
    assert (folder / "third" / place).read_bytes() == copy.read_bytes()


OBJECT = (
    "<object><name>{name}</name><difficult>0</difficult>{more}"
    "<bndbox><xmin>{0}</xmin><ymin>{1}</ymin><xmax>{2}</xmax><ymax>{3}</ymax></bndbox></object>"
)
SOUND = ("cat", (300, 100, 400, 200), "")
Written = tuple[str, tuple[float, float, float, float], str]


def of_voc(folder: Path, *objects: Written, size: tuple[int, int] | None = (WIDTH, HEIGHT), name: str = "a") -> Path:
    """A VOC file on a line an object, and its photo of a size, or none."""
    rows = "\n".join(OBJECT.format(*box, name=label, more=more) for label, box, more in objects)
    head = f"<size><width>{WIDTH}</width><height>{HEIGHT}</height></size>"
    path = folder / "in" / f"{name}.xml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"<annotation>{head}\n{rows}\n</annotation>\n")
    if size:
        Image.new("RGB", size).save(path.with_suffix(".png"))
    return path


# What is left, by what there is, and a word of why.
LEFT: dict[str, tuple[list[Written], tuple[int, int] | None, str, str]] = {
    "may be x y w h": ([SOUND, ("cat", (100, 80, 40, 30), "")], (WIDTH, HEIGHT), "BOX002", "x y width height"),
    "one edge is lost": ([SOUND, ("cat", (10, 20, 10, 90), "")], (WIDTH, HEIGHT), "BOX001", "edges is lost"),
    "the only object": ([("cat", (10, 20, 10, 20), "")], (WIDTH, HEIGHT), "BOX001", "no object would be left"),
    "four zeros alone": ([("cat", (0, 0, 0, 0), "")], (WIDTH, HEIGHT), "BOX003", "no object would be left"),
    "marked": ([SOUND, ("cat", (10, 20, 10, 20), "<truncated>1</truncated>")], (WIDTH, HEIGHT), "BOX001", "truncated"),
    "no photo": ([SOUND, ("cat", (480, 20, 520, 90), "")], None, "BOX008", "photo was not found"),
    "a photo of nearly that size": ([SOUND, ("cat", (480, 20, 520, 90), "")], (515, HEIGHT), "BOX008", "515 x 256"),
    "far outside": ([SOUND, ("cat", (480, 20, 1520, 90), "")], (WIDTH, HEIGHT), "BOX008", "another scale"),
    "beside the photo": ([SOUND, ("cat", (780, 20, 820, 90), "")], (WIDTH, HEIGHT), "BOX007", "another scale"),
    "nearly twice": ([SOUND, ("cat", (300, 100, 400, 201), "")], (WIDTH, HEIGHT), "BOX010", "not the same"),
    "two that differ": ([("cat", SOUND[1], "<pose>Left</pose>"), ("cat", SOUND[1], "<pose>Right</pose>")],
                        (WIDTH, HEIGHT), "BOX010", "differ in pose"),
    "two classes": ([SOUND, ("dog", SOUND[1], "")], (WIDTH, HEIGHT), "BOX011", "only the photo tells"),
}  # fmt: skip


@pytest.mark.parametrize("name", LEFT)
def test_what_is_ambiguous_stays_and_it_is_said_why(run: Any, folder: Path, name: str) -> None:
    objects, size, code, why = LEFT[name]
    source = of_voc(folder, *objects, size=size)
    outcome = run("check", "in", "--fix", "-o", "out", "--select", "BOX")
    (line,) = [line for line in outcome.out.splitlines() if f" {code} " in line and "in/a.xml" in line]
    assert "Not repaired: " in line
    assert why in line.partition("Not repaired: ")[2]
    assert "No repair in 1 file, copied to out." in outcome.out
    assert (folder / "out/a.xml").read_bytes() == source.read_bytes()


def test_of_two_that_are_the_same_the_richer_stays(run: Any, folder: Path) -> None:
    poor, rich = ("cat", SOUND[1], "<pose>Unspecified</pose>"), ("cat", (300.0, 100, 400, 200), "<pose>Left</pose>")
    source = of_voc(folder, poor, rich)
    outcome = run("check", "in", "--fix", "-o", "out", "--select", "BOX")
    assert "in/a.xml:2: fixed BOX010 object 0 (cat): dropped, as it is there twice (300,100,400,200)." in outcome.out
    rows = source.read_text().splitlines(keepends=True)
    assert (folder / "out/a.xml").read_text() == "".join([rows[0], *rows[2:]])
    assert outcome.code == 0


def test_what_comes_of_a_repair_is_repaired_with_it(run: Any, folder: Path) -> None:
    """Else a second run would find more: an inverted box that reaches out, and is the same as another once clipped."""
    source = of_voc(folder, SOUND, ("dog", (519, 90, 400, 40), ""), ("dog", (400, 40, 512, 90), ""))
    outcome = run("check", "in", "--fix", "-o", "out", "--format", "json")
    assert [each["action"] for each in json.loads(outcome.out)["repairs"]] == ["swap", "clip", "dedupe"]
    rows = source.read_text().splitlines(keepends=True)
    assert "<xmin>400</xmin><ymin>40</ymin><xmax>512</xmax><ymax>90</ymax>" in (folder / "out/a.xml").read_text()
    assert len((folder / "out/a.xml").read_text().splitlines()) == len(rows) - 1
    only = json.loads(run("check", "in", "--fix", "-o", "two", "--select", "BOX002", "--format", "json").out)
    assert [each["action"] for each in only["repairs"]] == ["swap"]


def test_formats_of_a_change(run: Any, folder: Path) -> None:
    of_voc(folder, SOUND, ("cat", (480, 20, 520, 90), ""))
    outcome = run("check", "in", "--fix", "-o", "out", "--format", "github")
    assert outcome.out == (
        "::notice file=in/a.xml,line=3,title=BOX008 repaired::object 1 (cat): clipped to its image, "
        "480,20,520,90 -> 480,20,512,90\n"
    )
    (repair,) = json.loads(run("check", "in", "--fix", "-o", "out", "--format", "json").out)["repairs"]
    assert (repair["code"], repair["before"], repair["after"]) == ("BOX008", "480,20,520,90", "480,20,512,90")
    assert (repair["where"]["object"], repair["where"]["label"], repair["where"]["line"]) == (1, "cat", 3)


def test_all_files_are_copied_as_they_lie_and_what_is_there_already_stays(run: Any, folder: Path) -> None:
    source = of_voc(folder, SOUND)
    of_voc(folder, SOUND, ("cat", (480, 20, 520, 90), ""), name="b")
    (folder / "in/deep").mkdir()
    (folder / "in/deep/c.xml").write_bytes(source.read_bytes())
    (folder / "in/broken.xml").write_text("<annotation>")
    outcome = run("check", "in", "--fix", "-o", "new/out")
    assert sorted(path.relative_to(folder / "new/out").as_posix() for path in (folder / "new/out").rglob("*.xml")) == [
        "a.xml", "b.xml", "broken.xml", "deep/c.xml",
    ]  # fmt: skip
    assert outcome.code == 2, "one cannot be read"
    times = {path: path.stat().st_mtime_ns for path in (folder / "new/out").rglob("*.xml")}
    assert run("check", "in", "--fix", "-o", "new/out").out == outcome.out
    assert times == {path: path.stat().st_mtime_ns for path in times}
    assert not [path for path in folder.rglob("*") if "ssdlossdbg" in path.name]


def test_what_may_not_be_written(refused: Callable[..., str], run: Any, folder: Path) -> None:
    of_voc(folder, SOUND, ("cat", (480, 20, 520, 90), ""))
    assert "-o FOLDER" in refused("check", "in", "--fix")
    assert "--fix" in refused("check", "in", "-o", "out")
    assert "lies in in" in refused("check", "in", "--fix", "-o", "in/out")
    assert "lies in in" in refused("check", "in", "--fix", "-o", "in")
    assert "is an input" in refused("check", "in/a.xml", "--fix", "-o", "in")
    assert "is no folder" in refused("check", "in", "--fix", "-o", "out.xml")
    assert "is no folder" in refused("check", "in", "--fix", "-o", "-")
    (folder / "out").mkdir()
    (folder / "out/a.xml").write_text("mine")
    assert "--overwrite" in refused("check", "in", "--fix", "-o", "out")
    assert run("check", "in", "--fix", "-o", "out", "--overwrite").code == 0
    (folder / "out/a.xml").unlink()
    (folder / "out/a.xml").symlink_to("../in/a.xml")
    assert "is an input" in refused("check", "in", "--fix", "-o", "out", "--overwrite")


def test_nothing_is_repaired_where_the_baseline_has_no_place(folder: Path, refused: Callable[..., str]) -> None:
    of_voc(folder, SOUND, ("cat", (480, 20, 520, 90), ""))
    (folder / "circle").symlink_to("circle")
    assert "cannot be made a folder" in refused("check", "in", "--fix", "-o", "out", "--write-baseline", "circle")
    assert not (folder / "out").exists()


def test_copies_never_leave_their_folder(run: Any, folder: Path) -> None:
    """A list may lead anywhere; its files are laid out below the folder that all have in common."""
    of_voc(folder, SOUND, ("cat", (480, 20, 520, 90), ""))
    (folder / "Annotations").mkdir()
    (folder / "in/a.xml").rename(folder / "Annotations/a.xml")
    (folder / "ImageSets/Main").mkdir(parents=True)
    (folder / "ImageSets/Main/train.txt").write_text("a\n../in/../Annotations/a\n")
    before = {path for path in folder.parent.rglob("*") if "out" not in path.parts}
    run("check", "ImageSets/Main/train.txt", "--fix", "-o", "out")
    assert (folder / "out/Annotations/a.xml").is_file()
    assert {path for path in folder.parent.rglob("*") if "out" not in path.parts} == before


def test_files_that_cannot_be_rewritten_are_said(run: Any, folder: Path) -> None:
    from tests.readers.annotations.other_tools import EXAMPLE, example, record

    boxes = {f"image/object/bbox/{side}": [value, value] for side, value in (("xmin", 0.5), ("xmax", 0.5))}
    (folder / "t.tfrecord").write_bytes(record(example({**EXAMPLE, **boxes})))
    outcome = run("check", "t.tfrecord", "--fix", "-o", "out")
    assert "Not copied: t.tfrecord: is binary" in outcome.out
    assert "Not repaired: its file is binary" in outcome.out or "edges is lost" in outcome.out
    assert not (folder / "out/t.tfrecord").exists()
    source = of_voc(folder, SOUND, ("cat", (480, 20, 520, 90), ""))
    source.write_bytes(source.read_text().encode("utf-16"))
    assert "UTF-16" in run("check", "in", "--fix", "-o", "out").out
    assert (folder / "out/a.xml").read_bytes() == source.read_bytes()


def test_a_photo_of_wider_face_keeps_its_row_of_zeros(run: Any, folder: Path) -> None:
    source = write(folder / "in", "wider-face", "x/a.jpg\n2\n0 0 0 0 1 0 0 0 0 0 \n8 8 40 40 0 0 0 0 0 0 \n")
    run("check", source, "--fix", "-o", "out")
    assert (folder / "out" / source.name).read_text() == "x/a.jpg\n1\n8 8 40 40 0 0 0 0 0 0 \n"


def test_images_that_cannot_be_told_apart_stay(run: Any, folder: Path) -> None:
    things = [Thing(1, 0, (300.0, 100.0, 400.0, 200.0)), Thing(2, 0, (480.0, 20.0, 520.0, 90.0))]
    twice = coco(things).replace(
        '"images": [', f'"images": [{{"id": 8, "file_name": "a.jpg", "width": {WIDTH}, "height": {HEIGHT}}}, '
    )
    source = write(folder / "in", "coco", twice)
    outcome = run("check", source, "--fix", "-o", "out")
    assert (folder / "out/a.json").read_bytes() == source.read_bytes()
    assert outcome.out.count("Not repaired: ") == 1
