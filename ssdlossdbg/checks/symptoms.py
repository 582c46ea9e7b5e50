"""Pages of findings by what people see: the words of a symptom, held against the words of the pages."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from functools import cache

from ssdlossdbg.checks.catalogue import CHECKS
from ssdlossdbg.checks.registry import Check

MOST_FOUND = 10
# What says nothing of a symptom.
COMMON = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "been",
        "but",
        "by",
        "can",
        "do",
        "does",
        "doesn",
        "from",
        "get",
        "gets",
        "getting",
        "go",
        "goes",
        "had",
        "has",
        "have",
        "how",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "keep",
        "keeps",
        "me",
        "my",
        "no",
        "not",
        "of",
        "on",
        "or",
        "so",
        "some",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "to",
        "very",
        "was",
        "what",
        "when",
        "where",
        "which",
        "while",
        "why",
        "will",
        "with",
        "always",
        "problem",
        "error",
        "wrong",
        "bad",
    ]
)
# Words that people use for what the pages call otherwise.
SAME = {
    "infinite": "inf", "infinity": "inf", "nans": "nan", "losses": "loss", "anchor": "prior", "anchors": "prior",
    "priors": "prior", "boxes": "box", "bbox": "box", "bboxes": "box", "labels": "label", "classes": "class",
    "objects": "object", "tiny": "small", "zero": "0", "accuracy": "map", "explodes": "inf", "explode": "inf",
    "diverges": "inf", "images": "image", "photos": "photo", "detections": "detect", "detected": "detect",
    "detection": "detect", "detects": "detect", "negatives": "negative", "positives": "positive", "learns": "learn",
    "learned": "learn", "learnt": "learn", "learning": "learn", "training": "train", "trains": "train",
}  # fmt: skip
# What a word counts by where it stands: in the name, the summary, and the rest of a page.
NAME, SUMMARY, PAGE = 4.0, 3.0, 1.0


def by_symptom(text: str) -> list[Check]:
    """The findings whose pages speak of it, those that do so most first; none where none does.

    Args:
        text: what is seen, in words: "loss is nan".
    """
    wanted, pages = _words(text), _pages()
    rarity = {word: math.log(1 + len(pages) / (1 + sum(word in page for page in pages.values()))) for word in wanted}
    # A page that speaks of more of the words goes before one that speaks of one of them often.
    scored = [
        (len(wanted & page.keys()), sum(page[word] * rarity[word] for word in wanted & page.keys()), code)
        for code, page in pages.items()
    ]
    most = max((number for number, _, _ in scored), default=0)
    best = sorted((each for each in scored if each[0] == most and most), key=lambda each: (-each[1], each[2]))
    return [CHECKS[code] for _, _, code in best[:MOST_FOUND]]


def _words(text: str) -> frozenset[str]:
    found = re.findall(r"[^\W_]+", text.lower())
    return frozenset(SAME.get(word, word) for word in found) - COMMON


@cache
def _pages() -> dict[str, dict[str, float]]:
    """Of each page what its words count."""
    pages: dict[str, dict[str, float]] = {}
    for code, check in CHECKS.items():
        page: dict[str, float] = defaultdict(float)
        for text, weight in ((check.name, NAME), (check.summary, SUMMARY), (" ".join(check.sections.values()), PAGE)):
            for word in _words(text):
                page[word] += weight
        pages[code] = dict(page)
    return pages
