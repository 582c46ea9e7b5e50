"""Of saved batches, or of a batch in memory: what `ssdlossdbg loss`, `compare` and `detect` show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

from torch import Tensor

from ssdlossdbg.analysis.batch import Batch
from ssdlossdbg.analysis.compare import analyse_compare
from ssdlossdbg.analysis.detect import analyse_detect
from ssdlossdbg.analysis.detect_detail import describe_candidates
from ssdlossdbg.analysis.loss import analyse_loss
from ssdlossdbg.analysis.loss_detail import describe_loss
from ssdlossdbg.analysis.scene import Scene
from ssdlossdbg.analysis.two_steps import SecondScene, scene_of
from ssdlossdbg.api.common import NEEDS_OBJECTS, File, as_batch, as_dialect, override, rules_for, steps_apart
from ssdlossdbg.api.photos_of import names_and_photos
from ssdlossdbg.checks.catalogue import find
from ssdlossdbg.default_device import on_cpu_by_default
from ssdlossdbg.errors import InputError, SeveralBatchesError
from ssdlossdbg.memory import give_back
from ssdlossdbg.readers.dialects import dialect_names, load_dialect
from ssdlossdbg.readers.named_priors import NamedPriors, PriorSource, check_image_size
from ssdlossdbg.readers.saved.layout import SavedLayout
from ssdlossdbg.readers.saved.pairing import holds_both
from ssdlossdbg.readers.saved.tensor_files import Saved, Tensors, as_saved
from ssdlossdbg.readers.saved.weights import decayed_weights
from ssdlossdbg.results import CompareResult, DetectResult, Finding, LossResult, NotAsked, Said, with_names
from ssdlossdbg.results.said import is_another
from ssdlossdbg.rules import Dialect, settings_in_pixels

# What is given of a batch: a file, what it would hold, or what was read of it before.
Half = File | Tensors | Saved
ALONE = "Give the targets' file, too; a file of ssdlossdbg.capture, or a dict with the keys of both, goes alone."
ONE = "Name one of them. Of several batches, ssdlossdbg loss and ssdlossdbg.losses have the loss of each image."
SAY_OTHERS = "Name dialects with as many steps as the predictions hold."
# The finding that a loss is not the one that the user's code had.
NOT_YOURS = "REC001"


@on_cpu_by_default
def loss(
    predictions: Half,
    targets: Half | None = None,
    priors: NamedPriors | PriorSource | None = None,
    dialect: Dialect | str | None = None,
    *,
    classes: Sequence[str] = (),
    threshold: float | None = None,
    neg_pos: float | None = None,
    alpha: float | None = None,
    device: str = "auto",
    images: Sequence[Any] = (),
    layout: SavedLayout = SavedLayout(),
    weights: File | Mapping[str, Tensor] | None = None,
    printed: Said | None = None,
    whose: bool = True,
    detail: bool = False,
) -> LossResult:
    """What the loss of a saved batch is made of, as `ssdlossdbg loss` says.

    Args:
        predictions: loc and conf, with or without priors: a file, or the tensors or arrays that it would hold. A
            captured file, which holds the targets, too; or the folder of a run, of which the worst batch is shown.
        targets: boxes and labels of the same batch, or what they were encoded into; likewise. Those in `predictions`
            if None.
        priors: what `load_priors` returned or takes; those in `predictions` if None.
        dialect: what `load_dialect` returned, or its name or file; if None, that of a captured file, or ssd.pytorch.
        classes: class names in the order of their ids, background left out.
        threshold: match threshold, over the dialect's.
        neg_pos: negatives mined per positive, over the dialect's.
        alpha: weight of the localisation loss, over the dialect's.
        device: auto, cpu, cuda, cuda:N or mps.
        images: photos of the first images, named in the result: paths, PIL images, or RGB arrays of uint8.
        layout: how the tensors were saved, over what is recognised.
        weights: the state dict of the network, or its file, for a dialect that adds weight decay to its loss.
        printed: the loss that training printed for this batch, over what a file says.
        whose: whether to say whose rules give that loss, where it is another one.
        detail: whether to keep each prior's share, too, which the page of the result shows.

    Raises:
        InputError: what cannot be used or does not belong together, an unknown name, or no such device.
    """
    if targets is None and _is_run(predictions):
        from ssdlossdbg.api.runs import worst_of_run

        if printed is not None:
            what = "is the loss of one batch, and a folder has one for each file"
            raise InputError("--printed", what, f"Name the file in {predictions} that it was printed for.")
        of_file = partial(
            loss, priors=priors, dialect=dialect, classes=classes, threshold=threshold, neg_pos=neg_pos, alpha=alpha,
            device=device, layout=layout, weights=weights,
        )  # fmt: skip
        worst = worst_of_run(Path(str(predictions)), partial(of_file, whose=False))
        if not images and not detail and all(finding.code != NOT_YOURS for finding in worst.findings):
            return worst
        return replace(of_file(worst.predictions_path, images=images, detail=detail), batches=worst.batches)
    saved, wanted = both_halves(predictions, targets)
    named, photos = names_and_photos(images)
    rules = override(rules_for(dialect, saved), threshold=threshold, neg_pos=neg_pos, alpha=alpha)
    if neg_pos is not None and rules.mining.takes_all:
        what = f"has no effect: {rules.name} mines nothing, every negative counts"
        raise InputError("--neg-pos", what, 'Leave it out, or say selection = "ranked" under [mining] of a dialect.')
    batch = as_batch(saved, wanted, priors, rules, layout, device=device, classes=classes, photos=named, said=printed)
    if threshold is not None and batch.encoded:
        what = f"has no effect: {wanted.where} holds targets that are already encoded"
        raise InputError("--threshold", what, NEEDS_OBJECTS)
    scene = scene_of(batch, rules)
    if detail and isinstance(scene, SecondScene):
        what = "shows the priors of one step, and these predictions hold two"
        raise InputError("the page", what, "Leave it out: the text and --format json show both steps.")
    if whose and batch.recorded and is_another(scene.costs.recorded_error, batch.recorded.precision):
        batch.whose = whose_rules(batch)
        scene = scene_of(batch, rules)  # whose costs say it
    result = analyse_loss(scene, None if weights is None else _weights(weights, rules))
    if detail:
        result = replace(result, detail=describe_loss(scene))
    return replace(result, findings=findings_of(scene), photos=photos)


def _is_run(predictions: object) -> bool:
    """Whether it is a folder, which can only be that of a run."""
    return isinstance(predictions, (str, PathLike)) and Path(predictions).is_dir()


def whose_rules(batch: Batch) -> str:
    """Whose rules give the loss that was recorded of a batch, in words."""
    from ssdlossdbg.analysis.identity.saved import whose_loss

    among = computable(batch, [load_dialect(name) for name in dialect_names(of_one_step=True)])
    return whose_loss(batch, among) if among else ""


def computable(batch: Batch, dialects: Sequence[Dialect]) -> list[Dialect]:
    """Those dialects of one step whose loss of a batch does not depend on a size of the input that nobody knows."""
    sized = [each for each in dialects if batch.named.image_size_known or not settings_in_pixels(each)]
    return [each for each in sized if not each.refine.first_step and batch.predictions.first is None]


def findings_of(scene: Scene) -> tuple[Finding, ...]:
    """What is wrong with a batch, with the names of its images."""
    return with_names(find(scene.evidence, together=True), scene.batch.images)


def both_halves(predictions: Half, targets: Half | None) -> tuple[Saved, Saved]:
    """Predictions and targets; the same where one file holds both.

    Raises:
        InputError: as of `as_saved`, there are no targets, or both hold a batch of their own.
    """
    saved = as_saved(predictions, "predictions")
    if targets is not None:
        wanted = as_saved(targets, "targets")
        if saved.where != wanted.where and holds_both(saved) and holds_both(wanted):
            raise SeveralBatchesError(wanted.where, f"holds a batch of its own, as {saved.where} does", ONE)
        return saved, wanted
    if not holds_both(saved):
        raise InputError(saved.where, "holds no targets beside predictions", ALONE)
    return saved, saved


@on_cpu_by_default
def compare(
    predictions: Half,
    targets: Half | None = None,
    priors: NamedPriors | PriorSource | None = None,
    *,
    reference: Dialect | str | None = None,
    dialects: Sequence[Dialect | str] | None = None,
    classes: Sequence[str] = (),
    threshold: float | None = None,
    device: str = "auto",
    layout: SavedLayout = SavedLayout(),
    printed: Said | None = None,
) -> CompareResult:
    """What several codebases say of the same batch and priors, and why, as `ssdlossdbg compare` shows.

    Args:
        predictions: loc and conf, with or without priors: a file, or the tensors or arrays that it would hold; or the
            folder of a run, of which the batch is taken that `loss` calls the worst.
        targets: boxes and labels of the same batch, likewise, laid out as the reference has them; or what they were
            encoded into, and then the dialects differ only in what comes after that.
        priors: what `load_priors` returned or takes; those in `predictions` if None.
        reference: whom to compare with.
        dialects: whom to ask; all shipped ones if None.
        classes: class names in the order of their ids, background left out.
        threshold: match threshold, over that of every dialect.
        device: auto, cpu, cuda, cuda:N or mps.
        layout: how the tensors were saved, over what is recognised.
        printed: the loss that training printed for this batch, over what a file says.

    Raises:
        InputError: what cannot be used or does not belong together, an unknown name, or no such device.
    """
    if targets is None and _is_run(predictions):
        worst = loss(predictions, priors=priors, dialect=reference, device=device, layout=layout)
        of_worst = compare(
            worst.predictions_path, None, priors, reference=reference, dialects=dialects, classes=classes,
            threshold=threshold, device=device, layout=layout,
        )  # fmt: skip
        return replace(of_worst, batches=worst.batches)
    saved, wanted = both_halves(predictions, targets)
    base = override(rules_for(reference, saved, "--reference"), threshold=threshold)
    given = [as_dialect(each, "--dialects") for each in (dialect_names() if dialects is None else dialects)]
    asked = [override(each, threshold=threshold) for each in given]
    batch = as_batch(saved, wanted, priors, base, layout, device=device, classes=classes, said=printed)
    if threshold is not None and batch.encoded:
        what = f"has no effect: {wanted.where} holds targets that are already encoded"
        raise InputError("--threshold", what, NEEDS_OBJECTS)
    apart = {each: steps_apart(base.refine.first_step, each) for each in asked}
    asked = [each for each in asked if not apart[each]]
    not_asked = tuple(NotAsked(each.name, why) for each, why in apart.items() if why)
    if not asked:
        what = f"names none that applies: {not_asked[0].dialect} has {not_asked[0].why}"
        raise InputError("--dialects", what, SAY_OTHERS)
    check_image_size(batch.named, asked)
    findings = findings_of(scene_of(batch, base))
    return replace(analyse_compare(batch, asked, base), findings=findings, not_asked=not_asked)


@on_cpu_by_default
def detect(
    predictions: Half,
    targets: Half | None = None,
    priors: NamedPriors | PriorSource | None = None,
    dialect: Dialect | str | None = None,
    *,
    classes: Sequence[str] = (),
    score_threshold: float | None = None,
    nms: float | None = None,
    device: str = "auto",
    images: Sequence[Any] = (),
    layout: SavedLayout = SavedLayout(),
    detail: bool = False,
) -> DetectResult:
    """What the dialect's post-processing makes of saved predictions, as `ssdlossdbg detect` shows.

    Args:
        predictions: loc and conf, with or without priors: a file, or the tensors or arrays that it would hold; or the
            folder of a run, of which the batch is taken that `loss` calls the worst.
        targets: boxes and labels of the same batch, likewise, to hold the detections against; those of a captured
            file if None, which may be none.
        priors: what `load_priors` returned or takes; those in `predictions` if None.
        dialect: what `load_dialect` returned, or its name or file; if None, that of a captured file, or ssd.pytorch.
        classes: class names in the order of their ids, background left out.
        score_threshold: score that a detection must exceed, over the dialect's.
        nms: IoU of non-maximum suppression, over the dialect's.
        device: auto, cpu, cuda, cuda:N or mps.
        images: photos of the first images, named in the result: paths, PIL images, or RGB arrays of uint8.
        layout: how the tensors were saved, over what is recognised.
        detail: whether to keep what enters suppression, too, which the page of the result shows.

    Raises:
        InputError: what cannot be used or does not belong together, an unknown name, or no such device.
    """
    if targets is None and _is_run(predictions):
        worst = loss(predictions, priors=priors, dialect=dialect, device=device, layout=layout)
        of_worst = detect(
            worst.predictions_path, None, priors, dialect, classes=classes, score_threshold=score_threshold, nms=nms,
            device=device, images=images, layout=layout, detail=detail,
        )  # fmt: skip
        return replace(of_worst, batches=worst.batches)
    saved = as_saved(predictions, "predictions")
    own = saved if saved.captured and holds_both(saved) else None
    wanted = own if targets is None else as_saved(targets, "targets")
    rules = rules_for(dialect, saved)
    if score_threshold is not None:
        rules = replace(rules, detect=replace(rules.detect, score_threshold=score_threshold))
    if nms is not None:
        rules = replace(rules, detect=replace(rules.detect, nms_iou=nms))
    named, photos = names_and_photos(images)
    batch = as_batch(saved, wanted, priors, rules, layout, device=device, classes=classes, photos=named)
    scene = scene_of(batch, rules)
    if targets is not None and scene.known is None:  # a capture's own nobody asked about, and they are not needed
        what = "holds targets that are already encoded, and their positives do not agree on objects to be found"
        raise InputError(batch.paths[1], what, NEEDS_OBJECTS)
    candidates = describe_candidates(scene) if detail else None
    result = analyse_detect(scene)
    give_back()
    return replace(result, detail=candidates, findings=findings_of(scene), photos=photos)


def _weights(weights: File | Mapping[str, Tensor], rules: Dialect) -> Mapping[str, Tensor]:
    """The parameters of a network, for a dialect that asks for them."""
    if not rules.weight_decay.rate:
        what = f"has no effect: {rules.name} adds no weight decay to its loss"
        adding = ", ".join(name for name in dialect_names() if load_dialect(name).weight_decay.rate)
        raise InputError("--weights", what, f"Leave it out; those that do add it: {adding}.")
    return decayed_weights(as_saved(weights, "weights"), rules)
