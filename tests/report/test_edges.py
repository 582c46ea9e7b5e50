"""Where a report turns: the median of a few, one image more than are listed, dots of a width, marks of direction."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from ssdlossdbg.errors import InputError
from ssdlossdbg.report.audit.tables import quantiles
from ssdlossdbg.report.audit.text import MOST_IMAGES, audit_report
from ssdlossdbg.report.canvas import Canvas
from ssdlossdbg.report.documents import from_json
from ssdlossdbg.report.visible import visible
from ssdlossdbg.results import AuditResult, MatchResult

Render = Callable[..., str]
RED = (255, 0, 0)


def test_a_tenth_the_median_and_nine_tenths() -> None:
    """Of a hundred objects, so many have 0, 1, 2, 3 positives."""
    assert quantiles((10, 40, 39, 11)) == (0, 1, 3)
    assert quantiles((9, 40, 42, 9)) == (1, 2, 2)


@pytest.mark.parametrize(("more", "said"), [(0, False), (1, True), (2, True)])
def test_images_that_are_not_listed(more: int, said: bool, audited: AuditResult, render: Render) -> None:
    images = (audited.images_first[0],) * (MOST_IMAGES + more)
    text = render(audit_report(replace(audited, images_first=images)))
    assert (f"The next {more} are in --format json." in text) is said


@pytest.mark.parametrize(("units", "reach"), [(2, 1), (4, 2)])
def test_dots_are_squares_about_their_points(units: int, reach: int) -> None:
    canvas = Canvas((60, 40), 1)
    canvas.dots([(20, 10), (50, 30)], RED, units)
    painted = np.asarray(canvas.image)[..., 1] < 100
    expected = np.zeros((40, 60), dtype=bool)
    for x, y in ((20, 10), (50, 30)):
        expected[y - reach : y + reach + 1, x - reach : x + reach + 1] = True
    assert (painted == expected).all()


@pytest.mark.parametrize("code", [0x61C, 0x200E, 0x200F, 0x202A, 0x202E, 0x2066, 0x2069, 0xFEFF, 0x80, 0x9F])
def test_marks_of_direction_are_shown(code: int) -> None:
    assert visible(f"a{chr(code)}b") == "a\N{REPLACEMENT CHARACTER}b"


def test_a_long_value_is_cut_in_an_error(astronaut: MatchResult) -> None:
    document = json.loads(astronaut.to_json())
    document["threshold"] = "x" * 60
    with pytest.raises(InputError) as caught:
        from_json(json.dumps(document))
    assert f'holds "{"x" * 39}, and float belongs there' in str(caught.value)
