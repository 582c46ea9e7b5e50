"""The annotation formats that there are, each in a row of a table that is read without importing any of them."""

from __future__ import annotations

# What options call a format, and the file in `annotations/` whose FORMAT it is. All commands read through this table,
# in its order: a new format is a file there, and a row here.
MODULES: dict[str, str] = {
    "voc": "voc",
    "coco": "coco",
    "yolo": "yolo",
    "open-images": "open_images",
}
