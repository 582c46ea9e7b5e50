"""`check --fix`: faults planted in sound files of each format, and what their copies hold then."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

WIDTH, HEIGHT = 512, 256
NUMBER = re.compile(r"-?\d+\.\d+|-?\d+")


@dataclass(frozen=True)
class Thing:
    """An object: its number in its file, its class, and its corners."""

    number: int
    label: int
    box: tuple[float, float, float, float]


Things = Sequence[Thing]
NAMES = ("cat", "dog", "face")


def voc(things: Things) -> str:
    objects = "".join(
        f"  <object><!-- {NAMES[t.label]} -->\n    <name>{NAMES[t.label]}</name>\n    <odd a='>'/>\n"
        f"    <bndbox><ymin>{t.box[1]:g}</ymin>"
        f"<xmin> {t.box[0]:g} </xmin><xmax>{t.box[2]:g}</xmax><ymax>{t.box[3]:g}</ymax></bndbox>\n  </object>\n"
        for t in things
    )
    return (
        '<?xml version="1.0" encoding="iso-8859-1"?>\n<annotation><owner>J\xfcrgen</owner><filename>a.jpg</filename>\n'
        f"<size><width>{WIDTH}</width><height>{HEIGHT}</height><depth>3</depth></size>\n{objects}</annotation>\n"
    )


def coco(things: Things) -> str:
    entries = ",\n ".join(
        f'{{"id": {t.number}, "category_id": {t.label}, "note": "{{[,", '
        f'"bbox": [{x1:.2f}, {y1:.1f},{x2 - x1:.2f}, {y2 - y1:.1f}], "image_id": 7}}'
        for t in things
        for x1, y1, x2, y2 in [t.box]
    )
    names = json.dumps([{"id": i, "name": name} for i, name in enumerate(NAMES)])
    return (
        f'{{"info": "B\xe4r", "annotations": [ {entries} ],\r\n"categories": {names},\n'
        f'"images": [{{"id": 7, "file_name": "a.jpg", "width": {WIDTH}, "height": {HEIGHT}}}]}}'
    )


def yolo(things: Things) -> str:
    rows = (
        f"{t.label}\t{(x1 + x2) / 2 / WIDTH:.10f} {(y1 + y2) / 2 / HEIGHT:.10f}  "
        f"{(x2 - x1) / WIDTH:.10f} {(y2 - y1) / HEIGHT:.10f}"
        for t in things
        for x1, y1, x2, y2 in [t.box]
    )
    return "\r\n".join(rows) + "\r\n\r\n"


def open_images(things: Things) -> str:
    rows = "".join(
        f"a,{NAMES[t.label]},{x1 / WIDTH:.10f},{x2 / WIDTH:.10f},{y1 / HEIGHT:.10f},{y2 / HEIGHT:.10f},0\n"
        for t in things
        for x1, y1, x2, y2 in [t.box]
    )
    return f"ImageID,LabelName,XMin,XMax,YMin,YMax,IsGroupOf\n{rows}"


def labelme(things: Things) -> str:
    shapes = [
        {"label": NAMES[t.label], "points": [[t.box[2], t.box[1]], [t.box[0], t.box[3]]], "shape_type": "rectangle"}
        for t in things
    ]
    whole = {"version": "5", "shapes": shapes, "imagePath": "a.jpg", "imageHeight": HEIGHT, "imageWidth": WIDTH}
    return json.dumps(whole, indent=2)


def cvat(things: Things) -> str:
    boxes = "".join(
        f"    <box label='{NAMES[t.label]}' xtl='{t.box[0]:.2f}' ytl=\"{t.box[1]:.2f}\" "
        f"xbr='{t.box[2]:.2f}' ybr='{t.box[3]:.2f}'>\n"
        '      <attribute name="seen">yes</attribute>\n    </box>\n'
        for t in things
    )
    image = f'<image id="0" name="a.jpg" width="{WIDTH}" height="{HEIGHT}">'
    return f"<annotations><version>1.1</version>\n  {image}\n{boxes}  </image>\n</annotations>\n"


def kitti(things: Things) -> str:
    return "".join(
        f"{NAMES[t.label]} 0.00 0 -1.58 {t.box[0]:.2f} {t.box[1]:.2f} {t.box[2]:.2f} {t.box[3]:.2f} "
        "1.6 1.7 3.6 -0.6 1.7 46.7 -1.5\n"
        for t in things
    )


def visdrone(things: Things) -> str:
    return "".join(
        f"{t.box[0]:.0f},{t.box[1]:.0f},{t.box[2] - t.box[0]:.0f},{t.box[3] - t.box[1]:.0f},1,{t.label + 1},0,0,\n"
        for t in things
    )


def _faces(things: Things, more: str) -> str:
    boxes = ((x1, y1, x2 - x1, y2 - y1) for x1, y1, x2, y2 in (thing.box for thing in things))
    return "".join(f"{' '.join(f'{number:.0f}' for number in box)}{more}\n" for box in boxes)


def wider_face(things: Things) -> str:
    rows = _faces(things, " 0 0 0 0 0 0 ")
    return f"x/a.jpg\n{len(things)}\n{rows}x/b.jpg\n0\n0 0 0 0 0 0 0 0 0 0 \n"


def retinaface(things: Things) -> str:
    return f"# x/a.jpg\n{_faces(things, '')}# x/b.jpg\n"


def tf_csv(things: Things) -> str:
    rows = "".join(f'a.jpg,{WIDTH},{HEIGHT},"{NAMES[t.label]}",{",".join(f"{v:g}" for v in t.box)}\n' for t in things)
    return f"filename,width,height,class,xmin,ymin,xmax,ymax\n{rows}"


def photo_list(things: Things) -> str:
    return "a.jpg " + " ".join(",".join(f"{v:g}" for v in (*t.box, t.label)) for t in things) + "\nb.jpg\n"


# Where the file lies, where the photo does, how it is written, and whether a box in it can end before it begins.
FORMATS: dict[str, tuple[str, str, Callable[[Things], str], bool]] = {
    "voc": ("Annotations/a.xml", "JPEGImages/a.jpg", voc, True),
    "coco": ("a.json", "a.jpg", coco, True),
    "yolo": ("labels/a.txt", "images/a.jpg", yolo, True),
    "open-images": ("a.csv", "a.jpg", open_images, True),
    "labelme": ("a.json", "a.jpg", labelme, False),
    "cvat": ("a.xml", "a.jpg", cvat, True),
    "kitti": ("label_2/a.txt", "image_2/a.jpg", kitti, True),
    "visdrone": ("annotations/a.txt", "images/a.jpg", visdrone, True),
    "wider-face": ("wider_face_train_bbx_gt.txt", "images/x/a.jpg", wider_face, True),
    "retinaface": ("label.txt", "images/x/a.jpg", retinaface, True),
    "tf-csv": ("a.csv", "a.jpg", tf_csv, True),
    "photo-list": ("list.txt", "a.jpg", photo_list, True),
}


def sound(random: random.Random, faces: bool) -> list[Thing]:
    """Boxes on a grid, none near another, of multiples of eight."""
    cells = random.sample(range(32), random.randrange(6, 16))
    return [
        Thing(
            place,
            2 if faces else random.randrange(2),
            (8.0 + x * 64, 8.0 + y * 64, x * 64 + random.choice((40.0, 48.0)), y * 64 + random.choice((40.0, 56.0))),
        )
        for place, cell in enumerate(cells)
        for x, y in [(cell % 8, cell // 8)]
    ]


def plant(random: random.Random, things: list[Thing], swaps: bool) -> tuple[list[Thing], list[Thing], list[str]]:
    """The things with some that are wrong, what they are to be in the copy, and what is to be done to them."""
    wrong: list[Thing] = []
    right: list[Thing] = []
    done: list[str] = []
    for thing in things:
        x1, y1, x2, y2 = thing.box
        faults = ("clip", "swap", "clip", "swap") if x1 > WIDTH - 64 else ("none", "none", "drop", "twice")
        fault = random.choice(faults)
        if fault == "clip" and x2 > WIDTH - 64:
            wrong.append(replace(thing, box=(x1, y1, WIDTH + 4.0, y2)))
            right.append(replace(thing, box=(x1, y1, float(WIDTH), y2)))
            done.append("clip")
        elif fault == "swap" and swaps and min(x1 + x2, 2 * x2 - x1) > WIDTH + 6:
            wrong.append(replace(thing, box=(x2, y1, x1, y2)))
            right.append(thing)
            done.append("swap")
        elif fault == "drop":
            wrong += [thing, replace(thing, number=thing.number + 100, box=(x1, y1, x1, y1))]
            right.append(thing)
            done.append("drop")
        elif fault == "twice":
            wrong += [thing, replace(thing, number=thing.number + 200)]
            right.append(thing)
            done.append("dedupe")
        else:
            wrong.append(thing)
            right.append(thing)
    return wrong, right, done


def plain(text: str) -> str:
    """A text in which numbers are spelt in one way."""
    return NUMBER.sub(lambda match: f"{float(match[0]):.9g}", text)


def write(folder: Path, name: str, text: str) -> Path:
    place, photo, _, _ = FORMATS[name]
    for each in (folder / place, folder / photo):
        each.parent.mkdir(parents=True, exist_ok=True)
    (folder / place).write_bytes(text.encode("latin-1" if name == "voc" else "utf-8"))
    Image.new("RGB", (WIDTH, HEIGHT)).save(folder / photo)
    return folder / place


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
