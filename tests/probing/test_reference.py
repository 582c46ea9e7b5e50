"""The criteria in plain loops against what the codebases returned, and ours against them on cases of all kinds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from ssdlossdbg.analysis.identity.cases import cases
from ssdlossdbg.analysis.identity.makers import Case
from ssdlossdbg.analysis.identity.trials import trial_of
from ssdlossdbg.readers.dialects import dialect_names, load_dialect
from ssdlossdbg.rules import Units
from tests.kinds_of_dialects import each_value_of
from tests.probing.reference import Reference

RETURNED: dict[str, Any] = json.loads((Path(__file__).parent.parent / "data/dialect_cases.json").read_text())
CLOSE = 2e-5
SMALLEST = 1e-6


def called(name: str, case: Case) -> tuple[float, float]:
    """What a dialect in plain loops returns."""
    rows = [torch.cat((box, label[:, None].float()), 1) for box, label in zip(case.boxes, case.labels, strict=True)]
    with torch.no_grad():
        loc, conf = Reference(load_dialect(name))((case.loc, case.conf, case.priors), rows)
    return float(loc), float(conf)


def known(name: str) -> list[tuple[Case, dict[str, Any]]]:
    """The cases of which it is known what a codebase returned, as its criterion is called, and that."""
    rules, found = load_dialect(name), []
    for told in RETURNED.values():
        conf = torch.tensor(told["conf"])
        case = Case(
            "",
            loc=torch.tensor(told["loc"]),
            conf=conf.roll(-1, -1) if rules.native.background == "last" else conf,
            priors=torch.tensor(told["priors"]),
            boxes=tuple(torch.tensor(boxes).reshape(-1, 4) for boxes in told["boxes"]),
            labels=tuple(torch.tensor(labels).long() - rules.targets.label_offset for labels in told["labels"]),
        )
        if "localization" in told["results"].get(name, {}):
            found.append((case, told["results"][name]))
    return found


NAMED = sorted({name for told in RETURNED.values() for name in told["results"]} & set(dialect_names(of_one_step=True)))


@pytest.mark.parametrize("name", NAMED)
def test_the_loops_return_what_the_codebases_did(name: str) -> None:
    assert len(known(name)) > 5
    for case, wanted in known(name):
        both = float(wanted["localization"]), float(wanted["confidence"])
        assert called(name, case) == pytest.approx(both, rel=CLOSE, abs=SMALLEST, nan_ok=True)


@pytest.mark.parametrize(
    "name", each_value_of("match", "codec", "mining", "loss", among=dialect_names(of_one_step=True))
)
def test_the_rules_give_what_the_loops_do(name: str) -> None:
    asked = [case for case in cases(5, 1, 3) if not case.delicate]
    for case in asked:
        losses = trial_of(case, Units.NORMALIZED).losses(load_dialect(name))
        if losses is not None:
            assert called(name, case) == pytest.approx(losses, rel=CLOSE, abs=SMALLEST, nan_ok=True), case.name
