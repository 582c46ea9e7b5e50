"""Letters for pictures, in any script: Pillow's own font, and for what it lacks the fonts that the system has."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import sys
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path

from PIL import ImageDraw, ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
# A stretch of text, and the file of the font that has all of its letters; the file is empty for Pillow's own font.
Run = tuple[str, str]
# Where systems keep their fonts; of a variable the folder that it names.
FOLDERS = {
    "linux": ("/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/.local/share/fonts"),
    "darwin": ("/System/Library/Fonts", "/Library/Fonts", "~/Library/Fonts"),
    "win32": ("%WINDIR%/Fonts", "%LOCALAPPDATA%/Microsoft/Windows/Fonts"),
}
ENDINGS = (".ttf", ".otf", ".ttc")
# Beginnings of the names of fonts to try first, with blanks and hyphens left out: those of many letters, then those of
# Chinese, Japanese and Korean. Bold and slanted ones come last.
FIRST = (
    "dejavusans", "notosansregular", "notosans", "notosanscjk", "sourcehansans", "wqy", "droidsansfallback", "msyh",
    "simhei", "simsun", "yugoth", "meiryo", "malgun", "pingfang", "hiragino", "applesdgothicneo", "arialunicode",
    "segoeui", "seguisym", "arial", "liberationsans", "freesans", "unifont",
)  # fmt: skip
STYLED = ("bold", "italic", "oblique", "mono", "serif", "condensed", "light", "thin", "black", "narrow", "emoji")
# How many fonts are looked into for a letter, and how many files are listed.
MOST_FONTS, MOST_FILES = 80, 5000
LONGEST = 300
# What parts words: in a script that is written from right to left these would change their place.
BETWEEN, SPACE = re.compile(r"([\s,:;]+)"), re.compile(r"\s")


@cache
def font(size: int, file: str = "") -> Font:
    """A font at a pixel size: one of a file, or Pillow's own."""
    return ImageFont.truetype(file, size) if file else ImageFont.load_default(size)


@cache
def font_files() -> tuple[str, ...]:
    """The fonts of the system, those to try first at the beginning; DejaVu Sans of matplotlib, where that is."""
    folders = [Path(os.path.expandvars(folder)).expanduser() for folder in FOLDERS.get(sys.platform, FOLDERS["linux"])]
    found = [file for folder in folders for file in _below(folder)]
    plotting = importlib.util.find_spec("matplotlib")
    if plotting and plotting.origin:
        found.append(str(Path(plotting.origin).parent / "mpl-data/fonts/ttf/DejaVuSans.ttf"))
    return tuple(sorted(found[:MOST_FILES], key=_rank)[:MOST_FONTS])


@cache
def families() -> tuple[str, ...]:
    """What the fonts of the system are called, in the same order."""
    names: dict[str, None] = {}
    for file in font_files():
        with contextlib.suppress(OSError, ValueError):
            names[str(ImageFont.truetype(file, 12).getname()[0])] = None
    return tuple(names)


def _below(folder: Path) -> Iterator[str]:
    for root, folders, files in os.walk(folder):
        folders.sort()
        yield from (str(Path(root, name)) for name in sorted(files) if name.lower().endswith(ENDINGS))


def _rank(file: str) -> tuple[bool, int, str]:
    name = Path(file).stem.lower().replace("-", "").replace("_", "").replace(" ", "")
    place = next((place for place, first in enumerate(FIRST) if name.startswith(first)), len(FIRST))
    return any(style in name for style in STYLED), place, name


@lru_cache(maxsize=4096)
def runs(words: str) -> tuple[Run, ...]:
    """Words in stretches of one font each; what no font has is written by its bare letter, or else its code point.

    Of very long words only the beginning is there, and dots: no picture has room for more.
    """
    words = words if len(words) <= LONGEST else f"{words[:LONGEST]}..."
    made: list[Run] = []
    for place, word in enumerate(BETWEEN.split(words)):
        for text, file in [(SPACE.sub(" ", word), "")] if place % 2 else _of_word(word):
            if made and made[-1][1] == file:
                made[-1] = made[-1][0] + text, file
            else:
                made.append((text, file))
    return tuple(made)


def _of_word(word: str) -> list[Run]:
    """A word in the first font that has all of its letters; if none has, letter by letter."""
    if not word:
        return []
    for file in ("", *(() if word.isascii() else font_files())):
        if all(_has(character, file) for character in word):
            return [(word, file)]
    made: list[Run] = []
    for character in word:
        if unicodedata.category(character).startswith("M") and made:
            text, file = made[-1]  # a mark belongs on its letter, and is none where that is not drawn
            made.append((character, file) if _has(text[-1], file) and _has(character, file) else (_code(character), ""))
        else:
            made.append(_drawn(character))
    return made


def drawable(words: str) -> str:
    """The words as they are drawn; see `runs`."""
    return "".join(text for text, _ in runs(words))


@cache
def _drawn(character: str) -> Run:
    """What is drawn for a character, and the font of it."""
    for file in ("", *(() if character.isascii() else font_files())):
        if _has(character, file):
            return character, file
    bare = unicodedata.normalize("NFKD", character)[0]
    if bare != character and _has(bare, ""):
        return bare, ""
    return _code(character), ""


def _code(character: str) -> str:
    return "?" if character.isascii() else f"[U+{ord(character):04X}]"


@cache
def _has(character: str, file: str) -> bool:
    """Whether a font has a glyph of its own for a character, rather than the box that stands for what it lacks."""
    if not file and character.isascii():
        return character.isprintable()
    try:
        drawn, missing = (font(20, file).getmask(text) for text in (character, "\uffff"))
    except (OSError, ValueError):  # a damaged file, or one of a kind that FreeType does not know
        return False
    return (drawn.size, bytes(drawn)) != (missing.size, bytes(missing))


def length(words: str, size: int) -> float:
    """How wide words are, in pixels, at a size."""
    return sum(font(size, file).getlength(text) for text, file in runs(words))


def write(draw: ImageDraw.ImageDraw, at: tuple[float, float], words: str, size: int, colour: tuple[int, ...]) -> None:
    """Draw words, their upper left corner at a point; all on one line, whatever fonts they take.

    Args:
        draw: on.
        at: that corner.
        words: what to write.
        size: of the letters in pixels.
        colour: of them.
    """
    own, x = font(size), at[0]
    if not isinstance(own, ImageFont.FreeTypeFont):  # Pillow without FreeType, which has one font of one size
        draw.text(at, drawable(words), fill=colour, font=own)
        return
    baseline = at[1] + own.getmetrics()[0]
    for text, file in runs(words):
        chosen = font(size, file)
        draw.text((x, baseline), text, fill=colour, font=chosen, anchor="ls")
        x += chosen.getlength(text)
