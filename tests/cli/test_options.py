"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from ssdlossdbg.cli.groups import BoxFormOption, Names, Priors, UnitsOption
from ssdlossdbg.cli.options import _finite as finite
from ssdlossdbg.errors import InputError
from ssdlossdbg.rules import Units


@pytest.mark.parametrize(
    ("text", "size"), [(None, None), ("300", (300, 300)), ("320x240", (320, 240)), ("640X480", (640, 480))]
)
def test_image_size(text: str | None, size: tuple[int, int] | None) -> None:
    assert Priors(image_size=text).size == size


@pytest.mark.parametrize(
    "text", ["", "x", "0", "300x0", "300x", "x300", "1x2x3", "3.5", "-3", "²", "65536", "9" * 5000]
)
def test_no_image_size(text: str) -> None:
    with pytest.raises(InputError) as caught:
        Priors(image_size=text)
    assert caught.value.where == "--image-size"


@pytest.mark.parametrize("value", [None, 0.0, -3.5, 1e300])
def test_finite(value: float | None) -> None:
    assert finite(value) == value


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_not_finite(value: float) -> None:
    with pytest.raises(typer.BadParameter, match="is not a finite number"):
        finite(value)


def test_classes(folder: Path) -> None:
    (folder / "names.txt").write_text("cat\n\n big dog \n")
    assert Names(classes=None).names == ()
    assert Names(classes="cat, dog").names == ("cat", "dog")
    assert Names(classes="names.txt").names == ("cat", "big dog")


def test_choices_are_those_of_the_rooms_below() -> None:
    assert [*UnitsOption] == [*Units]
    assert [*BoxFormOption] == ["cxcywh", "xyxy"]
