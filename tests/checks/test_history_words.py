"""What findings about a run call its events and objects, and what they advise, at the shares where words change."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from ssdlossdbg.checks.history_words import (
    against_usual,
    batch_of,
    follows_rate,
    how_matched,
    how_to_look,
    place_of_event,
    place_of_object,
    remedy_of_group,
    remedy_of_objects,
)
from ssdlossdbg.results.history import RATE, SPIKE


def of(**facts: Any) -> Any:
    """Anything that has such facts."""
    return cast(Any, SimpleNamespace(**facts))


def event(**facts: Any) -> Any:
    usual = {"step": 40, "epoch": 0, "rank": 0, "file": None, "usual": None, "images": (), "cause": "", "kind": SPIKE}
    return of(**usual | facts)


ENOUGH = "They are matched: look at their labels, and whether there are enough examples."
FIT = "Give priors of their size: ssdlossdbg anchors --fit proposes them."


@pytest.mark.parametrize(
    ("unmatched", "forced_only", "words"),
    [(0.25, 0.25, ENOUGH), (0.25, 0.26, FIT), (0.51, 0.0, FIT), (0.0, 0.51, FIT), (0.75, 0.0, FIT), (0.0, 0.0, ENOUGH)],
)
def test_remedy_of_a_group(unmatched: float, forced_only: float, words: str) -> None:
    """Half of the objects that match badly are not most."""
    assert remedy_of_group(of(unmatched=unmatched, forced_only=forced_only)) == words


MATCHED = "Look at it in the photo: it is matched well enough to be learnt."
BOTH = "Two objects want one prior: more priors a cell, or a finer grid, have room for both."
OWN = "Give priors of its size: ssdlossdbg anchors --fit proposes them."


@pytest.mark.parametrize(
    ("positives", "forced_only", "best_iou", "remedy", "matched"),
    [
        (5.0, 0.5, 0.7, MATCHED, "5 positive priors, best IoU 0.70"),
        (1.0, 0.0, 0.7, MATCHED, "1 positive prior, best IoU 0.70"),
        (2.0, 0.51, 0.3, OWN, "forced only, best IoU 0.30"),
        (0.0, 0.0, 0.5, BOTH, "no positive prior: its best one, IoU 0.50, is another object's"),
        (0.0, 0.0, 0.49, OWN, "no positive prior, best IoU 0.49"),
    ],
)
def test_an_object(positives: float, forced_only: float, best_iou: float, remedy: str, matched: str) -> None:
    made = of(positives=positives, forced_only=forced_only, best_iou=best_iou)
    assert (remedy_of_objects([made]), how_matched(made)) == (remedy, matched)


def test_several_objects_get_what_helps_each_kind_of_them() -> None:
    seen = of(positives=5.0, forced_only=0.0, best_iou=0.7)
    unseen = of(positives=0.0, forced_only=0.0, best_iou=0.2)
    assert remedy_of_objects([seen, unseen, unseen]) == (
        "Give priors of their size: ssdlossdbg anchors --fit proposes them. "
        "Look at them in their photos: they are matched well enough to be learnt."
    )


@pytest.mark.parametrize(("name", "side", "words"), [("a.jpg", 12.4, "a.jpg, cat, 12 px"), ("", None, "image 7, cat")])
def test_where_an_object_is(name: str, side: float | None, words: str) -> None:
    found = place_of_object(of(run="run"), of(name=name, image=7, label_name="cat", side=side))
    assert (found.file, found.image) == ("run", words)


@pytest.mark.parametrize(
    ("facts", "ranks", "file", "words"),
    [
        ({}, 1, "run", "step 40"),
        ({"epoch": 3, "rank": 1}, 1, "run", "step 40, epoch 3"),
        ({"epoch": 3, "rank": 0, "file": "a"}, 2, "a", "step 40, epoch 3, rank 0"),
    ],
)
def test_where_an_event_is(facts: dict[str, Any], ranks: int, file: str, words: str) -> None:
    found = place_of_event(of(run="run", ranks=ranks), event(**facts))
    assert (found.file, found.image) == (file, words)


def test_what_is_said_of_an_event() -> None:
    assert (against_usual(event()), against_usual(event(usual=1.25))) == ("", " against a median of 1.25")
    assert (batch_of(event()), batch_of(event(images=("", None)))) == ("", "")
    assert batch_of(event(images=("in/a.jpg", None))) == "; a.jpg"
    assert batch_of(event(images=("a.jpg",), cause="a bad box")) == "; a bad box; a.jpg"
    assert batch_of(event(images=tuple("abcde"), file="run/x.pt")) == "; x.pt of a, b, c and 2 more"
    assert how_to_look(event()).startswith("Its batch was not saved")
    assert how_to_look(event(file="a")).startswith("Look into its file with ssdlossdbg loss")


@pytest.mark.parametrize(
    ("kind", "step", "cause", "follows"),
    [
        (RATE, 38, "", False),
        (RATE, 39, "", True),
        (RATE, 101, "", True),
        (RATE, 102, "", False),
        (RATE, 50, "NUM007 a rate", True),
        (RATE, 50, "MAT012 no prior", True),
        (RATE, 50, "MIN002 logits", True),
        (RATE, 50, "PRE015 other photos", True),
        (RATE, 50, "PRE011 x and y", False),
        (RATE, 50, "BOX001 a box", False),
        (RATE, 50, "unlike at other steps, 9 of its 9 objects have x and y exchanged", False),
        (SPIKE, 50, "", False),
    ],
)
def test_what_comes_after_a_jump_of_the_rate_for_a_step(kind: str, step: int, cause: str, follows: bool) -> None:
    jump = event(kind=kind, lasted=1, planned=False)
    assert follows_rate(of(events=[jump]), event(step=step, cause=cause)) is follows
