"""From a dataset to all that its audit reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from ssdlossdbg.analysis.audit import summary, tallies
from ssdlossdbg.analysis.audit.assigned import Matcher
from ssdlossdbg.analysis.audit.augmented import augment, check_crops
from ssdlossdbg.analysis.audit.part import Part, evidence_of, joined_flat, joined_objects, match_parts
from ssdlossdbg.analysis.audit.ranks import ALONE, Ranks
from ssdlossdbg.analysis.audit.spec import AuditSpec, unheard
from ssdlossdbg.analysis.common import device_words, matching_device, summarise
from ssdlossdbg.analysis.evidence.prior_table import describe_priors
from ssdlossdbg.multibox.threads import one_thread
from ssdlossdbg.readers.annotations import Dataset
from ssdlossdbg.readers.named_priors import NamedPriors
from ssdlossdbg.results import AuditedDataset, AuditResult, Augmented
from ssdlossdbg.rules import Dialect


@one_thread()
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
    device = matching_device(spec.device, named, dialect)
    if spec.draws:
        check_crops(dialect, spec.letterbox)
    matcher = Matcher(named, device, dialect)
    priors = matcher.priors
    parts = match_parts(dataset.parts, matcher, spec.letterbox, ranks, advance)
    objects = joined_objects(parts)
    done = sum(int(part.matched.done.sum()) for part in parts)
    audited = _audited(dataset, parts, spec)
    drawing = spec.draws > 0 and done == audited.images
    outcome = tallies.outcomes(objects.boxes, objects.class_id, vars(objects), priors.image_size, dialect.match)
    return AuditResult(
        dataset=audited,
        config=summarise(named),
        dialect=dialect.name,
        device=device_words(spec.device, device),
        threshold=dialect.match.threshold,
        done=done,
        totals=tallies.total(outcome),
        classes=tallies.by_class(outcome, dataset.class_names),
        sizes=tallies.by_size(outcome, priors.image_size),
        aspects=tallies.by_aspect(outcome),
        levels=summary.levels(priors, [part.matched for part in parts], objects),
        positives_each=tuple(np.bincount(outcome.positives[outcome.valid]).tolist()),
        recalls=tallies.recalls(outcome),
        iou_by_size=summary.iou_by_size(outcome, priors),
        contested=summary.contested(objects, dataset.class_names),
        images_first=summary.images_first(objects, parts, spec.worst),
        augmented=_augmented(parts, matcher, spec, ranks, advance) if drawing else None,
        objects=objects,
        prior_level=priors.level_index.cpu().numpy(),
        evidence=(*evidence_of(parts, matcher), describe_priors(named, dialect)),
    )


def _augmented(
    parts: Sequence[Part], matcher: Matcher, spec: AuditSpec, ranks: Ranks, advance: Callable[[int], None]
) -> Augmented:
    sizes = np.concatenate([part.scaled.sizes for part in parts])
    return augment(joined_flat(parts), sizes, matcher, spec, ranks, advance)


def _audited(dataset: Dataset, parts: Sequence[Part], spec: AuditSpec) -> AuditedDataset:
    unknown: Counter[str] = Counter()
    for each in dataset.parts:
        unknown.update(each.unknown)
    return AuditedDataset(
        path=str(dataset.path),
        format=" and ".join(each.format.title for each in dataset.parts),
        images=sum(len(each.names) for each in dataset.parts),
        empty=sum(_empty(part) for part in parts),
        left_out=sum(len(part.scaled.left_out) for part in parts),
        unknown=dict(unknown),
        refused=sum(len(part.dataset.refused) + len(part.scaled.refused) for part in parts),
        letterbox=spec.letterbox,
    )


def _empty(part: Part) -> int:
    """How many images have no object that training would see."""
    present = np.bincount(part.scaled.image, minlength=len(part.dataset.names)) + part.scaled.unusable
    return int((present == 0).sum())
