"""COCO JSON."""

from __future__ import annotations

from codecs import BOM_UTF8
from pathlib import Path, PurePosixPath

import msgspec

from ssdlossdbg.errors import InputError, UnknownNameError
from ssdlossdbg.readers.annotated import AnnotatedObject, Annotation, Source


class _Image(msgspec.Struct):
    id: int
    file_name: str
    width: int = 0
    height: int = 0


class _Object(msgspec.Struct):
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    iscrowd: int = 0


class _Category(msgspec.Struct):
    id: int
    name: str


class _Coco(msgspec.Struct):
    images: list[_Image]
    annotations: list[_Object]
    categories: list[_Category]


def parse_coco(source: Source) -> Annotation:
    """The objects of the image entry whose file name is the photo's.

    Raises:
        InputError: not COCO JSON, no entry of that file name, a category that the file does not list, or a size
            that is not positive.
    """
    path = source.path
    coco = _parse_json(source.data, path)
    image = _find_image(coco, path, source.photo)
    names = {category.id: category.name for category in coco.categories}
    objects = []
    for index, entry in enumerate(item for item in coco.annotations if item.image_id == image.id):
        if entry.category_id not in names:
            known = ", ".join(str(number) for number in sorted(names)[:12]) or "none"
            raise InputError(
                f"{path}, object {index} of {image.file_name}",
                f"has category {entry.category_id}, which `categories` does not list",
                f"Known: {known}.",
            )
        x, y, width, height = entry.bbox
        objects.append(
            AnnotatedObject(index, names[entry.category_id], (x, y, x + width, y + height), bool(entry.iscrowd))
        )
    size = (image.width, image.height) if image.width > 0 and image.height > 0 else None
    by_id = tuple(names[number] for number in sorted(names))
    return Annotation(path, "COCO", size, tuple(objects), class_names=by_id)


def _parse_json(data: bytes, path: Path) -> _Coco:
    try:
        return msgspec.json.decode(data.removeprefix(BOM_UTF8), type=_Coco)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at ")
        where = f"{path}, {place.strip('`').removeprefix('$').removeprefix('.')}".rstrip(", ")
        fix = "COCO needs images, annotations and categories; correct that place."
        raise InputError(where, message[:1].lower() + message[1:], fix) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(path, f"is not JSON ({error})", "Correct that place or export it again.") from None
    except RecursionError:
        raise InputError(path, "is nested too deeply to be COCO JSON", "Export it again.") from None


def _find_image(coco: _Coco, path: Path, photo: Path) -> _Image:
    found = [image for image in coco.images if PurePosixPath(image.file_name).name == photo.name]
    if not found:
        names = [image.file_name for image in coco.images]
        raise UnknownNameError(f"{path}, images", "file name", photo.name, names, "Is it the right split?")
    if len(found) > 1:
        entries = ", ".join(str(image.id) for image in found[:5])
        raise InputError(path, f"lists {photo.name} {len(found)} times (ids {entries})", "Keep one entry.")
    return found[0]
