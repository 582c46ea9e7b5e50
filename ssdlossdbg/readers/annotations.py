"""Annotations of photos, in whichever of the common formats they come."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Callable
from pathlib import Path

from ssdlossdbg.readers.annotated import AnnotatedImage, Annotation, Source
from ssdlossdbg.readers.coco import parse_coco, parse_coco_images
from ssdlossdbg.readers.files import read_bytes
from ssdlossdbg.readers.photo_sizes import PhotoSizes
from ssdlossdbg.readers.voc import parse_voc
from ssdlossdbg.readers.yolo import parse_yolo

Parser = Callable[[Source], Annotation]


def load_annotation(path: Path, photo: Path, photo_size: tuple[int, int], classes: tuple[str, ...] = ()) -> Annotation:
    """The annotated objects of one photo.

    Args:
        path: Pascal VOC XML, COCO JSON or YOLO txt; recognised by its content, else by its ending.
        photo: the photo's path; a COCO file is searched for its name.
        photo_size: (width, height) in pixels, which YOLO's fractions are of.
        classes: class names; a YOLO file has none of its own.

    Raises:
        InputError: the file cannot be read or holds something else than such annotations.
    """
    data = read_bytes(path)
    return _recognise(data, path)(Source(data, path, photo, photo_size, classes))


def load_images(path: Path, photos: PhotoSizes, classes: tuple[str, ...] = ()) -> tuple[AnnotatedImage, ...]:
    """Every image that an annotation file is about, whether or not its photo is there.

    Args:
        path: Pascal VOC XML, COCO JSON or YOLO txt; recognised by its content, else by its ending.
        photos: where to ask for the sizes of the photos.
        classes: class names; a YOLO file has none of its own.

    Raises:
        InputError: the file cannot be read or holds something else than such annotations.
    """
    data = read_bytes(path)
    parse = _recognise(data, path)
    if parse is parse_coco:
        images = parse_coco_images(data, path)
        return tuple(AnnotatedImage(image, image.photo, photos.named(path, image.photo)) for image in images)
    size = photos.of_stem(path)
    annotation = parse(Source(data, path, path, size, classes))
    return (AnnotatedImage(annotation, None, size or photos.named(path, annotation.photo)),)


def _recognise(data: bytes, path: Path) -> Parser:
    start = data.removeprefix(BOM_UTF8).lstrip()[:1]
    by_content: dict[bytes, Parser] = {b"<": parse_voc, b"{": parse_coco, b"[": parse_coco}
    by_ending: dict[str, Parser] = {".xml": parse_voc, ".json": parse_coco}
    return by_content.get(start) or by_ending.get(path.suffix.lower(), parse_yolo)
