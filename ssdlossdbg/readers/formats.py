"""The annotation formats that there are, each in a row of a table that is read without importing any of them."""

from __future__ import annotations

# What options call a format, and the file in `annotations/` whose FORMAT it is. All commands read through this table,
# in its order: a new format is a file there, and a row here.
MODULES: dict[str, str] = {
    "voc": "voc",
    "coco": "coco",
    "yolo": "yolo",
    "open-images": "open_images",
    "labelme": "labelme",
    "cvat": "cvat",
    "kitti": "kitti",
    "wider-face": "wider_face",
    "retinaface": "retinaface",
    "visdrone": "visdrone",
    "tf-csv": "tf_csv",
    "photo-list": "photo_lists",
    "tfrecord": "tfrecord",
    "parquet": "parquet",
}
