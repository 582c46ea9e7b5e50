"""Figures of cases that no sentence says, and which words a figure calls for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from ssdlossdbg.checks.boxes.scaled import other_scale
from ssdlossdbg.checks.history_words import spoilt
from ssdlossdbg.results.history import NOT_FINITE, SPIKE
from tests.checks.conftest import Cases, TableOf

SOUND = (20, 20, 60, 60)


def test_the_share_that_fills_photos(table_of: TableOf, cases: Cases) -> None:
    """Nineteen of twenty."""
    (case,) = cases(table_of([*[[(0, 0, 90, 90)]] * 19, [SOUND]]), "SET001")
    assert (case.value, case.bound) == (0.95, 0.95)


@pytest.mark.parametrize(("height", "name"), [(1.06, "alike"), (1.049, "measured")])
def test_an_axis_within_its_image_is_not_scaled_alike(height: float, name: str, table_of: TableOf) -> None:
    """However near to the factor of the other; images of 200 x 100."""
    cut = [*[(120, 20, 200, 60)] * 3, (20, 40, 60, 100), *[SOUND] * 7]
    boxes = [(x1 * 1.06, y1 * height, x2 * 1.06, y2 * height) for x1, y1, x2, y2 in cut]
    found = other_scale(table_of([boxes], (200, 100)))
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    ("after", "others", "found"),
    [
        (None, [(NOT_FINITE, 40)], True),
        (None, [(NOT_FINITE, 41), (SPIKE, 30)], True),
        (None, [(NOT_FINITE, 39)], False),
        (None, [(SPIKE, 41)], False),
        (None, [], False),
        (2.0, [(NOT_FINITE, 41)], False),
        (0.0, [(NOT_FINITE, 41)], False),
    ],
)
def test_what_no_finite_loss_follows_has_spoilt_a_run(
    after: float | None, others: list[tuple[str, int]], found: bool
) -> None:
    """Not the end of a run, after which there is no loss either."""
    events = [SimpleNamespace(kind=kind, step=step) for kind, step in others]
    assert spoilt(cast(Any, SimpleNamespace(events=events)), cast(Any, SimpleNamespace(step=40, after=after))) is found
