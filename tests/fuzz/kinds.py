"""What the commands read: sound files of each kind, and the command lines that read them."""

from __future__ import annotations

import functools
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from tests.fuzz.headers import captured_file, history_file
from tests.fuzz.mutators import save_tensors
from tests.readers.annotations import other_tools
from tests.readers.annotations.other_tools import FILES as OTHER_TOOLS
from tests.readers.annotations.other_tools import PHOTOS as THEIR_PHOTOS

OLD = "old.out"  # a file that is no input of any command


@dataclass(frozen=True)
class Link:
    """What a file may be other than bytes: a symbolic link; a pipe where it leads nowhere."""

    target: str = ""


@dataclass(frozen=True)
class Kind:
    """A kind of input.

    Attributes:
        files: the names of those that are changed, one or more at a time.
        beside: the names of those that stay mostly sound.
        lines: command lines that read them.
    """

    files: tuple[str, ...]
    beside: tuple[str, ...]
    lines: tuple[str, ...]


# --- sound files -----------------------------------------------------------------------------------------------------

LEVELS = """[
    { feature_map = 4, stride = 16, min_size = 16, max_size = 30, shapes = ["min", "mean", 2, "1/2"] },
    { feature_map = [2, 2], shapes = [[40, 40], [60, 30]] },
    { feature_map = 1, shapes = [[60, 60]] },
]"""
PRIORS = 4 * 4 * 4 + 2 * 2 * 2 + 1
CLASSES = ("cat", "dog", "cup", "coin")
BOXES = ((8, 6, 40, 30), (30, 20, 70, 55), (1, 1, 12, 10))


def _voc(*names: str) -> str:
    tags = ("xmin", "ymin", "xmax", "ymax")
    objects = "".join(
        f"<object>\n<name>{name}</name><pose>Left</pose><truncated>0</truncated><difficult>0</difficult>\n<bndbox>"
        + "".join(f"<{tag}>{value}</{tag}>" for tag, value in zip(tags, box, strict=True))
        + "</bndbox>\n</object>\n"
        for name, box in zip(names, BOXES, strict=False)
    )
    return (
        "<annotation>\n<folder>x</folder><filename>a.jpg</filename>\n"
        f"<size><width>80</width><height>60</height><depth>3</depth></size>\n{objects}</annotation>\n"
    )


def _coco() -> str:
    boxes = [[x, y, right - x, bottom - y] for x, y, right, bottom in BOXES]
    return json.dumps(
        {
            "images": [{"id": i, "file_name": f"{name}.jpg", "width": 80, "height": 60} for i, name in enumerate("ab")],
            "annotations": [
                {"id": i, "image_id": i % 2, "category_id": 1 + i, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
                for i, box in enumerate(boxes)
            ],
            "categories": [{"id": 1 + i, "name": name} for i, name in enumerate(CLASSES)],
        }
    )


MINE = """base = "ssd.pytorch"
codebase = "mine"
[match]
threshold = 0.4
forced = "best-prior"
[mining]
ratio = 2
[loss]
smooth_l1_beta = 0.5
[targets]
label_offset = 1
[codec]
variances = [0.1, 0.1, 0.2, 0.2]
[loader]
unlisted = "raise"
smallest_side = 2
[detect]
nms_iou = 0.4
[weight_decay]
rate = 0.0005
"""
PROJECT = """[project]
name = "x"
[tool.ssdlossdbg]
fail-on = "never"
classes = ["cat", "dog", "cup", "coin"]
[tool.ssdlossdbg.match]
threshold = 0.4
top = 3
[tool.ssdlossdbg.check]
select = ["BOX"]
notes = true
[tool.ssdlossdbg.check.per-file-ignores]
"voc/**/a.xml" = ["BOX001", "MAT"]
"b.xml" = "LBL"
[tool.ssdlossdbg.audit]
config = "small.toml"
[tool.ssdlossdbg.loss]
neg-pos = 2.0
dialect = "mine.toml"
"""
OPEN_IMAGES = """ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf
a,x,/m/01,1,0.1,0.5,0.1,0.5,0,0,0
a,x,/m/02,1,0.4,0.9,0.3,0.9,1,0,1
b,x,/m/01,1,0.0,0.2,0.0,0.2,0,1,0
"""
BASELINE = """{
  "ssdlossdbg_baseline": 1,
  "known": [
    {"file": "voc/Annotations/a.xml", "code": "MAT006", "label": "cup", "box": [1.0, 1.0, 12.0, 10.0]},
    {"file": "coco/instances.json", "code": "BOX001", "image": "a.jpg", "label": "cat", "count": 2}
  ]
}
"""
TEXT_FILES: dict[str, str] = {
    "known.json": BASELINE,
    "small.toml": f"image_size = 64\nclip = 'none'\nlevels = {LEVELS}\n",
    "own.toml": 'base = "small.toml"\noffset = 0.5\nrounding = "none"\n',
    "own.json": json.dumps({"base": "small.toml", "image_size": [64, 64], "clip": "cxcywh"}),
    "mine.toml": MINE,
    "mine.json": json.dumps({"base": "mine.toml", "mining": {"ratio": 3}, "detect": {"score_threshold": 0.1}}),
    "names.txt": "\n".join(CLASSES),
    "line.txt": ",".join(CLASSES),
    "pyproject.toml": PROJECT,
    "voc/Annotations/a.xml": _voc("cat", "dog", "cup"),
    "voc/Annotations/b.xml": _voc("coin", "cat"),
    "voc/ImageSets/Main/train.txt": "a\nb\n",
    "voc/ImageSets/Main/cat_train.txt": "a  1\nb -1\n",
    "coco/instances.json": _coco(),
    "yolo/data.yaml": "path: .\ntrain: images\nval: val.txt\nnc: 4\nnames: [cat, dog, cup, coin]\n",
    "yolo/named.yaml": "train: val.txt\nnames:\n  0: cat\n  1: dog\n  2: cup\n  3: coin\n",
    "yolo/val.txt": "images/a.jpg\n./images/b.jpg\n",
    "yolo/classes.txt": "\n".join(CLASSES),
    "yolo/labels/a.txt": "0 0.5 0.5 0.4 0.4\n1 0.25 0.3 0.2 0.1\n",
    "yolo/labels/b.txt": "3 0.6 0.5 0.3 0.9\n2 0.1 0.1 0.1 0.1 0.2 0.2\n",
    "oi/train-annotations-bbox.csv": OPEN_IMAGES,
    "oi/class-descriptions-boxable.csv": '/m/01,Cat\n/m/02,"Dog, small"\n',
    OLD: "written before\n",
    **{f"{name}/{place}": text for name, (place, text) in OTHER_TOOLS.items() if isinstance(text, str)},
    "photo-list/voc_classes.txt": "cat\ndog\n",
    "video/annotations.xml": other_tools.VIDEO,
}


def _photo(ending: str, turned: int = 1) -> bytes:
    photo, buffer, exif = Image.radial_gradient("L").resize((80, 60)).convert("RGB"), io.BytesIO(), Image.Exif()
    exif[0x0112] = turned
    photo.save(buffer, {"jpg": "JPEG", "png": "PNG"}[ending], exif=exif)
    return buffer.getvalue()


def _tensors(stem: str) -> Any:
    generator = torch.Generator().manual_seed(1)
    loc = torch.randn(2, PRIORS, 4, generator=generator)
    conf = torch.randn(2, PRIORS, 1 + len(CLASSES), generator=generator)
    centres = torch.rand(PRIORS, 4, generator=generator) * 0.4 + 0.3
    rows = [torch.tensor([[0.1, 0.1, 0.5, 0.5, 0], [0.4, 0.3, 0.9, 0.9, 1]]), torch.tensor([[0.0, 0.0, 0.2, 0.2, 3]])]
    labels = (torch.arange(2 * PRIORS).reshape(2, PRIORS) % 9 - 4).clamp(min=0)
    return {
        "preds": (loc, conf),
        "named": {"loc": loc, "conf": conf, "priors": centres},
        "vision": {"bbox_regression": loc, "cls_logits": conf},
        "rows": rows,
        "dicts": [{"boxes": each[:, :4] * 64, "labels": each[:, 4].long() + 1} for each in rows],
        "padded": {"targets": torch.cat([rows[0][None], torch.zeros(1, 2, 5)])},
        "encoded": {"labels": labels, "gt_locations": loc * 0.5},
        "pair": (labels, loc * 0.5),
        "priors": centres,
        "weights": {"vgg.0.weight": torch.ones(3, 3), "vgg.0.bias": torch.zeros(3), "bn.num": torch.tensor(3)},
    }[stem]


@functools.cache
def sound_file(name: str) -> bytes:
    """What a file of a kind holds before it is changed."""
    if name in TEXT_FILES:
        return TEXT_FILES[name].encode()
    path = Path(name)
    if name == "tfrecord/train.tfrecord":
        return bytes(OTHER_TOOLS["tfrecord"][1])  # type: ignore[arg-type]
    if path.suffix in (".jpg", ".png"):
        return _photo(path.suffix[1:], 6 if path.stem == "b" else 1)
    if path.parent.name == "history":
        return history_file(path.stem)
    if path.parent.name == "run":
        boxes = {f"targets_{index}": image for index, image in enumerate(_tensors("rows"))}
        return captured_file(int(path.stem.removeprefix("step")), _tensors("named") | boxes)
    return save_tensors(path.suffix, _tensors(path.stem))


# --- kinds and their commands -----------------------------------------------------------------------------------------


def _dataset(home: str, photo: str, annotation: str, *named: str) -> tuple[str, ...]:
    """The lines of every command that reads a dataset, one for each name that it goes by."""
    each = (f"{command} {name}" for name in (home, *named) for command in ("check", "audit", "audit", "anchors --fit"))
    match = f"match {home}/{photo} {home}/{annotation}"
    fixes = (
        f"check {home} --fix -o fixed",
        f"check {home} --fix -o fixed",
        f"check {home}/{annotation} --fix -o fixed",
    )
    return (match, match, f"check {home}/{annotation}", *fixes, *each)


def _batch(predictions: str, targets: str) -> tuple[str, ...]:
    both = f"{predictions} {targets}"
    identify = f"identify {both} --printed 2.5 --changes 0 --seconds 1"
    return (f"loss {both}", f"detect {both}", f"detect {predictions}", f"compare {both}", f"check {both}", identify)


def _targets(*names: str) -> Kind:
    return Kind(names, ("preds.pt", *SMALL), tuple(line for name in names for line in _batch("preds.pt", name)))


SMALL = ("small.toml",)
RUN = ("run/step0000001.safetensors", "run/step0000002.safetensors")
HISTORY = tuple(f"hist/history/{name}" for name in ("steps.rows", "groups.rows", "objects.rows", "images.jsonl"))
READ_CAPTURED = ("loss", "detect", "compare", "check", "identify --seconds 1")
VOC = ("voc/Annotations/a.xml", "voc/Annotations/b.xml", "voc/JPEGImages/a.jpg", "voc/JPEGImages/b.jpg")
YOLO = ("yolo/labels/a.txt", "yolo/labels/b.txt", "yolo/images/a.jpg", "yolo/images/b.jpg", "yolo/classes.txt")
VOC_LINES = _dataset("voc", "JPEGImages/a.jpg", "Annotations/a.xml")
EVERY_MATCH = ("match voc/JPEGImages/a.jpg voc/Annotations/a.xml", "anchors", "audit voc", "anchors --fit voc")
BATCH = _batch("preds.pt", "rows.pt")
DATA_YAML = ("check yolo/data.yaml", "audit yolo/data.yaml", "audit yolo/named.yaml", "anchors --fit yolo/data.yaml",
             "match yolo/images/a.jpg yolo/labels/a.txt --classes yolo/data.yaml")  # fmt: skip
LISTS = ("audit voc/ImageSets/Main/train.txt", "audit voc/ImageSets/Main/cat_train.txt", "audit yolo/val.txt",
         "anchors --fit voc/ImageSets/Main/train.txt", "check voc/ImageSets/Main/train.txt")  # fmt: skip
PHOTO_LINES = (
    *VOC_LINES[:1] * 3,
    "check voc",
    "audit voc --gallery 2 -o pictures",
    "audit voc",
    "loss preds.pt rows.pt --image voc/JPEGImages/a.jpg --image voc/JPEGImages/b.jpg -o pictures",
    "detect preds.pt --image voc/JPEGImages/a.jpg -o pictures",
    "anchors --image voc/JPEGImages/a.jpg -o p.png",
)

KINDS: dict[str, Kind] = {
    "voc": Kind(VOC[:2], (*VOC[2:], *SMALL), VOC_LINES),
    "coco": Kind(
        ("coco/instances.json",), ("coco/a.jpg", "coco/b.jpg", *SMALL), _dataset("coco", "a.jpg", "instances.json")
    ),
    "yolo": Kind(YOLO[:2], (*YOLO[2:], *SMALL), _dataset("yolo", "images/a.jpg", "labels/a.txt")),
    "data.yaml": Kind(("yolo/data.yaml", "yolo/named.yaml"), (*YOLO, "yolo/val.txt", *SMALL), DATA_YAML),
    "open-images": Kind(
        ("oi/train-annotations-bbox.csv", "oi/class-descriptions-boxable.csv"),
        ("oi/a.jpg", *SMALL),
        _dataset("oi", "a.jpg", "train-annotations-bbox.csv", "oi/train-annotations-bbox.csv"),
    ),
    **{
        name: Kind(
            (f"{name}/{place}",),
            (f"{name}/{THEIR_PHOTOS.get(name, 'a.jpg')}", *beside, *SMALL),
            _dataset(name, THEIR_PHOTOS.get(name, "a.jpg"), place),
        )
        for name, place, *beside in (
            *((name, place) for name, (place, text) in OTHER_TOOLS.items() if name not in ("photo-list", "tfrecord")),
            ("photo-list", OTHER_TOOLS["photo-list"][0], "photo-list/voc_classes.txt"),
            ("tfrecord", "train.tfrecord"),
            ("video", "annotations.xml"),
        )
    },
    "lists": Kind(
        ("voc/ImageSets/Main/train.txt", "voc/ImageSets/Main/cat_train.txt", "yolo/val.txt"),
        (*VOC, *YOLO, *SMALL),
        LISTS,
    ),
    "photos": Kind(VOC[2:], (*VOC[:2], "preds.pt", "rows.pt", *SMALL), PHOTO_LINES),
    "classes": Kind(
        ("names.txt", "line.txt", "yolo/data.yaml"),
        (*VOC, *YOLO, "preds.pt", "rows.pt", *SMALL),
        tuple(
            f"{line} --classes {names}"
            for line in (*VOC_LINES, "audit yolo", "check yolo", *BATCH)
            for names in ("names.txt", "line.txt", "yolo/data.yaml")
        ),
    ),
    **{
        f"predictions{end}": Kind(
            (f"preds{end}", f"named{end}", f"vision{end}"),
            ("rows.pt", "encoded.pt", *SMALL),
            (
                *_batch(f"preds{end}", "rows.pt"),
                *_batch(f"named{end}", "rows.pt"),
                *_batch(f"vision{end}", "rows.pt"),
                *_batch(f"named{end}", "encoded.pt"),
            ),
        )
        for end in (".pt", ".npz", ".safetensors")
    },
    "targets": _targets("rows.pt", "dicts.pt", "padded.npz", "padded.safetensors"),
    "encoded": _targets("encoded.pt", "pair.pt", "encoded.npz", "encoded.safetensors"),
    "priors": Kind(
        ("priors.pt", "priors.npy", "priors.npz", "priors.safetensors"),
        (*VOC, "preds.pt", "rows.pt"),
        tuple(
            f"{line} --image-size 64 --config priors{end}"
            for end in (".pt", ".npy", ".npz", ".safetensors")
            for line in (*EVERY_MATCH, *BATCH)
        ),
    ),
    "weights": Kind(
        ("weights.pt", "weights.npz", "weights.safetensors"),
        ("preds.pt", "rows.pt", *SMALL),
        tuple(
            f"loss preds.pt rows.pt --dialect caffe --weights weights{end}" for end in (".pt", ".npz", ".safetensors")
        ),
    ),
    "prior configs": Kind(
        ("own.toml", "own.json", "small.toml"),
        (*VOC, "preds.pt", "rows.pt"),
        tuple(
            f"{line} --config {name}"
            for name in ("own.toml", "own.json", "small.toml", "small.toml")
            for line in (*EVERY_MATCH, *BATCH)
        ),
    ),
    "dialects": Kind(
        ("mine.toml", "mine.json"),
        (*VOC, "preds.pt", "rows.pt", "encoded.pt", *SMALL),
        tuple(
            line
            for name in ("mine.toml", "mine.json")
            for line in (
                *(f"{line} --dialect {name}" for line in (*EVERY_MATCH, "check voc", *BATCH[:3], BATCH[4])),
                f"loss preds.pt encoded.pt --dialect {name}",
                f"dialects {name}",
                f"dialects caffe {name}",
                f"compare preds.pt rows.pt --dialects {name},caffe",
                f"{EVERY_MATCH[0]} --dialects {name}",
            )
        ),
    ),
    "pyproject": Kind(
        ("pyproject.toml",),
        (*VOC, "preds.pt", "rows.pt", "mine.toml", *SMALL),
        (*EVERY_MATCH, "check voc", *BATCH, "explain BOX001", "dialects", "anchors --list"),
    ),
    "baselines": Kind(
        ("known.json",),
        (*VOC, "coco/instances.json", *SMALL),
        (
            *(f"check {names} --baseline known.json" for names in ("voc", "coco", "voc coco --notes")),
            "check voc --baseline known.json --write-baseline new.json",
            "check voc coco --write-baseline new.json",
        ),
    ),
    "histories": Kind(
        HISTORY,
        (),
        (
            "history hist",
            "history hist --top 2 --image-size 64",
            "history hist --format json --no-causes",
            "history hist --format html",
            "history hist --csv table.csv --table object_samples --image-size 64",
            "history hist --csv table.csv --table group_samples",
        ),
    ),
    "two batches": Kind(
        ("rows.pt", "dicts.pt", "named.npz", "preds.pt", "encoded.pt"),
        SMALL,
        (
            "diff preds.pt rows.pt preds.pt dicts.pt --config small.toml",
            "diff preds.pt named.npz --targets rows.pt",
            "diff rows.pt padded.npz --predictions preds.pt --config small.toml --format json",
            "diff preds.pt encoded.pt preds.pt pair.pt --top 2",
            "diff preds.pt rows.pt preds.pt encoded.pt --no-fail-on-change",
        ),
    ),
    "two of a kind": Kind(
        ("own.toml", "voc/Annotations/a.xml", "coco/instances.json", *RUN, *HISTORY[:2]),
        (*VOC[1:], *YOLO, *HISTORY[2:], "priors.pt", "priors.npy", "copy/history/steps.rows", *SMALL),
        (
            "diff own.toml small.toml",
            "diff small.toml own.toml --on voc --format json",
            "diff priors.pt priors.npy --image-size 64",
            "diff voc coco --config small.toml",
            "diff voc/Annotations/a.xml voc/Annotations/b.xml --config small.toml",
            f"diff {RUN[0]} {RUN[1]}",
            "diff hist copy",
            "diff run hist",
        ),
    ),
    "captured": Kind(RUN, (), (*(f"{command} {RUN[0]}" for command in READ_CAPTURED), "loss run", "loss run")),
    "attacks": Kind((), (), ()),  # as they are written in attacks.py
    "options": Kind(
        (),
        (
            *VOC,
            *YOLO,
            "coco/instances.json",
            "preds.pt",
            "rows.pt",
            "named.npz",
            "encoded.pt",
            "known.json",
            "mine.toml",
            "names.txt",
            "weights.pt",
            "priors.npy",
            *SMALL,
        ),
        (
            *VOC_LINES,
            *BATCH,
            "audit coco",
            "audit yolo",
            "explain BOX001",
            "explain",
            "dialects caffe",
            "manual saving",
            "anchors --list",
            "anchors",
            "loss named.npz encoded.pt",
        ),
    ),
    "names": Kind(
        (),
        (*VOC, *YOLO, "preds.pt", "rows.pt", *SMALL),
        (*VOC_LINES, "check yolo", "audit yolo", "check .", "audit .", *BATCH),
    ),
}
