"""What is advised for images that no reading of their numbers decides, beside those that one does."""

from __future__ import annotations

import pytest

from tests.checks.conftest import Cases, TableOf

Box = tuple[float, float, float, float]
# As x y width height, all of which lie inside of 100 x 100; as corners they are inverted, as centre and size outside.
DECIDED: list[Box] = [(5, 60, 30, 20), (4, 70, 20, 25), (3, 55, 40, 30), (2, 65, 30, 30)]
# Sound in either reading.
EITHER: list[Box] = [(10, 10, 40, 40), (20, 20, 60, 70), (15, 25, 50, 60), (5, 5, 30, 30)]
# Sound as corners alone.
CORNERS: list[Box] = [(60, 60, 90, 95), (50, 70, 80, 99), (70, 10, 99, 90), (20, 70, 90, 98)]


@pytest.mark.parametrize(
    ("images", "says"),
    [
        ([DECIDED] * 6, ""),
        ([DECIDED] * 6 + [EITHER] * 6, ""),
        ([DECIDED] * 6 + [CORNERS] * 6, "Leave the other images as they are."),
    ],
)
def test_what_to_do_with_the_other_images(images: list[list[Box]], says: str, table_of: TableOf, cases: Cases) -> None:
    [case] = cases(table_of(images), "BOX004")
    assert "read as x y width height all lie inside" in case.message
    assert (says in case.fix) is True
    assert ("other images" in case.fix) is bool(says)
