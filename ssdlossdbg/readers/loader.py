"""From an annotation to what the codebase's own data loader would hand to the network."""

from __future__ import annotations

from dataclasses import dataclass

from ssdlossdbg.readers.annotated import AnnotatedObject, Annotation
from ssdlossdbg.rules import Difficult, SizeFrom, TargetSpec


@dataclass(frozen=True)
class LoadedObjects:
    """The objects that training would see.

    Attributes:
        kept: the objects, in file order.
        boxes: their boxes, normalised xyxy.
        left_out: objects that the loader drops.
    """

    kept: tuple[AnnotatedObject, ...]
    boxes: tuple[tuple[float, float, float, float], ...]
    left_out: tuple[AnnotatedObject, ...]


def load_like(spec: TargetSpec, annotation: Annotation, photo_size: tuple[int, int]) -> LoadedObjects:
    """Read an annotation as the codebase does: its pixel offset, its divisor, its handling of difficult objects.

    Args:
        spec: the codebase's habits.
        annotation: the objects as annotated.
        photo_size: (width, height) of the photo in pixels.
    """
    declared = annotation.size if spec.size_from is SizeFrom.ANNOTATION else None
    width, height = declared or photo_size
    offset = spec.voc_pixel_offset if annotation.one_based else 0.0
    drops = spec.difficult is Difficult.DROP
    kept = tuple(item for item in annotation.objects if not (drops and item.difficult))
    left_out = tuple(item for item in annotation.objects if drops and item.difficult)
    boxes = tuple(
        ((x1 + offset) / width, (y1 + offset) / height, (x2 + offset) / width, (y2 + offset) / height)
        for x1, y1, x2, y2 in (item.box for item in kept)
    )
    return LoadedObjects(kept, boxes, left_out)
