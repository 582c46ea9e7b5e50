"""From a dataset to all that its audit reports."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from ssdlossdbg.analysis.audit import summary, tallies
from ssdlossdbg.analysis.audit.assigned import Matcher
from ssdlossdbg.analysis.audit.augmented import augment, check_crops
from ssdlossdbg.analysis.audit.evidence import audited_objects
from ssdlossdbg.analysis.audit.matched import flat, match_flat
from ssdlossdbg.analysis.audit.ranks import ALONE, Ranks
from ssdlossdbg.analysis.audit.spec import AuditSpec, unheard
from ssdlossdbg.analysis.common import resolve_device, summarise
from ssdlossdbg.analysis.evidence.dataset import describe_dataset
from ssdlossdbg.analysis.evidence.photo_files import describe_photos
from ssdlossdbg.analysis.evidence.prior_table import describe_priors
from ssdlossdbg.readers.annotations import Dataset, Scaled, find_photos, photo_set, photo_sizes, resized, scale_like
from ssdlossdbg.readers.named_priors import NamedPriors
from ssdlossdbg.results import AuditedDataset, AuditResult
from ssdlossdbg.rules import Dialect


def analyse_audit(
    dataset: Dataset,
    named: NamedPriors,
    dialect: Dialect,
    spec: AuditSpec,
    ranks: Ranks = ALONE,
    advance: Callable[[int], None] = unheard,
) -> AuditResult:
    """Match every object of a dataset as the dialect's training code would, and count what became of it.

    A KeyboardInterrupt ends the matching, not the analysis: the result is then about what was done.

    Args:
        dataset: what was annotated.
        named: the priors.
        dialect: the rules.
        spec: what else is asked.
        ranks: the processes that share the work; the result is the same in each.
        advance: told how many images were done since it was last called; each draw counts anew.

    Raises:
        InputError: no such device, crops that nobody wrote down or that cannot be drawn, or another process ended.
    """
    device = resolve_device(spec.device)
    if spec.draws:
        check_crops(dialect, spec.letterbox)
    matcher = Matcher(named, device, dialect)
    priors = matcher.priors
    found = find_photos(dataset)
    [photos] = ranks.sum([torch.from_numpy(photo_sizes(found, ranks.mine(range(len(found)))))])
    inner = priors.image_size if spec.letterbox else None
    scaled = scale_like(dataset, dialect, photos.numpy(), priors.image_size, inner)
    scaled = scaled if spec.letterbox else resized(scaled, dialect.targets, priors.image_size)
    loaded = flat(dataset, scaled)
    matched = match_flat(loaded, len(dataset.names), matcher, ranks, advance)
    objects = audited_objects(dataset, scaled, matched, matcher)
    drawing = spec.draws > 0 and bool(matched.done.all())
    outcome = tallies.outcomes(objects.boxes, objects.class_id, vars(objects), priors.image_size, dialect.match)
    return AuditResult(
        dataset=_audited(dataset, scaled, spec),
        config=summarise(named),
        dialect=dialect.name,
        device=str(device),
        threshold=dialect.match.threshold,
        done=int(matched.done.sum()),
        totals=tallies.total(outcome),
        classes=tallies.by_class(outcome, dataset.class_names),
        sizes=tallies.by_size(outcome, priors.image_size),
        aspects=tallies.by_aspect(outcome),
        levels=summary.levels(priors, matched, objects),
        positives_each=tuple(np.bincount(outcome.positives[outcome.valid]).tolist()),
        recalls=tallies.recalls(outcome),
        iou_by_size=summary.iou_by_size(outcome, priors),
        contested=summary.contested(objects, dataset.class_names),
        images_first=summary.images_first(objects, dataset, found, matched, spec.worst),
        augmented=augment(loaded, scaled, matcher, spec, ranks, advance) if drawing else None,
        objects=objects,
        prior_level=priors.level_index.cpu().numpy(),
        evidence=(
            objects,
            photo_set(dataset, found),
            describe_priors(named, dialect),
            *describe_dataset(dataset, scaled),
            *describe_photos(dataset, scaled, dialect, found),
        ),
    )


def _audited(dataset: Dataset, scaled: Scaled, spec: AuditSpec) -> AuditedDataset:
    present = np.bincount(scaled.image, minlength=len(dataset.names)) + scaled.unusable
    return AuditedDataset(
        path=str(dataset.path),
        format=dataset.format.title,
        images=len(dataset.names),
        empty=int((present == 0).sum()),
        left_out=len(scaled.left_out),
        unknown=dataset.unknown,
        refused=len(dataset.refused) + len(scaled.refused),
        letterbox=spec.letterbox,
    )
