"""What the charts share: the paper, the fonts, the colours, and matplotlib, imported only where a chart is drawn."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ssdlossdbg.errors import InputError
from ssdlossdbg.report.fonts import drawable, families
from ssdlossdbg.report.theme import INK, MIDDLE_GREY, PALETTE, PAPER, SOFTWARE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

Colour = tuple[float, float, float]
INCHES, DOTS_PER_INCH = (12, 8), 100
RIGHT_EDGE = 0.985  # of the width: nothing is written beyond
LONGEST_NAME = 22
# DejaVu Sans comes with matplotlib; the others, where the system has them, hold what it lacks.
FONTS = (
    "DejaVu Sans",
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Microsoft YaHei",
    "Malgun Gothic",
    "PingFang SC",
    "Hiragino Sans",
    "Arial Unicode MS",
)


def colour(rgb: tuple[int, int, int]) -> Colour:
    """A colour of the theme as matplotlib takes it."""
    red, green, blue = rgb
    return red / 255, green / 255, blue / 255


SKY, ORANGE, GREEN, _, BLUE, VERMILION, PURPLE = map(colour, PALETTE)
INK_COLOUR, PAPER_COLOUR, GREY = colour(INK), colour(PAPER), colour(MIDDLE_GREY)


def check_matplotlib() -> None:
    """Make sure that charts can be drawn.

    Raises:
        InputError: matplotlib is not installed.
    """
    try:
        import matplotlib as mpl  # noqa: F401
    except ImportError:
        fix = "pip install 'ssdlossdbg[charts]'"
        raise InputError("--charts", "needs matplotlib, which is not installed", fix) from None


@contextlib.contextmanager
def matplotlib_settings() -> Iterator[None]:
    """Everything that draws with matplotlib stands inside this.

    Raises:
        InputError: matplotlib is not installed.
    """
    check_matplotlib()
    import matplotlib as mpl
    from matplotlib.font_manager import get_font_names

    known = set(get_font_names())
    settings: dict[Any, Any] = {
        "font.family": [font for font in dict.fromkeys((*FONTS, *families())) if font in known],
        "font.size": 13,
        "text.parse_math": False,  # a class may be called a$b$c
        "axes.edgecolor": GREY,
        "axes.facecolor": PAPER_COLOUR,
        "figure.facecolor": PAPER_COLOUR,
        "text.color": INK_COLOUR,
        "axes.labelcolor": INK_COLOUR,
        "xtick.color": INK_COLOUR,
        "ytick.color": INK_COLOUR,
        "hatch.linewidth": 0.8,
    }
    with mpl.rc_context(settings), warnings.catch_warnings(), _silent("matplotlib.font_manager"):
        # A name in a script that no font here has is drawn as boxes; that is no reason to disturb anyone.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


@contextlib.contextmanager
def _silent(name: str) -> Iterator[None]:
    """Have a logger say nothing but errors: a weight that a font has not is replaced by the next one."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def new_chart(title: str, subtitle: str, right: float = 0.97) -> tuple[Figure, Axes]:
    """An empty chart under a title that states the answer, and a line that says what is to be seen.

    Args:
        title: as few words as will do.
        subtitle: how to read the chart.
        right: where the axes end, as a share of the width.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=INCHES, dpi=DOTS_PER_INCH)
    axes = figure.add_axes((0.09, 0.11, right - 0.09, 0.74))
    fit(figure.text(0.03, 0.94, title, fontsize=18, fontweight="bold", va="center"))
    fit(figure.text(0.03, 0.893, subtitle, fontsize=13, color=GREY, va="center"))
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def fit(text: Text) -> None:
    """Make words smaller where they would run over the right edge."""
    extent = text.get_window_extent()
    room = RIGHT_EDGE * INCHES[0] * DOTS_PER_INCH - extent.x0
    text.set_fontsize(text.get_fontsize() * min(1, room / max(1, extent.width)))


def png_of(figure: Figure) -> bytes:
    """A chart as a PNG file of 1200 x 800 pixels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    file = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(file, format="png", metadata=dict([SOFTWARE]))
    return file.getvalue()


def short_name(name: str) -> str:
    """A class name that fits beside a chart: on one line, its end cut off where it is long; see `fonts.drawable`."""
    line = " ".join(name.encode("utf-8", "replace").decode().split())
    return drawable(line if len(line) <= LONGEST_NAME else f"{line[: LONGEST_NAME - 1]}…")


def spread(places: Sequence[float], gap: float, top: float) -> list[float]:
    """Where to put labels so that neighbours are a gap apart and none is above the top, each near its place.

    Args:
        places: where they would stand, ascending.
        gap: least distance.
        top: highest place.
    """
    spaced: list[float] = []
    for place in places:
        spaced.append(max(place, spaced[-1] + gap) if spaced else place)
    ceiling = top
    for position in reversed(range(len(spaced))):
        spaced[position] = min(spaced[position], ceiling)
        ceiling = spaced[position] - gap
    return spaced
