"""Headers of captured batches, names of images, losses in words, and rows of a history, each as it is written."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
import torch

from ssdlossdbg.results.captured import Captured, Recorded, is_name, named_in, plain_json
from ssdlossdbg.results.history_rows import (
    FIRST,
    HEAD,
    OBJECTS,
    PARTS_KNOWN,
    SAMPLED,
    SAVED,
    STEPS,
    TOTAL_KNOWN,
    VALIDATION,
    describes,
    head_of,
    losses,
    rows_in,
)


def test_numbers_that_are_not_finite_are_words() -> None:
    document = {"a": math.nan, 2: [math.inf, (-math.inf, 1.5)], "c": {"d": None, "e": "é"}}
    text = plain_json(document)
    assert json.loads(text) == {"a": "NaN", "2": ["Infinity", ["-Infinity", 1.5]], "c": {"d": None, "e": "é"}}
    assert "é" in text


def test_a_header_says_no_more_than_it_was_told() -> None:
    said = json.loads(Captured(3, "every").to_json())
    usual = {key: value for key, value in said.items() if value not in (None, "", [], {}, False)}
    nothing = {"total": None, "localization": None, "confidence": None}
    assert usual == {
        "step": 3,
        "reason": "every",
        "recorded": nothing,
        "prior_format": "cxcywh",
        "world": 1,
        "version": 1,
    }


@pytest.mark.parametrize(
    ("recorded", "words"),
    [
        (Recorded(), ""),
        (Recorded(1.5), "1.50"),
        (Recorded(None, 1.0), "loc 1.00"),
        (Recorded(None, 1.0, 2.0), "loc 1.00, conf 2.00"),
        (Recorded(3.0, 1.0, 2.0), "3.00 (loc 1.00, conf 2.00)"),
        (Recorded(3.0, None, 2.0), "3.00 (conf 2.00)"),
    ],
)
def test_a_loss_in_words(recorded: Recorded, words: str) -> None:
    assert recorded.words(".2f") == words
    assert recorded.known is bool(words)


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ({}, ""),
        ([], ""),
        ({"file_name": "a.jpg", "image_id": 3}, "a.jpg"),
        ({"file_name": "", "path": "b.jpg"}, "b.jpg"),
        ({"image_id": 3}, "image_id 3"),
        ({"image_id": 123456789012345}, "image_id 123456789012345"),
        ({"image_id": torch.tensor([7])}, "image_id 7"),
        ({"image_id": torch.tensor([7, 8]), "path": None}, ""),
        ({"image_id": True}, ""),
        ({"filename": ["c.jpg"]}, "c.jpg"),
        ({"filename": ["c.jpg", "d.jpg"]}, ""),
        ({"filename": ()}, ""),
        ({"other": "c.jpg"}, ""),
    ],
)
def test_what_an_image_is_called(target: Any, name: str) -> None:
    assert named_in(target) == name
    assert is_name(name) is name.endswith(".jpg")


def test_the_loss_of_a_step_is_its_total_or_both_parts() -> None:
    rows = np.zeros(4, STEPS.dtype)
    rows["marks"] = TOTAL_KNOWN | PARTS_KNOWN, PARTS_KNOWN, TOTAL_KNOWN, VALIDATION | SAVED | SAMPLED | FIRST
    rows["total"], rows["localization"], rows["confidence"] = (7, 8, 9, 9), (1, 2, 3, 3), (4, 5, 6, 6)
    np.testing.assert_array_equal(losses(rows), [7, 7, 9, np.nan])
    assert losses(rows).dtype == np.float64
    assert [VALIDATION, SAVED, SAMPLED, FIRST, TOTAL_KNOWN, PARTS_KNOWN] == [1, 2, 4, 8, 16, 32]


def test_a_head_says_what_the_rows_are() -> None:
    head = STEPS.head({"criterion": "Loss"})
    assert len(head) == HEAD
    assert head.endswith(b" \n")
    said = head_of(head)
    assert (said["table"], said["criterion"]) == ("steps", "Loss")
    assert describes(said, STEPS)
    assert not describes(said, OBJECTS)
    assert not describes({}, STEPS)
    assert not describes({"fields": 3}, STEPS)
    assert not describes({"fields": [{"name": "step"}]}, STEPS)
    assert head_of(head[:-1]) == {}
    assert head_of(b"x" + head) == {}
    assert head_of(head.replace(b"{", b"[", 1)) == {}


def test_a_head_has_room_for_so_much() -> None:
    room = HEAD - 1 - len(STEPS.head({"more": ""}).rstrip())
    assert len(STEPS.head({"more": "x" * room})) == HEAD
    with pytest.raises(ValueError, match=f"a head of {HEAD} bytes"):
        STEPS.head({"more": "x" * (room + 1)})


def test_the_rows_that_are_whole() -> None:
    rows = np.zeros(2, STEPS.dtype)
    rows["step"] = 5, 6
    data = STEPS.head({}) + rows.tobytes()
    assert rows_in(data, STEPS)["step"].tolist() == [5, 6]
    assert rows_in(data[:-1], STEPS)["step"].tolist() == [5]
    assert len(rows_in(data[: HEAD - 1], STEPS)) == len(rows_in(data[:HEAD], STEPS)) == 0
