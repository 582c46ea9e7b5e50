"""Attacks that are known: what programs that read strangers' files once fell to, this one or others."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable

import numpy as np
import torch

from tests.fuzz.kinds import LEVELS, OLD, PRIORS, TEXT_FILES, Link, sound_file
from tests.fuzz.mutators import Touch, save_tensors

Files = dict[str, bytes | Link]
Attack = tuple[str, Callable[[], Files]]

HOSTILE = "a\x1b[31m\x1b]52;c;eA==\x07\x9b31m\u202eb\r\n::error::x\t\x7f"
MATCH = "match voc/JPEGImages/a.jpg voc/Annotations/a.xml --config small.toml"
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 80 60\n(executed) (w) file closefile\nshowpage\n%%EOF\n"
BOX = "<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>2</ymin><xmax>{}</xmax><ymax>40</ymax></bndbox></object>"


def _only(name: str, content: str | bytes | Link) -> Callable[[], Files]:
    return lambda: {name: content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content}


def _objects(*objects: str) -> str:
    size = "<size><width>80</width><height>60</height><depth>3</depth></size>"
    return f"<annotation>{size}{''.join(objects)}</annotation>"


def _config(**keys: str) -> Callable[[], Files]:
    given = {"image_size": "64", "levels": LEVELS, **keys}
    return _only("small.toml", "".join(f"{key} = {value}\n" for key, value in given.items()))


def _level(**keys: str) -> Callable[[], Files]:
    given = {"feature_map": "4", "min_size": "16", "shapes": '["min"]', **keys}
    return _config(levels=f"[{{ {', '.join(f'{key} = {value}' for key, value in given.items())} }}]")


def _saved(name: str, make: Callable[[], object]) -> Callable[[], Files]:
    return lambda: {name: save_tensors("." + name.rpartition(".")[2], make())}


def _pickled(ending: str) -> Callable[[], Files]:
    def made() -> Files:
        data, buffer = pickle.dumps([Touch()]), io.BytesIO()
        if ending == ".pt":
            torch.save([Touch()], buffer)
        elif ending == ".npy":
            np.save(buffer, np.array([Touch()], dtype=object), allow_pickle=True)
        elif ending == ".npz":
            np.savez(buffer, loc=np.array([Touch()], dtype=object))
        else:
            buffer.write(data)
        name = "preds.pt" if ending == ".raw" else f"preds{ending}"
        return {name: buffer.getvalue()}

    return made


def _zeros(mebibytes: int) -> Files:
    """An archive of a few bytes that claims to hold many."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("junk.npy", "w", force_zip64=True) as file,
    ):
        header = {"descr": "|u1", "fortran_order": False, "shape": (mebibytes * 2**20,)}
        np.lib.format.write_array_header_1_0(file, header)
        for _ in range(mebibytes):
            file.write(bytes(2**20))
    return {"preds.npz": buffer.getvalue()}


def _typed(kind: str) -> Callable[[], Files]:
    """Predictions that claim to be of a type that is not theirs."""
    name = "preds.safetensors"

    def made() -> Files:
        data = sound_file(name)
        length = int.from_bytes(data[:8], "little")
        header = data[8 : 8 + length].replace(b"F32", kind.encode())
        return {name: len(header).to_bytes(8, "little") + header + data[8 + length :]}

    return made


def _linked() -> Files:
    return {"link.csv": Link("voc/Annotations/a.xml"), "voc/Annotations/b.xml": b"<annotation>"}


def _as_it_is() -> Files:
    return {}


def _many(objects: int) -> Files:
    """An image full of objects, all alike."""
    return {"voc/Annotations/a.xml": _objects(*[BOX.format("cat", 2, 40)] * objects).encode()}


def _named(text: str) -> Files:
    """Everything called so that can have a name."""
    name = json.dumps(text).replace("\x7f", "\\u007f")  # which TOML wants escaped
    coco = json.loads(TEXT_FILES["coco/instances.json"])
    coco["categories"][0]["name"] = coco["images"][0]["file_name"] = text
    plain = text.replace("\0", "").replace("/", "")
    voc = _objects(BOX.format(text.translate(dict.fromkeys((*range(9), 0x1B))), 2, 40))
    return {
        "voc/Annotations/a.xml": voc.encode(),
        f"voc/Annotations/{plain}.xml": b"<annotation>",
        "coco/instances.json": json.dumps(coco).encode(),
        "yolo/data.yaml": f"train: images\nnames: [{name}, dog, {json.dumps(text + 'x')}]\n{name}: 1\n".encode(),
        "oi/class-descriptions-boxable.csv": f'/m/01,"{text}"\n'.encode(),
        "small.toml": TEXT_FILES["small.toml"].encode() + f"name = {name}\ntitle = {name}\n".encode(),
        "mine.toml": f'base = "caffe"\ncodebase = {name}\n[loader]\nunlisted = {name}\n'.encode(),
        "names.txt": f"{text}\ndog\ncup\ncoin".encode(),
        "weights.npz": save_tensors(".npz", {plain: torch.ones(2)}),
        "named.npz": save_tensors(".npz", {plain: torch.ones(2)}),
    }


NAMED_LINES = (
    MATCH,
    "check voc",
    "check voc --format github",
    "check voc --format sarif",
    "audit voc --config small.toml --csv new.csv",
    "audit voc --config small.toml --gallery 2",
    "anchors --fit voc --config small.toml -o new.toml",
    "check coco",
    "match coco/a.jpg coco/instances.json --config small.toml",
    "audit coco --config small.toml --csv new.csv",
    "check yolo",
    "check yolo/data.yaml",
    "audit yolo/data.yaml --config small.toml",
    "audit oi --config small.toml --csv new.csv",
    f"{MATCH} --dialect mine.toml",
    "dialects mine.toml",
    "dialects caffe mine.toml",
    "anchors --config small.toml",
    f"{MATCH} --classes names.txt",
    "loss preds.pt rows.pt --config small.toml --classes names.txt",
    "detect preds.pt rows.pt --config small.toml --classes names.txt -o pictures",
    "loss named.npz rows.pt",
    "loss preds.pt rows.pt --config small.toml --dialect caffe --weights weights.npz",
    "compare preds.pt rows.pt --config small.toml",
)
# What is overwritten by what, were it not refused.
OVER_INPUTS = (
    f"{MATCH} --dialect mine.toml -o mine.toml",
    f"{MATCH} --dialects mine.toml -o mine.toml",
    f"{MATCH} -o small.toml",
    "anchors --config small.toml --dialect mine.toml -o mine.toml",
    "anchors --config own.toml --dump small.toml",
    "anchors --fit voc --config own.toml -o small.toml",
    "audit . --dataset-format voc --dialect mine.toml --csv mine.toml",
    "audit voc --config small.toml --csv voc/Annotations/b.xml",
    "audit . --dataset-format voc --csv voc/JPEGImages/a.jpg",
    "audit yolo/data.yaml --csv yolo/val.txt",
    "audit yolo --csv yolo/classes.txt",
    "audit voc --csv pyproject.toml",
    "anchors --fit yolo/labels --classes names.txt -o names.txt",
    "audit voc --csv voc/Annotations/a.xml",
    "anchors --fit voc -o pyproject.toml",
    f"{MATCH} -o voc/JPEGImages/a.jpg",
    "audit voc --csv link.csv",
    "loss preds.pt rows.pt --config small.toml -o preds.pt",
    "audit oi --csv oi/class-descriptions-boxable.csv",
)


def _huge(mebibytes: int, objects: int, letters: int, classes: int) -> list[Attack]:
    """More than anybody has: numbers in an archive, objects in a photo, letters of a name, classes."""
    return [
        ("loss preds.npz rows.pt --config small.toml", lambda: _zeros(mebibytes)),
        *((line, lambda: _many(objects)) for line in ("check voc", "audit voc --config small.toml", MATCH)),
        (MATCH, _only("voc/Annotations/a.xml", _objects(BOX.format("x" * letters, 2, 40)))),
        ("audit yolo --classes names.txt", _only("names.txt", "\n".join(f"class {i}" for i in range(classes)))),
    ]


ATTACKS: list[Attack] = [
    *((line, lambda: _named(HOSTILE)) for line in NAMED_LINES),
    *((line, _linked) for line in OVER_INPUTS),
    (MATCH, _only("voc/JPEGImages/a.jpg", EPS)),
    ("audit voc --gallery 2", _only("voc/JPEGImages/a.jpg", EPS)),
    *(
        (line, _only("pyproject.toml", f"[tool.ssdlossdbg.{line.split()[0]}]\n{key} = {value}\n"))
        for line, key, value in (
            ("audit voc", "csv", '"../outside"'),
            ("audit voc", "output", '"../x"'),
            (MATCH, "output", '"x.png"'),
            (MATCH, "output", '"a\\u0000b"'),
            (MATCH, "threshold", "7" * 400),
            (MATCH, "fail-on", '"\\u001b[31m"'),
            ("anchors", "dump", '"x.npy"'),
            ("check voc", '"\\u001b[31m"', "1"),
        )
    ),
    *(
        ("loss preds.safetensors rows.pt --config small.toml", _typed(kind))
        for kind in ("F8_E8M0", "F4", "F8_E4M3", "F6_E2M3")
    ),
    *(
        ("anchors --config small.toml", _level(feature_map=number))
        for number in ("5000", "100000", str(2**63 - 1), "1" + "0" * 21)
    ),
    *(
        (line, _config(image_size=number))
        for number in ("1000000000", "1", "65536", "nan")
        for line in ("anchors --config small.toml", "audit voc --config small.toml")
    ),
    ("anchors --config small.toml", _level(feature_map="38", shapes=f"[{'[3, 3], ' * 20000}]")),
    ("anchors --fit voc --config small.toml", _level(min_size="1e-320")),
    *(
        ("anchors --fit yolo --config small.toml", _only("yolo/labels/a.txt", f"0 0.5 0.5 {side}\n"))
        for side in ("1e20 1e20", "1e-10 1e-10", "1e308 1e308")
    ),
    *(
        (
            "loss preds.pt rows.pt --config small.toml --dialect mine.toml",
            _only("mine.toml", f'base = "ssd-keras"\n[loss]\nprobability_floor = {floor}\n'),
        )
        for floor in ("-1.9", "1e-320", "nan")
    ),
    ("loss preds.pt rows.pt --config priors.pt", _saved("priors.pt", lambda: torch.full((PRIORS, 4), 1e38))),
    *(
        (f"{command} preds.pt rows.pt --config small.toml --label-offset={offset}", _as_it_is)
        for command in ("loss", "compare", "detect", "check")
        for offset in (-(10**30), 2**63, 2**62, -(2**63))
    ),
    *(
        (line, _saved(name, lambda: torch.ones(1).expand(10**12)))
        for name, line in (
            ("priors.pt", "anchors --config priors.pt"),
            ("rows.pt", "loss preds.pt rows.pt --config small.toml"),
            ("weights.pt", "loss preds.pt rows.pt --config small.toml --dialect caffe --weights weights.pt"),
            ("rows.pt", "check rows.pt"),
            ("preds.pt", "detect preds.pt --config small.toml"),
        )
    ),
    (
        "loss preds.pt rows.pt --config small.toml",
        _saved("preds.pt", lambda: tuple(torch.ones(1).expand(10**4, 10**8, wide) for wide in (4, 5))),
    ),
    ("check rows.pt", _saved("rows.pt", lambda: [torch.tensor([[0.1, 0.1, 0.5, 0.5, 1e9]])])),
    ("check rows.pt", _saved("rows.pt", lambda: [torch.tensor([[0.1, 0.1, 0.5, 0.5, 1e30]])])),
    *_huge(100, 80, 20_000, 5_000),
    ("audit voc/ImageSets/Main/train.txt", _only("voc/ImageSets/Main/train.txt", f"a{' ' * 50_000}x\nb\n")),
    *(
        (line, _only(name, f"{'a.' * 20_000}a = 1\n"))
        for line, name in ((MATCH, "pyproject.toml"), (MATCH, "small.toml"), ("dialects mine.toml", "mine.toml"))
    ),
    *(
        (line, _only(name, content))
        for number, (line, name) in enumerate(
            (
                ("check voc", "voc/Annotations/c.xml"),
                ("audit voc", "voc/Annotations/c.xml"),
                (MATCH, "voc/JPEGImages/a.jpg"),
                (MATCH, "small.toml"),
                ("check coco", "coco/a.jpg"),
                ("audit coco --gallery 1", "coco/a.jpg"),
                ("check yolo", "yolo/labels/c.txt"),
                ("loss preds.pt rows.pt --config small.toml", "rows.pt"),
                (f"{MATCH} --classes names.txt", "names.txt"),
                ("check .", "c.json"),
                ("audit yolo/data.yaml", "yolo/val.txt"),
                ("audit oi", "oi/class-descriptions-boxable.csv"),
                (MATCH, "pyproject.toml"),
            )
        )
        for content in (Link(), Link("/dev/zero"), Link(("/dev/full", "nowhere", ".")[number % 3]))
    ),
    *(
        (f"loss preds{'.pt' if ending == '.raw' else ending} rows.pt --config small.toml", _pickled(ending))
        for ending in (".pt", ".npy", ".npz", ".raw")
    ),
    *(
        (line, _only("coco/instances.json", text))
        for line in ("check coco", "audit coco", "match coco/a.jpg coco/instances.json")
        for text in (
            "[" * 10**6,
            '{"images":' * 10**5,
            '{"images": [NaN], "annotations": [], "categories": []}',
            "{}",
            "[]",
            "null",
        )
    ),
    *(
        (f"check {name}", _only(name, text))
        for name in (
            "voc/Annotations/a.xml",
            "coco/instances.json",
            "yolo/labels/a.txt",
            "yolo/data.yaml",
            "oi/train-annotations-bbox.csv",
        )
        for text in ("", "\0", "\ufeff", "\udcff\udcfe", "\n" * 9)
    ),
]
# What takes seconds each is for runs by hand.
LARGE = _huge(500, 400, 300_000, 60_000)
BESIDE = ("preds.pt", "rows.pt", "weights.pt", *(name for name in TEXT_FILES if name not in ("pyproject.toml", OLD)),
          "voc/JPEGImages/a.jpg", "voc/JPEGImages/b.jpg", "yolo/images/a.jpg", "yolo/images/b.jpg", "coco/a.jpg",
          "oi/a.jpg")  # fmt: skip


def attack(number: int) -> tuple[str, Files]:
    """The command line of an attack, and its files."""
    every = [*ATTACKS, *LARGE]
    line, changed = every[number % len(every)]
    # What the line names, and what is beside it in a folder.
    named = {word.split("/")[0] for word in line.split()}
    files: Files = {name: sound_file(name) for name in BESIDE if name.split("/")[0] in named or "." in named}
    return line, files | changed()
