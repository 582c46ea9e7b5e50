"""The same two objects of one photo of 80 x 60 pixels, and what is beside them, as each tool writes them.

A cat at (8, 6) to (40, 30), a dog at (30, 20) to (70, 55), and what is to be ignored where a format has such.
All was written by hand, from each format's own description; the checksums of the TFRecord by the bit-by-bit rule.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path

from PIL import Image

CAT, DOG = (8.0, 6.0, 40.0, 30.0), (30.0, 20.0, 70.0, 55.0)
LABELME = {
    "version": "5.4.1",
    "flags": {},
    "shapes": [
        {
            "label": "cat",
            "points": [[40.0, 6.0], [8.0, 30.0]],
            "group_id": None,
            "shape_type": "rectangle",
            "flags": {},
        },
        {"label": "dog", "points": [[30, 40], [50, 20], [70, 40], [50, 55]], "shape_type": "polygon"},
    ],
    "imagePath": "a.jpg",
    "imageData": "/9j/4AAQSkZJRgABAQAAAQABAAD",
    "imageHeight": 60,
    "imageWidth": 80,
}
CVAT = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta><task><id>7</id><labels>
    <label><name>dog</name><attributes><attribute><name>difficult</name></attribute></attributes></label>
    <label><name>cat</name></label>
  </labels></task></meta>
  <image id="0" name="a.jpg" width="80" height="60">
    <box label="cat" source="manual" occluded="1" xtl="8.00" ytl="6.00" xbr="40.00" ybr="30.00" z_order="0"></box>
    <polygon label="dog" occluded="0" points="30.00,40.00;50.00,20.00;70.00,40.00;50.00,55.00">
      <attribute name="difficult">false</attribute>
    </polygon>
  </image>
</annotations>
"""
VIDEO = """<annotations>
  <version>1.1</version>
  <meta><task><original_size><width>80</width><height>60</height></original_size></task></meta>
  <track id="0" label="cat" source="manual">
    <box frame="3" keyframe="1" outside="0" occluded="0" xtl="8.00" ytl="6.00" xbr="40.00" ybr="30.00"></box>
    <box frame="4" keyframe="1" outside="1" occluded="0" xtl="9.00" ytl="6.00" xbr="41.00" ybr="30.00"></box>
  </track>
  <track id="1" label="dog" source="manual">
    <box frame="3" keyframe="1" outside="0" occluded="0" xtl="30.00" ytl="20.00" xbr="70.00" ybr="55.00"></box>
    <box frame="5" keyframe="0" outside="0" occluded="0" xtl="31.00" ytl="20.00" xbr="71.00" ybr="55.00"></box>
  </track>
</annotations>
"""
KITTI = """cat 0.00 0 -1.58 8.00 6.00 40.00 30.00 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59
dog 0.00 2 -1.58 30.00 20.00 70.00 55.00 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59
DontCare -1 -1 -10 1.00 1.00 12.00 10.00 -1 -1 -1 -1000 -1000 -1000 -10
"""
VISDRONE = "8,6,32,24,1,1,0,0\n30,20,40,35,1,4,0,1\n1,1,11,9,0,0,0,0\n2,2,9,9,1,11,0,0,\n3,3,9,9,0,5,0,0\n"
WIDER_FACE = """0--Parade/a.jpg
3
8 6 32 24 0 0 0 0 0 0\x20
30 20 40 35 2 0 1 0 2 0\x20
1 1 11 9 2 0 0 1 0 0\x20
0--Parade/b.jpg
0
0 0 0 0 0 0 0 0 0 0\x20
"""
LANDMARKS = "10.5 9.0 0.0 20.1 9.0 0.0 15.0 12.0 0.0 11.0 20.0 0.0 19.0 20.0 0.0"
RETINAFACE = f"# 0--Parade/a.jpg\n8 6 32 24 {LANDMARKS} 0.82\n30 20 40 35 {'-1.0 ' * 15}0.1\n# 0--Parade/b.jpg\n"
TF_CSV = "filename,width,height,class,xmin,ymin,xmax,ymax\na.jpg,80,60,cat,8,6,40,30\na.jpg,80,60,dog,30,20,70,55\n"
FRACTIONS = TF_CSV.replace("8,6,40,30", "0.1,0.1,0.5,0.5").replace("30,20,70,55", "0.375,0.25,0.875,0.75")
PHOTO_LIST = "photos/a.jpg 8,6,40,30,0 30,20,70,55,1\nphotos/b.jpg\n"
LABEL_MAP = 'item {\n  id: 1\n  name: "cat"\n}\nitem {\n  id: 2\n  name: "dog"\n}\n'


def crc32c(data: bytes) -> int:
    """Bit by bit, as RFC 3720 has it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)


def varint(number: int) -> bytes:
    number &= 2**64 - 1
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def field(number: int, data: bytes) -> bytes:
    """A field of a protocol buffer that holds bytes."""
    return varint(number << 3 | 2) + varint(len(data)) + data


def example(features: dict[str, list[bytes] | list[int] | list[float]]) -> bytes:
    """A tf.train.Example; integers one by one, floats packed."""
    entries = b""
    for name, values in features.items():
        if all(isinstance(value, bytes) for value in values):
            listed = field(1, b"".join(field(1, value) for value in values if isinstance(value, bytes)))
        elif all(isinstance(value, int) for value in values):
            listed = field(3, b"".join(varint(1 << 3) + varint(int(value)) for value in values))
        else:
            listed = field(2, field(1, struct.pack(f"<{len(values)}f", *values)))
        entries += field(1, field(1, name.encode()) + field(2, listed))
    return field(1, entries)


EXAMPLE: dict[str, list[bytes] | list[int] | list[float]] = {
    "image/encoded": [b"\xff\xd8" + bytes(5000)],
    "image/filename": [b"a.jpg"],
    "image/height": [60],
    "image/width": [80],
    "image/object/bbox/xmin": [0.125, 0.375],
    "image/object/bbox/ymin": [0.125, 0.25],
    "image/object/bbox/xmax": [0.5, 0.875],
    "image/object/bbox/ymax": [0.5, 0.75],
    "image/object/class/text": [b"cat", b"dog"],
    "image/object/class/label": [1, 2],
    "image/object/difficult": [0, 1],
}
FILES: dict[str, tuple[str, str | bytes]] = {
    "labelme": ("a.json", json.dumps(LABELME)),
    "cvat": ("annotations.xml", CVAT),
    "kitti": ("label_2/a.txt", KITTI),
    "wider-face": ("wider_face_split/wider_face_train_bbx_gt.txt", WIDER_FACE),
    "retinaface": ("train/label.txt", RETINAFACE),
    "visdrone": ("annotations/a.txt", VISDRONE),
    "tf-csv": ("train_labels.csv", TF_CSV),
    "photo-list": ("2007_train.txt", PHOTO_LIST),
    "tfrecord": ("train.record-00000-of-00002", record(example(EXAMPLE))),
}
# Where the photo lies in each, from the folder.
PHOTOS = {
    "kitti": "image_2/a.png",
    "visdrone": "images/a.jpg",
    "wider-face": "WIDER_train/images/0--Parade/a.jpg",
    "retinaface": "train/images/0--Parade/a.jpg",
    "photo-list": "photos/a.jpg",
}


def write(folder: Path, name: str) -> tuple[Path, Path]:
    """The files of a format: the annotation and the photo."""
    place, content = FILES[name]
    annotation, photo = folder / place, folder / PHOTOS.get(name, "a.jpg")
    for path in (annotation, photo):
        path.parent.mkdir(parents=True, exist_ok=True)
    annotation.write_bytes(content.encode() if isinstance(content, str) else content)
    Image.new("RGB", (80, 60)).save(photo)
    if name == "photo-list":
        (folder / "voc_classes.txt").write_text("cat\ndog\n")
    return annotation, photo
