"""What is not read, but known for what it is: annotations of other tools, and how to convert each of them.

A row of the table says how the beginning of a file tells what it is, what that is called, and the remedy.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations.folders import beginning
from ssdlossdbg.readers.annotations.text_rows import NUMBER, PHOTO
from ssdlossdbg.readers.what_it_is import what_it_is

# How much of a file is looked at.
LOOKED_AT = 65536
VOC, YOLO, COCO = "Pascal VOC XML", "YOLO rows", "COCO JSON"


@dataclass(frozen=True)
class Foreign:
    """A format that is not read.

    Attributes:
        what: what it is called, after "is".
        fix: how to convert it.
        told_by: whether a file is of it, by what it begins with, as bytes and as text.
    """

    what: str
    fix: str
    told_by: Callable[[bytes, str], bool]


def foreign(path: Path) -> InputError | None:
    """The error that names a file for what it is; None where it is nothing that is known."""
    return what_it_is(path, beginning(path)) or foreign_annotations(path)


def foreign_annotations(path: Path) -> InputError | None:
    """The error that names a file as annotations of a kind that is not read; None where it is none that is known."""
    data = beginning(path, LOOKED_AT)
    text = data.decode("utf-8-sig", errors="replace").strip()
    found = next((each for each in TABLE if each.told_by(data, text)), None)
    return InputError(path, f"is {found.what}, which is not read here", found.fix) if found else None


def _json(*keys: str, without: tuple[str, ...] = ("images", "categories")) -> Callable[[bytes, str], bool]:
    """Whether JSON has all of some keys, `a|b` being either, and not all of others."""

    def told(_: bytes, text: str) -> bool:
        named = set(re.findall(r'"([^"\\\n]{1,60})"\s*:', text))
        return (
            text[:1] in ("{", "[") and not named.issuperset(without) and all(named & {*key.split("|")} for key in keys)
        )

    return told


def _root(pattern: str) -> Callable[[bytes, str], bool]:
    """Whether XML has a root that a pattern matches."""
    expression = re.compile(rf"(?:<\?[^>]*>|<!--.*?-->|\s)*<(?:{pattern})", re.DOTALL)
    return lambda _, text: bool(expression.match(text))


def _lines(pattern: str) -> Callable[[bytes, str], bool]:
    """Whether text begins with a line, or with lines, as a pattern says."""
    expression = re.compile(rf"(?:{pattern})[ \t\r]*(?:\n|$)", re.IGNORECASE)
    return lambda _, text: bool(expression.match(text))


def _titles(*names: str) -> Callable[[bytes, str], bool]:
    """Whether a CSV has all of some titles, `a|b` being either."""

    def told(_: bytes, text: str) -> bool:
        titles = {title.strip().strip('"').casefold() for title in text.partition("\n")[0].split(",")}
        return all(titles & {*name.split("|")} for name in names)

    return told


TABLE: tuple[Foreign, ...] = (
    Foreign(
        "a project of the VGG Image Annotator (VIA)",
        f"Export it from VIA as {COCO}.",
        _json("regions", "shape_attributes|region_attributes|file_attributes|_via_img_metadata"),
    ),
    Foreign(
        "a CSV of the VGG Image Annotator (VIA)", f"Export it from VIA as {COCO}.", _titles("region_shape_attributes")
    ),
    Foreign(
        "Label Studio JSON",
        f"Export it from Label Studio as {COCO}, {VOC} or YOLO.",
        _json("annotations|completions|result", "rectanglelabels|from_name|label_config|original_width"),
    ),
    Foreign(
        "Label Studio JSON of the short form (JSON-MIN)",
        f"Export it from Label Studio as {COCO}, {VOC} or YOLO.",
        _json("rectanglelabels"),
    ),
    Foreign(
        "Supervisely JSON",
        f"Export it with Supervisely's app for {VOC} or COCO.",
        _json("objects", "classTitle|exterior"),
    ),
    Foreign("VoTT JSON", f"Export it from VoTT as {VOC}.", _json("asset", "regions")),
    Foreign("BDD100K JSON", "Convert it with bdd100k's `python -m bdd100k.label.to_coco`.", _json("labels", "box2d")),
    Foreign("Cityscapes JSON", f"Convert its polygons to {COCO}.", _json("objects", "polygon", "imgHeight|imgWidth")),
    Foreign(
        "Create ML JSON", f"Convert its centres and sizes, in pixels, to {COCO}.", _json("annotations", "coordinates")
    ),
    Foreign(
        "CrowdHuman's odgt, a line of JSON an image", f"Convert the boxes of its gtboxes to {COCO}.", _json("gtboxes")
    ),
    Foreign("a SageMaker Ground Truth manifest", f"Convert it to {COCO}.", _json("source-ref")),
    Foreign(
        "Datumaro JSON",
        "Convert it: `datum convert -f coco_instances`.",
        _json("items", "categories", "annotations", without=("images",)),
    ),
    Foreign(
        "a list of detections in COCO's result format",
        "Name the annotations, with `images` and `categories`.",
        lambda data, text: text[:1] == "[" and _json("image_id", "bbox", "score")(data, text),
    ),
    Foreign(
        "a list of COCO annotations without its images and categories",
        "Name the whole file: an object with `images`, `annotations` and `categories`.",
        lambda data, text: text[:1] == "[" and _json("image_id", "category_id", "bbox")(data, text),
    ),
    Foreign(
        "dlib's imglab XML", f"Convert its boxes, top left width height, to {VOC}.", _root(r"dataset\s*>.*?<images")
    ),
    Foreign(
        "a CSV with a row an object, of no known tool",
        f"Convert it to {COCO}.",
        _titles("xmin|x_min|x1|bbox_x|bbox", "frame|image|image_name|image_id|filename|file_name|image_path|path|file"),
    ),
    Foreign(
        "keras-retinanet's CSV (photo,x1,y1,x2,y2,class)",
        f"Convert it to {COCO}.",
        _lines(rf"{PHOTO},(?:{NUMBER},){{4}}[^,\n]+|{PHOTO},,,,,"),
    ),
    Foreign(
        "MOT Challenge ground truth (frame,id,left,top,width,height,...)",
        f"Convert it to {COCO}.",
        _lines(rf"(?:{NUMBER},){{6,9}}{NUMBER}"),
    ),
    Foreign(
        "a list of photos, each with a number (MXNet's or Caffe's list)",
        f"Name the annotations: {VOC}, {COCO} or YOLO.",
        _lines(rf"{PHOTO}[ \t]+\d+|\d+\t(?:{NUMBER}\t)+{PHOTO}"),
    ),
    Foreign(
        "DOTA labels, four corners an object",
        "Convert them to upright boxes: the least and largest x and y.",
        _lines(rf"(?:imagesource:[^\n]*\n)?(?:gsd:[^\n]*\n)?(?:{NUMBER}[ \t]+){{8}}[A-Za-z][^\n]*"),
    ),
)
