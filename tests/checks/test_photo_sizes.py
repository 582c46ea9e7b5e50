"""Whose size boxes are held against where a photo has another than is declared: tables made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from ssdlossdbg.checks.photos import are_exchanged, declared_wrongly, differ, of_photo, spaces
from tests.checks.conftest import Cases, TableOf

# Of an image that is declared 100 x 200: beyond that, and inside a photo of 200 x 100.
WIDE = [(20, 20, 150, 60)]


@pytest.mark.parametrize(
    ("declared", "photo", "other", "exchanged"),
    [
        ((200, 100), (202, 101), False, False),
        ((200, 100), (203, 100), True, False),
        ((200, 100), (200, 102), True, False),
        ((200, 100), (197, 100), True, False),
        ((200, 100), (100, 200), True, True),
        ((200, 100), (101, 202), True, True),
        ((200, 100), (102, 200), True, False),
        ((200, 100), (100, 203), True, False),
        # A square has no other way round, and up to a hundredth one cannot tell.
        ((100, 99), (99, 100), True, False),
        ((100, 98), (98, 100), True, True),
        ((98, 100), (100, 98), True, True),
    ],
)
def test_sizes_up_to_a_hundredth(
    declared: tuple[int, int], photo: tuple[int, int], other: bool, exchanged: bool
) -> None:
    sizes, others = np.array([declared], dtype=float), np.array([photo], dtype=float)
    assert differ(sizes, others).tolist() == [other]
    assert are_exchanged(sizes, others).tolist() == [exchanged]


@pytest.mark.parametrize(
    ("dialect", "size", "wrong"),
    [("caffe", (100, 200), [0]), ("ssd.pytorch", (200, 100), [])],
)
def test_the_size_that_the_dialect_divides_by(
    dialect: str, size: tuple[float, float], wrong: list[int], table_of: TableOf
) -> None:
    """The declared one, though it is wrong, or that of the photo, which then nobody need be told of."""
    facts = [{"photo_size": (200, 100)}, {"photo_size": (100, 200)}]
    made = table_of([WIDE, [(20, 20, 60, 150)]], (100, 200), dialect=dialect, facts=facts)
    assert of_photo(made).tolist() == [0]
    assert declared_wrongly(made).tolist() == wrong
    np.testing.assert_array_equal(spaces(made), [size, (100, 200)])


@pytest.mark.parametrize("box", [(0.1, 0.1, 0.9, 0.9), (20, 20, 60, 60)])
@pytest.mark.parametrize(("inside", "found"), [(4, 5), (5, 0)])
def test_a_fifth_of_the_images_reaches_beyond_the_declared_size(
    inside: int, found: int, box: tuple[float, ...], table_of: TableOf
) -> None:
    """Of those that have a box, however small; those without any say nothing."""
    facts = [{"photo_size": (200, 100)}] * (inside + 4)
    made = table_of([WIDE, *[[box]] * inside, [], [], []], (100, 200), facts=facts)
    assert of_photo(made).tolist() == list(range(found))


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        (1, 0, "1 image declares"),
        (1, 2, "1 of 3 images declares"),
        (2, 0, "2 images declare"),
        (2, 1, "2 of 3 images declare"),
    ],
)
def test_how_many_images_declare_it(wrong: int, right: int, said: str, table_of: TableOf, cases: Cases) -> None:
    facts = [{"photo_size": (200, 100)}] * wrong + [{"photo_size": (100, 200)}] * right
    made = table_of([*[WIDE] * wrong, *[[(20, 20, 60, 150)]] * right], (100, 200), dialect="caffe", facts=facts)
    (case,) = cases(made, "BOX013")
    assert case.message.startswith(
        f"{said} width and height exchanged (000.xml: 100 x 200, and the photo is 200 x 100): the boxes lie inside"
    )
    assert (case.value, case.bound) == ("100 x 200", "200 x 100")
