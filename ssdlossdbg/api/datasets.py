"""Of whole datasets: what `ssdlossdbg audit` reports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ssdlossdbg.analysis.audit import ALONE, AuditSpec, Ranks, analyse_audit, unheard
from ssdlossdbg.analysis.batch import Batch
from ssdlossdbg.analysis.match import AnnotatedObjects, analyse_match
from ssdlossdbg.analysis.scene import Scene
from ssdlossdbg.api.common import DEFAULT_DIALECT, File, as_dialect, checked, override, priors_or_default
from ssdlossdbg.checks.catalogue import find
from ssdlossdbg.default_device import on_cpu_by_default
from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations import Dataset, Share, Track
from ssdlossdbg.readers.annotations import load_dataset as _load
from ssdlossdbg.readers.named_priors import NamedPriors, check_image_size, load_priors
from ssdlossdbg.readers.photos import Photo, load_photo
from ssdlossdbg.readers.prior_configs import load_prior_config, preset_names
from ssdlossdbg.readers.saved.layout import SavedLayout
from ssdlossdbg.results import AuditResult, MatchResult, RankedPreset, RankResult, WorstImage
from ssdlossdbg.rules import Dialect

# Cases of a finding that are listed; the others are only counted, or a million objects would be a million sentences.
MOST_CASES = 20


def load_dataset(
    path: File,
    classes: Sequence[str] = (),
    *,
    format: str | None = None,
    descriptions: File | None = None,
    ranks: Ranks = ALONE,
    track: Track = iter,
) -> Dataset:
    """Every image and object of a dataset; its photos need not be there.

    Args:
        path: a Pascal VOC folder or ImageSets list, a COCO JSON, a YOLO folder, data.yaml or list of photos, or an
            Open Images CSV; or a folder of several of them.
        classes: class names in the order of their ids, background left out; the dataset's own list if empty.
        format: voc, coco, yolo or open-images, where the path could be several.
        descriptions: Open Images' CSV of class names, where it does not lie beside the path.
        ranks: the processes that read it together; each gets the whole.
        track: given the files of a dataset of many, returns them one by one; to watch the reading.

    Raises:
        InputError: there is nothing that can be read.
    """
    return _load(
        Path(path),
        tuple(classes),
        format=format,
        descriptions=Path(descriptions) if descriptions else None,
        share=Share(ranks.rank, ranks.count, ranks.gather),
        track=track,
    )


@on_cpu_by_default
def audit(
    dataset: File | Dataset,
    priors: NamedPriors | str | None = None,
    dialect: Dialect | str = DEFAULT_DIALECT,
    *,
    classes: Sequence[str] = (),
    threshold: float | None = None,
    letterbox: bool = False,
    worst: int = 10,
    draws: int = 0,
    seed: int = 0,
    device: str = "auto",
    ranks: Ranks = ALONE,
    advance: Callable[[int], None] = unheard,
) -> AuditResult:
    """What the priors can learn of a whole dataset, as `ssdlossdbg audit` reports it.

    Part of a dataset that cannot be read stops nothing: that is a finding. Ctrl-C ends the matching and gives what is
    known by then; `AuditResult.complete` tells.

    Args:
        dataset: what `load_dataset` returned, or its path.
        priors: what `load_priors` returned, or a preset, config file or saved tensor; the dialect's own if None.
        dialect: what `load_dialect` returned, or its name or file.
        classes: class names in the order of their ids, background left out; the dataset's own list if empty.
        threshold: match threshold, over the dialect's.
        letterbox: whether photos are scaled as a whole and padded, rather than stretched.
        worst: how many images to name.
        draws: how often to draw each image as training would, by random crops; 0 for not at all.
        seed: of the draws.
        device: auto, cpu, cuda, cuda:N or mps; for what cannot be found on the grid of priors.
        ranks: the processes that share the work; the result is the same in each.
        advance: told how many images were done since it was last called; each draw counts anew.

    Raises:
        InputError: nothing that can be read, an unknown name, no such device, or another process ended.
    """
    rules = override(as_dialect(dialect), threshold=threshold)
    read = dataset if isinstance(dataset, Dataset) else load_dataset(dataset, classes, ranks=ranks)
    named = priors_or_default(priors, rules, read.parts, classes)
    check_image_size(named, [rules])
    spec = AuditSpec(letterbox, worst, draws, seed, device)
    result = analyse_audit(read, named, rules, spec, ranks, advance)
    return replace(result, findings=find(result.evidence, most=MOST_CASES))


def rank(
    dataset: File | Dataset,
    priors: NamedPriors | str | None = None,
    dialect: Dialect | str = DEFAULT_DIALECT,
    *,
    classes: Sequence[str] = (),
    threshold: float | None = None,
    letterbox: bool = False,
    device: str = "auto",
    advance: Callable[[int], None] = unheard,
) -> RankResult:
    """Every preset on a dataset, as `ssdlossdbg audit --rank` reports it.

    Args:
        dataset: what `load_dataset` returned, or its path.
        priors: those in use, of which the result says so; the dialect's own if None.
        dialect: what `load_dialect` returned, or its name or file.
        classes: class names in the order of their ids, background left out; the dataset's own list if empty.
        threshold: match threshold, over the dialect's.
        letterbox: whether photos are scaled as a whole and padded, rather than stretched.
        device: auto, cpu, cuda, cuda:N or mps.
        advance: told how many presets were done since it was last called.

    Raises:
        InputError: nothing that can be read, an unknown name, or no such device.
    """
    rules = override(as_dialect(dialect), threshold=threshold)
    read = dataset if isinstance(dataset, Dataset) else load_dataset(dataset, classes)
    in_use = priors_or_default(priors, rules, read.parts, classes)
    spec = AuditSpec(letterbox, 0, 0, 0, device)
    ranked, result = [], None
    for name in preset_names():
        config = load_prior_config(name)
        result = analyse_audit(read, load_priors(name, SavedLayout(), rules), rules, spec)
        totals = result.totals
        ranked.append(
            RankedPreset(
                name=name,
                codebase=config.codebase,
                image_size=config.spec.image_size,
                priors=config.spec.count,
                matched=totals.matched,
                best_possible_recall=totals.recall,
                shape_recall=totals.shape_recall,
                positives_each=totals.positives / max(1, totals.ground_truth),
            )
        )
        advance(1)
    assert result is not None
    return RankResult(
        dataset=result.dataset.path,
        format=result.dataset.format,
        images=result.dataset.images,
        objects=result.totals.ground_truth,
        dialect=result.dialect,
        threshold=result.threshold,
        in_use=in_use.name,
        presets=tuple(sorted(ranked, key=lambda each: (-each.best_possible_recall, each.priors, each.name))),
    )


@on_cpu_by_default
def match_image(
    image: WorstImage,
    dataset: Dataset,
    priors: NamedPriors | str | None = None,
    dialect: Dialect | str = DEFAULT_DIALECT,
    *,
    threshold: float | None = None,
) -> tuple[MatchResult, Photo]:
    """One of the images to look at first, matched for a picture, and its photo.

    Args:
        image: of `AuditResult.images_first`, with a photo.
        dataset: what was audited.
        priors: as they were then, as are the others.
        dialect: of the rules.
        threshold: match threshold, over the dialect's.

    Raises:
        InputError: an unknown name, or a photo that is not there or cannot be read.
    """
    if not image.photo:
        where = f"{image.annotation}, image {image.name}"
        raise InputError(where, "its photo was not found", "Put it beside the annotations, or in their images folder.")
    rules = override(as_dialect(dialect), threshold=threshold)
    photo = load_photo(Path(image.photo))
    part, place = next(
        (part, place)
        for part in dataset.parts
        for place, names in enumerate(zip(part.files, part.names, strict=True))
        if names == (image.annotation, image.name)
    )
    named = priors_or_default(priors, rules, dataset.parts)
    objects = AnnotatedObjects(part.image_at(place), photo.stored)
    scene = Scene(Batch(named, "cpu", targets=objects), rules)
    return checked(analyse_match(scene, image.photo)), photo.seen(rules.loader.orientation)
