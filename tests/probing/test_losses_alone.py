"""An image's loss alone, under every dialect, against criteria in plain loops that are called with that image alone."""

from __future__ import annotations

import math

import pytest
import torch

from ssdlossdbg.analysis.identity.cases import cases
from ssdlossdbg.analysis.losses.rows import batch_rows
from ssdlossdbg.analysis.two_steps import scene_of
from ssdlossdbg.api.common import as_batch
from ssdlossdbg.readers.dialects import dialect_names, load_dialect
from ssdlossdbg.readers.saved.layout import SavedLayout
from ssdlossdbg.readers.saved.tensor_files import as_saved
from ssdlossdbg.rules import Units
from tests.kinds_of_dialects import each_value_of
from tests.probing.reference import Reference


@pytest.mark.parametrize(
    "name", each_value_of("match", "codec", "mining", "loss", among=dialect_names(of_one_step=True))
)
def test_each_image_costs_what_a_batch_of_it_alone_does(name: str) -> None:
    rules = load_dialect(name)
    case = next(
        case for case in cases(5, 1, 3) if not case.delicate and len(case.boxes) > 1 and all(map(len, case.boxes))
    )
    rows = [torch.cat((box, label[:, None].float()), 1) for box, label in zip(case.boxes, case.labels, strict=True)]
    conf = case.conf.roll(1, -1) if rules.native.background == "last" else case.conf
    size = 1 if rules.targets.units is Units.PIXELS else 300
    targets = [{"boxes": own[:, :4] * size, "labels": own[:, 4].long() + rules.targets.label_offset} for own in rows]
    saved = as_saved({"loc": case.loc, "conf": conf, "priors": case.priors}, "predictions")
    units = Units.NORMALIZED if size == 1 else Units.PIXELS
    layout = SavedLayout(image_size=(size, size), target_units=units, label_offset=0)
    batch = as_batch(saved, as_saved(targets, "targets"), None, rules, layout)
    kept = batch_rows(scene_of(batch, rules))
    for index, image in enumerate(kept.images):
        one = slice(index, index + 1)
        with torch.no_grad():
            wanted = Reference(rules)((case.loc[one], case.conf[one], case.priors), rows[one])
        assert image.loss is not None
        assert image.loss.localization == pytest.approx(float(wanted[0]), rel=2e-4, abs=1e-6)
        assert image.loss.confidence == pytest.approx(float(wanted[1]), rel=2e-4, abs=1e-6)
        of_objects = [each.localization for each in kept.objects[index]]
        assert math.fsum(of_objects) == pytest.approx(image.loss.localization, rel=1e-5, abs=1e-6)
