"""Sound files of each format that `check --fix` repairs, and faults planted in them."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

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
