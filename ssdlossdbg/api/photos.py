"""Of photos and priors: what `ssdlossdbg match` and `anchors` show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

from ssdlossdbg.analysis.anchors import analyse_anchors
from ssdlossdbg.analysis.batch import Batch
from ssdlossdbg.analysis.match import AnnotatedObjects, analyse_match
from ssdlossdbg.analysis.roles import compare_roles
from ssdlossdbg.analysis.scene import Scene
from ssdlossdbg.api.common import DEFAULT_DIALECT, as_dialect, checked, override, priors_or_default
from ssdlossdbg.api.photos_of import as_photo
from ssdlossdbg.default_device import on_cpu_by_default
from ssdlossdbg.readers.annotations import Dataset, load_dataset
from ssdlossdbg.readers.annotations.at_hand import objects_at_hand
from ssdlossdbg.readers.named_priors import NamedPriors, load_priors
from ssdlossdbg.readers.photos import Photo
from ssdlossdbg.results import AnchorsResult, MatchResult, RoleChanges
from ssdlossdbg.rules import Dialect


@on_cpu_by_default
def anchors(
    priors: NamedPriors | str | None = None, dialect: Dialect | str = DEFAULT_DIALECT, *, threshold: float | None = None
) -> AnchorsResult:
    """Describe priors level by level, as `ssdlossdbg anchors` does.

    Args:
        priors: what `load_priors` returned, or a preset, config file or saved tensor; the dialect's own if None.
        dialect: whose match threshold the smallest reachable objects are for.
        threshold: match threshold, over the dialect's.

    Raises:
        InputError: unknown name or unusable file.
    """
    rules = override(as_dialect(dialect), threshold=threshold)
    return checked(analyse_anchors(priors_or_default(priors, rules), rules))


@on_cpu_by_default
def match(
    image: Any,
    annotation: Any,
    priors: NamedPriors | str | None = None,
    dialect: Dialect | str = DEFAULT_DIALECT,
    *,
    classes: Sequence[str] = (),
    threshold: float | None = None,
    device: str = "auto",
) -> MatchResult:
    """Which priors each object of a photo gets, as `ssdlossdbg match` says.

    Args:
        image: the photo: a path, what `load_photo` returned, a PIL image, or an RGB array (height, width, 3) of uint8.
        annotation: its objects: a path in any format that is read, of a dataset that they are in, or what
            `load_dataset` returned; or rows of x1 y1 x2 y2 and class in pixels of the photo, bare or as a mapping of
            `boxes` and `labels`, which are names or places in `classes`.
        priors: what `load_priors` returned, or a preset, config file or saved tensor; the dialect's own if None.
        dialect: what `load_dialect` returned, or its name or file.
        classes: class names in the order of their ids, background left out.
        threshold: match threshold, over the dialect's.
        device: auto, cpu, cuda, cuda:N or mps.

    Raises:
        InputError: an unusable file, an unknown name, or no such device.
    """
    photo = as_photo(image)
    rules = override(as_dialect(dialect), threshold=threshold)
    dataset = _dataset(annotation, photo, classes)
    objects = dataset.only(photo.path)
    named = priors_or_default(priors, rules, dataset.parts, classes)
    batch = Batch(named, device, targets=AnnotatedObjects(objects, photo.stored))
    result = checked(analyse_match(Scene(batch, rules), str(photo.path)))
    held = isinstance(image, (str, PathLike, Photo))
    return result if held else replace(result, photos=(photo.seen(rules.loader.orientation).image,))


def _dataset(annotation: Any, photo: Photo, classes: Sequence[str]) -> Dataset:
    """The objects that were handed over for a photo, as a file, a dataset, or boxes."""
    if isinstance(annotation, Dataset):
        return annotation
    if isinstance(annotation, (str, PathLike)):
        return load_dataset(Path(annotation), tuple(classes))
    return objects_at_hand(annotation, photo.path, photo.size, classes)


@on_cpu_by_default
def match_roles(
    reference: MatchResult,
    image: Any,
    annotation: Any,
    priors: NamedPriors | str | None = None,
    dialects: Sequence[Dialect | str] = (),
    *,
    classes: Sequence[str] = (),
    device: str = "auto",
) -> tuple[RoleChanges, ...]:
    """What other dialects' matching does differently to a photo, as `ssdlossdbg match --dialects` shows.

    Args:
        reference: what `match` returned.
        image: the same photo.
        annotation: the same objects.
        priors: the same priors; those of the reference's config if None.
        dialects: whom to ask; each matches at its own threshold.
        classes: class names in the order of their ids, background left out.
        device: auto, cpu, cuda, cuda:N or mps.

    Raises:
        InputError: an unusable file, an unknown name, or no such device.
    """
    named = priors if isinstance(priors, NamedPriors) else load_priors(priors or reference.config.name)
    photo = as_photo(image)
    asked = [as_dialect(dialect, "--dialects") for dialect in dialects]
    objects = _dataset(annotation, photo, classes).only(photo.path)
    batch = Batch(named, device, targets=AnnotatedObjects(objects, photo.stored))
    return compare_roles(reference, [Scene(batch, dialect) for dialect in asked])
