"""What a picture writes of a word that no font has whole, letter by letter."""

from __future__ import annotations

import pytest

from ssdlossdbg.report import fonts

ACUTE, PRIVATE = "\N{COMBINING ACUTE ACCENT}", "\ue000"


@pytest.mark.parametrize(
    ("known", "word", "made"),
    [
        # A mark stands on its letter where the font has both, and is told by its code point elsewhere.
        (f"xa{ACUTE}", f"xa{ACUTE}{PRIVATE}", ["x", "a", ACUTE, "[U+E000]"]),
        ("xa", f"xa{ACUTE}{PRIVATE}", ["x", "a", "[U+0301]", "[U+E000]"]),
        (f"xa{ACUTE}", f"{PRIVATE}{ACUTE}x", ["[U+E000]", "[U+0301]", "x"]),
        (f"xa{ACUTE}", f"{ACUTE}{PRIVATE}", [ACUTE, "[U+E000]"]),
    ],
)
def test_marks_and_their_letters(known: str, word: str, made: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_has", lambda character, _: character in known)
    monkeypatch.setattr(fonts, "font_files", lambda: ())
    monkeypatch.setattr(fonts, "_drawn", fonts._drawn.__wrapped__)  # which remembers what fonts have
    assert [text for text, _ in fonts._of_word(word)] == made
    assert {file for _, file in fonts._of_word(word)} == {""}
