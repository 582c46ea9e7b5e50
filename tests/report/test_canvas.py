"""What pictures are drawn with: sizes, text, chips, dashes."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PIL import Image

from ssdlossdbg.report import canvas, fonts
from ssdlossdbg.report.canvas import Canvas, Panel, panel_size, png, unit_of
from ssdlossdbg.report.fonts import drawable
from ssdlossdbg.report.theme import INK, NEUTRAL_GROUND, PAPER, WHITE

RED = (255, 0, 0)


@pytest.mark.parametrize(
    ("photo", "panel"),
    [
        ((300, 200), (960, 640)),
        ((1200, 900), (1200, 900)),
        ((4000, 2000), (1600, 800)),
        ((1, 1), (960, 960)),
        ((500, 1000), (500, 1000)),
        ((4000, 300), (3200, 240)),
        ((300, 3000), (240, 2400)),
        ((6000, 10), (3200, 5)),
        ((10, 6000), (5, 3200)),
    ],
)
def test_panel_size(photo: tuple[int, int], panel: tuple[int, int]) -> None:
    assert panel_size(photo) == panel
    assert unit_of(panel) == min(max(panel), 1600) / 960, "letters of a strip are no larger for its length"


def test_png() -> None:
    data = png(Image.new("RGB", (3, 2), RED))
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    with Image.open(io.BytesIO(data)) as image:
        assert (image.size, image.getpixel((0, 0))) == ((3, 2), RED)


def pixels(canvas: Canvas) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """`[height, width, 3]`."""
    return np.asarray(canvas.image)


@pytest.mark.parametrize("unit", [1.0, 1.6, 3.0])
def test_lines_and_text_scale_with_the_unit(unit: float) -> None:
    canvas = Canvas((400, 200), unit)
    canvas.rectangle((10, 10, 390, 190), RED, 4)
    column = pixels(canvas)[:, 200]
    assert (column == RED).all(-1).sum() == 2 * round(4 * unit)
    assert canvas.text((0, 0), "words", 10) == pytest.approx(
        Canvas((9, 9), 1).text((0, 0), "words", 10) * unit, rel=0.1
    )


def runs(line: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> int:
    """How many unbroken stretches of a line are painted."""
    return int((np.diff(np.concatenate(([0], line.astype(int)))) == 1).sum())


def test_dashes_alternate() -> None:
    canvas = Canvas((140, 140), 1)
    canvas.rectangle((10, 10, 130, 130), RED, 1, dashed=True)
    painted = (pixels(canvas) == RED).all(-1)
    inside = slice(11, 130)  # less the corners, where the next side's line begins
    for line in (painted[10, inside], painted[130, inside], painted[inside, 10], painted[inside, 130]):
        assert runs(line) == 10, "120 pixels of 6 on, 6 off"
        assert 55 <= line.sum() <= 75
    assert painted.any(1).sum() <= 121


def test_whole_lines_do_not() -> None:
    canvas = Canvas((140, 140), 1)
    canvas.rectangle((130, 130, 10, 10), RED, 1)
    painted = (pixels(canvas) == RED).all(-1)
    assert painted[10].sum() == painted[:, 130].sum() == 121


def test_hatching_stays_inside_and_leaves_gaps() -> None:
    canvas = Canvas((100, 60), 1)
    canvas.hatch((20, 10, 80, 50), RED, 255)
    painted = (pixels(canvas) == RED).all(-1)
    rows, columns = np.nonzero(painted)
    assert (rows.min(), rows.max()) >= (10, 10)
    assert rows.max() <= 50
    assert (columns.min() >= 20, columns.max() <= 80) == (True, True)
    assert runs(painted[30]) == pytest.approx(60 / 7, abs=1.5)


def test_long_words_are_cut_before_their_tail() -> None:
    canvas = Canvas((400, 40), 1)
    whole = canvas.text((0, 0), "a long name of a class", 12)
    cut = canvas.text((0, 0), "a long name of a class", 12, width=90)
    assert cut <= 90 < whole
    tail = Canvas((9, 9), 1).text((0, 0), ": unmatched", 12)
    assert tail < canvas.text((0, 0), "a long name of a class", 12, width=90, tail=": unmatched") <= 90


def forget() -> None:
    for each in (fonts.runs, fonts._drawn, fonts._has, fonts.font_files):
        each.cache_clear()


@pytest.fixture
def no_fonts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A system that has no fonts."""
    forget()
    monkeypatch.setattr(fonts, "FOLDERS", {"linux": ()})
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    yield
    forget()


DEJAVU = next((file for file in fonts.font_files() if "DejaVuSans.ttf" in file), "")


@pytest.mark.skipif(not DEJAVU, reason="needs DejaVu Sans, which matplotlib brings")
def test_what_one_font_lacks_another_has(monkeypatch: pytest.MonkeyPatch) -> None:
    forget()
    monkeypatch.setattr(fonts, "font_files", lambda: (__file__, DEJAVU))
    try:
        assert fonts.runs("cat кот") == (("cat ", ""), ("кот", DEJAVU))
        assert drawable("naïve кот 猫") == "naïve кот [U+732B]"
        assert fonts.runs("a ключ2") == (("a ", ""), ("ключ2", DEJAVU)), "a word is of one font"
        assert fonts.runs("кот: 2") == (("кот", DEJAVU), (": 2", "")), "what stands between words is of none of them"
        assert fonts.runs("1猫ключ") == (("1[U+732B]", ""), ("ключ", DEJAVU)), "but where none has all of it"
        assert drawable("हि") == "[U+0939][U+093F]", "a mark alone is none"
        drawn = Canvas((200, 40), 1)
        width = drawn.text((10, 5), "кот", 20)
        ink = np.argwhere(np.asarray(drawn.image).astype(int).sum(-1) < 300)
        assert ink[:, 1].min() >= 10
        assert ink[:, 1].max() <= 10 + width
        alike = Canvas((200, 40), 1)
        alike.text((10, 5), "[U+043A]", 20)
        assert not np.array_equal(np.asarray(drawn.image), np.asarray(alike.image))
    finally:
        monkeypatch.undo()
        forget()


@pytest.mark.parametrize(
    ("words", "drawn"),
    [
        ("plain [b] 12", "plain [b] 12"),
        ("naïve Ünï", "naive Uni"),
        ("猫 😀", "[U+732B] [U+1F600]"),
        ("two\nlines\tx", "two lines x"),
        ("\x07", "?"),
        ("", ""),
    ],
)
@pytest.mark.usefixtures("no_fonts")
def test_words_without_a_glyph(words: str, drawn: str) -> None:
    assert drawable(words) == drawn
    Canvas((50, 20), 1).text((0, 0), words)


def test_chips_keep_out_of_each_others_way() -> None:
    canvas = Canvas((300, 300), 1)
    for colour in (RED, (0, 0, 255), (0, 255, 0), (255, 0, 255)):
        canvas.chip_above((100, 150), "name", colour, 12, (0, 0, 300, 300))
    counts: dict[object, int] = {colour: number for number, colour in canvas.image.getcolors(9999) or []}
    areas = [counts[colour] for colour in (RED, (0, 0, 255), (0, 255, 0), (255, 0, 255))]
    assert min(areas) > 0.8 * max(areas)


def test_a_chip_goes_to_the_nearest_free_place_above_or_below(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own first, then one height up, one down, two up, and so on; the eighth lies on the first."""
    corners = list[float]()
    monkeypatch.setattr(Canvas, "fill", lambda _self, box, _colour: corners.append(box[1]))
    canvas = Canvas((300, 300), 1)
    for _ in range(8):
        canvas.chip_above((100, 150), "name", RED, 12, (0, 0, 300, 300))
    height = 12 * 1.25 + 1
    assert [round((150 - corner) / height) for corner in corners] == [1, 2, 0, 3, -1, 4, -2, 1]


@pytest.mark.parametrize("corner", [(-50, -50), (290, 5), (500, 500)])
def test_chips_stay_inside(corner: tuple[float, float]) -> None:
    canvas = Canvas((300, 300), 1)
    canvas.chip_above(corner, "name", RED, 12, (50, 50, 250, 250))
    painted = (pixels(canvas) != PAPER).any(-1)
    assert painted.any()
    rows, columns = np.nonzero(painted)
    assert min(rows.min(), columns.min()) >= 50
    assert max(rows.max(), columns.max()) <= 250


@pytest.fixture
def panel() -> Callable[[Image.Image | None], Panel]:
    """A panel of 100 x 50 pixels with its corner at (20, 10)."""
    return lambda photo: Panel(Canvas((200, 100), 1), (20, 10, 120, 60), photo, 0.5)


def test_ground(panel: Callable[[Image.Image | None], Panel]) -> None:
    assert panel(None).canvas.image.getpixel((60, 30)) == NEUTRAL_GROUND
    photo = panel(Image.new("RGB", (4, 4), (200, 100, 50))).canvas.image
    assert photo.getpixel((60, 30)) == (100, 50, 25)
    assert photo.getpixel((5, 5)) == PAPER
    assert len({INK, WHITE, PAPER, NEUTRAL_GROUND}) == 4


def test_boxes_are_placed_and_clipped(panel: Callable[[Image.Image | None], Panel]) -> None:
    here = panel(None)
    assert here.place((0.1, 0.2, 0.5, 1.0)) == pytest.approx((30, 20, 70, 60))
    assert here.place((-9, 0.2, 9, 1e30)) == pytest.approx((-80, 20, 220, 110)), "an image beyond its edges, no more"
    assert here.clipped((-9, 0.2, 0.5, 9)) == pytest.approx((20, 20, 70, 59))
    nan, inf = float("nan"), float("inf")
    assert here.clipped((nan, nan, inf, -inf)) == (20, 10, 119, 10)
    assert here.upright((0.5, 1.0, 0.1, 0.2)) == pytest.approx((30, 20, 70, 59))


def test_words_of_a_hundred_thousand_letters_are_cut_in_few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = list[str]()

    def counting(words: str, _: int) -> float:
        measured.append(words)
        return 7.0 * len(words)

    drawn = Canvas((400, 50), 1.0)
    monkeypatch.setattr(canvas, "length", counting)
    monkeypatch.setattr(drawn._draw, "text", lambda *_, **__: None)
    assert drawn.text((0, 0), "x" * 100_000, width=140, tail="!") == 140  # 20 letters, dots and tail among them
    assert len(measured) < 20
    assert max(map(len, measured)) < 400


def test_a_photo_in_a_strip_without_height_is_a_line() -> None:
    made = Canvas((200, 100), 1)
    Panel(made, (20, 50, 120, 50), Image.new("RGB", (90, 1), WHITE), 0.0)
    assert made.image.getpixel((60, 50)) == (255, 255, 255)
    assert made.image.getpixel((60, 52)) != (255, 255, 255)
