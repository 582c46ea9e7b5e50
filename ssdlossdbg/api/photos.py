"""Of photos and priors: what `ssdlossdbg match` and `anchors` show."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ssdlossdbg.analysis.anchors import analyse_anchors
from ssdlossdbg.analysis.batch import Batch
from ssdlossdbg.analysis.match import AnnotatedObjects, analyse_match
from ssdlossdbg.analysis.roles import compare_roles
from ssdlossdbg.analysis.scene import Scene
from ssdlossdbg.api.common import DEFAULT_DIALECT, File, as_dialect, checked, override, priors_or_default
from ssdlossdbg.readers.annotations import load_dataset
from ssdlossdbg.readers.named_priors import NamedPriors, load_priors
from ssdlossdbg.readers.photos import Photo, load_photo
from ssdlossdbg.results import AnchorsResult, MatchResult, RoleChanges
from ssdlossdbg.rules import Dialect


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


def match(
    image: File | Photo,
    annotation: File,
    priors: NamedPriors | str | None = None,
    dialect: Dialect | str = DEFAULT_DIALECT,
    *,
    classes: Sequence[str] = (),
    threshold: float | None = None,
    device: str = "auto",
) -> MatchResult:
    """Which priors each object of a photo gets, as `ssdlossdbg match` says.

    Args:
        image: the photo, or what `load_photo` returned.
        annotation: its objects, in any format that is read, or a dataset that they are in.
        priors: what `load_priors` returned, or a preset, config file or saved tensor; the dialect's own if None.
        dialect: what `load_dialect` returned, or its name or file.
        classes: class names in the order of their ids, background left out.
        threshold: match threshold, over the dialect's.
        device: auto, cpu, cuda, cuda:N or mps.

    Raises:
        InputError: an unusable file, an unknown name, or no such device.
    """
    photo = image if isinstance(image, Photo) else load_photo(Path(image))
    rules = override(as_dialect(dialect), threshold=threshold)
    dataset = load_dataset(Path(annotation), tuple(classes))
    objects = dataset.only(photo.path)
    named = priors_or_default(priors, rules, dataset.parts, classes)
    batch = Batch(named, device, targets=AnnotatedObjects(objects, photo.stored))
    return checked(analyse_match(Scene(batch, rules), str(photo.path)))


def match_roles(
    reference: MatchResult,
    image: File | Photo,
    annotation: File,
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
    photo = image if isinstance(image, Photo) else load_photo(Path(image))
    asked = [as_dialect(dialect, "--dialects") for dialect in dialects]
    objects = load_dataset(Path(annotation), tuple(classes)).only(photo.path)
    batch = Batch(named, device, targets=AnnotatedObjects(objects, photo.stored))
    return compare_roles(reference, [Scene(batch, dialect) for dialect in asked])
