"""A dataset's objects as random crops show them to the network in training."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch

from ssdlossdbg.analysis.audit import tallies
from ssdlossdbg.analysis.audit.assigned import Flat, Matcher, blocks
from ssdlossdbg.analysis.audit.ranks import Ranks
from ssdlossdbg.analysis.audit.spec import AuditSpec
from ssdlossdbg.analysis.size_ranges import size_edges
from ssdlossdbg.errors import InputError
from ssdlossdbg.multibox.augmentation import draw
from ssdlossdbg.multibox.boxes import sound_boxes
from ssdlossdbg.readers.dialects import dialect_names, load_dialect
from ssdlossdbg.results import Augmented, IntArray
from ssdlossdbg.rules import CropChoice, Dialect


def check_crops(dialect: Dialect, letterbox: bool) -> None:
    """Refuse to draw crops by rules that are not known.

    Raises:
        InputError: the dialect does not say how its training crops, or photos are to be letterboxed as well.
    """
    if letterbox:
        fix = "Leave one of them out: no dialect's training pads photos."
        raise InputError("--augment", "cannot be combined with --letterbox", fix)
    if dialect.augmentation.choice is CropChoice.UNKNOWN:
        known = [name for name in dialect_names() if load_dialect(name).augmentation.choice is not CropChoice.UNKNOWN]
        what = f"the dialect {dialect.name} does not say how its training crops photos"
        raise InputError("--augment", what, f"Give it an [augmentation], or use one of: {', '.join(known)}.")


def augment(
    objects: Flat, photos: IntArray, matcher: Matcher, spec: AuditSpec, ranks: Ranks, advance: Callable[[int], None]
) -> Augmented:
    """Draw every image, match what it shows, and count; a KeyboardInterrupt ends that early.

    Args:
        objects: N of them, normalised to their photos.
        photos: int64 `[B, 2]`, (width, height) of their photos in pixels; 0 where that is not known.
        matcher: priors and rules, those of the crops among them.
        spec: how often, and from which seed.
        ranks: the processes that share the work.
        advance: told how many images were drawn since it was last called.

    Raises:
        InputError: another process ended.
    """
    sizes = torch.from_numpy(photos)
    sound = objects[sound_boxes(objects.boxes)]
    edges = size_edges(matcher.priors.image_size)
    counts = np.zeros((len(tallies.TALLIED), len(edges)), dtype=np.int64)
    done = shown = 0
    cuts = list(enumerate(blocks(sound.image.numpy(), len(sizes))))
    work = [(number, block, run, rows) for number in range(spec.draws) for block, (run, rows) in cuts]
    try:
        for number, block, run, rows in ranks.mine(work):
            part = _drawn(sound[rows], run, sizes, matcher.dialect, (spec.seed, number, block))
            counts += _counted(part, matcher, edges)
            done, shown = done + len(run), shown + rows.stop - rows.start
            advance(len(run))
    except KeyboardInterrupt:
        pass  # as in the audit of the photos, `done` tells how much is known
    tallied, progress = ranks.sum([torch.from_numpy(counts), torch.tensor([done, shown])])
    counts, (done, shown) = tallied.numpy(), progress.tolist()
    totals = tallies.tally(counts[:, -1].tolist())
    return Augmented(
        draws=spec.draws,
        done=done,
        seed=spec.seed,
        totals=totals,
        sizes=tallies.ranges_of(counts[:, :-1], edges),
        kept=totals.ground_truth / shown if shown else math.nan,
        square=int((photos == 0).any(1).sum()),
    )


def _drawn(objects: Flat, run: range, sizes: torch.Tensor, dialect: Dialect, seed: tuple[int, int, int]) -> Flat:
    """What is left of a block of images, each drawn once."""
    # A seed of the block's own, so that it is drawn alike whichever process does it.
    generator = torch.Generator().manual_seed(int(np.random.SeedSequence(seed).generate_state(1)[0]))
    own = sizes[run.start : run.stop]
    found = draw(objects.boxes, objects.image - run.start, own, dialect.augmentation, generator)
    return Flat(found.boxes, objects.image[found.row], objects.class_id[found.row])


def _counted(objects: Flat, matcher: Matcher, edges: tuple[float, ...]) -> IntArray:
    """`[F, K + 1]` the fields of `Tally`, by size and of all."""
    columns = matcher.assign(objects).fates.columns()
    boxes, class_id = matcher.seen(objects.boxes).numpy(), objects.class_id.numpy()
    outcome = tallies.outcomes(boxes, class_id, columns, matcher.priors.image_size, matcher.dialect.match)
    by_size = tallies.count(outcome, tallies.size_key(outcome, edges), len(edges) - 1)
    return np.concatenate((by_size, tallies.count(outcome, np.zeros_like(class_id), 1)), axis=1)
