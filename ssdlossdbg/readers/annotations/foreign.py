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
from ssdlossdbg.readers.annotations.photo_files import ENDINGS

# How much of a file is looked at.
LOOKED_AT = 65536
PHOTO = rf"\S[^\n]*?(?:{'|'.join(map(re.escape, ENDINGS))})"
NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
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


def _tf_record(data: bytes, _: str) -> bool:
    """Whether data begins as a TFRecord of examples: a length, its checksum, then a message of features."""
    length = int.from_bytes(data[:8], "little")
    return len(data) > 16 and 0 < length < 2**32 and data[12:13] == b"\n" and b"image/" in data[12:]


TABLE: tuple[Foreign, ...] = (
    Foreign(
        "labelme JSON",
        "Convert it: `labelme2coco`, or labelme's own examples/bbox_detection/labelme2voc.py.",
        _json("shapes", "imagePath|imageData|imageHeight|shape_type"),
    ),
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
        "CVAT XML 1.1 (CVAT for images)",
        f"Export the task from CVAT as {VOC} 1.1 or COCO 1.0.",
        _root(r"annotations\s*>.*?<(?:version|meta|image|track)\b"),
    ),
    Foreign(
        "dlib's imglab XML", f"Convert its boxes, top left width height, to {VOC}.", _root(r"dataset\s*>.*?<images")
    ),
    Foreign(
        "a CSV of TensorFlow's tutorials (filename,width,height,class,xmin,ymin,xmax,ymax)",
        f"Convert it to {VOC}, a file an image, or to {COCO}.",
        _titles("filename", "class", "xmin", "ymin", "xmax", "ymax"),
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
        "KITTI labels",
        f"Convert its columns 5 to 8, left top right bottom in pixels, to {VOC} or YOLO.",
        _lines(rf"[A-Za-z_]\w*(?:[ \t]+{NUMBER}){{14,15}}"),
    ),
    Foreign(
        "VisDrone annotations",
        "Convert left,top,width,height of those with score 1 to YOLO or COCO.",
        _lines(r"(?:-?\d+,){7}-?\d+,?"),
    ),
    Foreign(
        "MOT Challenge ground truth (frame,id,left,top,width,height,...)",
        f"Convert it to {COCO}.",
        _lines(rf"(?:{NUMBER},){{6,9}}{NUMBER}"),
    ),
    Foreign(
        "WIDER FACE ground truth (wider_face_train_bbx_gt.txt)",
        f"Convert it to {VOC}: a photo, the number of faces, then left top width height and six flags a face.",
        _lines(rf"{PHOTO}[ \t\r]*\n[ \t]*\d+[ \t\r]*\n(?:[ \t]*{NUMBER}){{4,}}"),
    ),
    Foreign(
        "RetinaFace's label.txt",
        f"Convert it to {VOC}: `# photo`, then left top width height and landmarks a face.",
        _lines(rf"#[ \t]*{PHOTO}[ \t\r]*\n(?:[ \t]*{NUMBER}){{4,}}"),
    ),
    Foreign(
        "a list of bubbliiiing's (2007_train.txt: a photo, then x1,y1,x2,y2,class an object)",
        f"Name the {VOC} that it was made of (voc_annotation.py), or convert it.",
        _lines(rf"(?:{PHOTO}[ \t\r]*\n)*{PHOTO}(?:[ \t]+(?:{NUMBER},){{4}}\d+)+"),
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
    Foreign("a TFRecord", "Name the annotations that it was made of.", _tf_record),
    Foreign(
        "an LMDB database",
        "Name the list of photos and XML files that it was made of.",
        lambda data, _: data[16:20] == b"\xde\xc0\xef\xbe",
    ),
    Foreign(
        "an MXNet RecordIO file",
        "Name the annotations that it was made of.",
        lambda data, _: data[:4] == b"\x0a\x23\xd7\xce",
    ),
    Foreign("a MATLAB file", f"Convert it to {COCO} with scipy.io.loadmat.", lambda data, _: data[:6] == b"MATLAB"),
    Foreign("an HDF5 file", f"Export its boxes as {COCO}.", lambda data, _: data[:8] == b"\x89HDF\r\n\x1a\n"),
    Foreign("a Parquet file", f"Export its boxes as {COCO}.", lambda data, _: data[:4] == b"PAR1"),
    Foreign(
        "an archive",
        "Unpack it, and name the folder.",
        lambda data, _: data[:4] == b"PK\3\4" or data[:2] == b"\x1f\x8b",
    ),
)
