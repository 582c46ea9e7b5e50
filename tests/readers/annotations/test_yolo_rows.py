"""What kind of rows a YOLO file has that are not five numbers."""

from __future__ import annotations

import pytest

from ssdlossdbg.readers.annotations.yolo_rows import COMMAS, KEY_POINTS, POLYGON, kind_of

PLAIN, POLYGON_ROW = "0 .5 .5 .2 .2", "0 .1 .1 .5 .1 .5 .6"


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        ([PLAIN], None),
        ([], None),
        ([POLYGON_ROW, PLAIN], POLYGON),
        (["0 .5 .5 .2 x y"], None),
        ([POLYGON_ROW, "0 .1 .1 .5 .1 .5 x"], None),
        (["0,.5,.5,.2,.2"], COMMAS),
        (["0 .5 .5 .2 .2 .5 .5 2 .6 .6 0"], KEY_POINTS),
    ],
)
def test_kind_of_rows(rows: list[str], kind: tuple[str, str] | None) -> None:
    assert kind_of([(number, row.split()) for number, row in enumerate(rows, 1)]) == kind
