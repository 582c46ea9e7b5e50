"""What a program gives for images and folders, and what is made of it before anything is computed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ssdlossdbg.api.diffs import Kind, _is_pair, _kind_of_folder
from ssdlossdbg.api.photos_of import names_and_photos


def test_images_that_are_files_are_called_by_their_paths_and_not_opened() -> None:
    assert names_and_photos([]) == ([], ())
    assert names_and_photos(["a/no.jpg", Path("b/no.jpg")]) == (["a/no.jpg", "b/no.jpg"], ())


def test_images_at_hand_are_kept_by_their_places() -> None:
    """Those that know no file are called by their places; of files nothing is kept."""
    red = Image.new("RGB", (3, 2), (255, 0, 0))
    names, photos = names_and_photos([np.full((2, 3, 3), 7, np.uint8), "a/no.jpg", red])
    assert names == ["images[0]", "a/no.jpg", "images[2]"]
    first, none, last = photos
    assert none is None
    assert [np.asarray(photo)[1, 2].tolist() for photo in (first, last)] == [[7, 7, 7], [255, 0, 0]]


@pytest.mark.parametrize(
    ("holds", "kind"),
    [
        ("history/", Kind.RUN),
        ("step0000007.safetensors", Kind.RUN),
        ("history", Kind.ANNOTATIONS),
        ("a.xml", Kind.ANNOTATIONS),
        ("", Kind.ANNOTATIONS),
    ],
)
def test_a_folder_of_steps_or_with_a_history_is_a_run(holds: str, kind: Kind, tmp_path: Path) -> None:
    if holds.endswith("/"):
        (tmp_path / holds).mkdir()
    elif holds:
        (tmp_path / holds).touch()
    assert _kind_of_folder(tmp_path) is kind


LOC, ROWS = torch.zeros(1, 2, 4), torch.zeros(3, 5)


@pytest.mark.parametrize(
    ("given", "pair"),
    [
        (("preds.pt", "targets.pt"), True),
        ((LOC, LOC), False),
        ((LOC, ROWS), True),
        ((LOC, [ROWS]), True),
        (((LOC, LOC), [ROWS]), True),
        ((LOC, LOC, LOC), False),
        ([LOC, ROWS], False),
        ("preds.pt", False),
    ],
)
def test_two_tensors_of_a_batch_are_predictions_and_no_pair(given: object, pair: bool) -> None:
    assert _is_pair(given) is pair
