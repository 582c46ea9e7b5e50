"""What a batch holds that its images had not at other steps: on objects made by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ssdlossdbg.analysis.history.again import Held, unlike_other_steps
from ssdlossdbg.results.history_rows import OBJECTS

IMAGES, OBJECTS_OF_ONE = 6, 3
NUMBER = IMAGES * OBJECTS_OF_ONE


def objects(times: int = 1) -> Held:
    """Image, label and box of each object: nowhere two of one box, and none the same with x and y exchanged."""
    image, place = np.repeat(np.arange(IMAGES), OBJECTS_OF_ONE), np.arange(NUMBER)
    x, y = 0.02 * place, 0.5 - 0.02 * place
    box = np.stack((x, y, x + 0.2, y + 0.1), 1)
    return Held(np.tile(image, times), np.tile(1 + place % 2, times), np.tile(box, (times, 1)))


def rows(held: Held) -> Any:
    """What a history has of such objects."""
    made = np.zeros(len(held.image), OBJECTS.dtype)
    made["image"], made["label"], made["box"] = held.image, held.label, held.box
    return made


def exchange(held: Held, which: Any = slice(None)) -> None:
    held.box[which] = held.box[which][:, [1, 0, 3, 2]]


def rename(held: Held, which: Any) -> None:
    held.label[which] = 3 - held.label[which]


def said(held: Held, known: Any = None) -> str:
    return unlike_other_steps(held, rows(objects(2)) if known is None else known, ["cat", "dog"])


def test_a_batch_as_ever_says_nothing() -> None:
    assert said(objects()) == ""


@pytest.mark.parametrize(("number", "words"), [(18, "18 of its 18"), (3, "3 of its 18"), (2, "")])
def test_boxes_exchanged(number: int, words: str) -> None:
    held = objects()
    exchange(held, slice(number))
    assert said(held) == (f"unlike at other steps, {words} objects have x and y exchanged" if words else "")


@pytest.mark.parametrize(("number", "told"), [(3, False), (4, True)])
def test_a_tenth_of_many_objects_it_takes(number: int, told: bool) -> None:
    held = objects(2)
    held.image[NUMBER:] += IMAGES
    known = rows(held)
    exchange(held, slice(number))
    assert bool(said(held, known)) == told


def test_other_classes() -> None:
    held = objects()
    rename(held, [1, 3, 5, 7, 8])
    assert said(held) == "unlike at other steps, 5 of its 18 objects have another class, as cat for dog"


def test_objects_of_other_images() -> None:
    held = objects()
    held.image[:] = (held.image + 1) % IMAGES
    assert said(held) == "unlike at other steps, 18 of its 18 objects are those of other images"


def test_two_faults_at_once() -> None:
    held = objects()
    exchange(held, slice(4))
    rename(held, slice(10, 13))
    assert said(held) == (
        "unlike at other steps, 4 of its 18 objects have x and y exchanged, 3 of its 18 objects have another class, "
        "as dog for cat"
    )


def test_what_was_seen_more_often_is_as_ever() -> None:
    """Of another step that was wrong, too, the majority says what is right."""
    wrong = objects()
    exchange(wrong)
    known = np.concatenate((rows(wrong), rows(objects(2))))
    assert said(objects(), known) == ""
    assert said(wrong, known) == "unlike at other steps, 18 of its 18 objects have x and y exchanged"


def test_boxes_that_are_the_same_either_way_say_nothing() -> None:
    held = objects()
    held.box[:, 1], held.box[:, 3] = held.box[:, 0] + 1 / 400, held.box[:, 2]
    known = rows(held)
    known["box"] = held.box[:, [1, 0, 3, 2]]
    known["box"][:, 0] += 1 / 400  # now only what is exchanged is near
    assert said(held, known) == ""


def test_moved_boxes_and_unknown_images_say_nothing() -> None:
    moved, unknown, exchanged = objects(), objects(), objects()
    moved.box[:] += 0.03
    unknown.image[:] = -1
    exchange(unknown)
    exchange(exchanged)
    unnamed = rows(objects())
    unnamed["image"] = -1
    assert said(moved) == said(unknown) == said(exchanged, unnamed) == ""


def test_no_object_at_all() -> None:
    nothing = Held(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 4)))
    assert said(nothing) == said(objects(), rows(nothing)) == ""
