"""On which batches a codebase is said to raise: at the numbers where it begins to."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch

from ssdlossdbg.analysis.evidence.raising import why_raises
from ssdlossdbg.multibox.ground_truth import pad_ground_truth
from ssdlossdbg.multibox.loss import LossTerms
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.rules.dialect import RaisesSpec

SOUND, FLAT, INVERTED = (0.1, 0.1, 0.5, 0.5), (0.1, 0.3, 0.5, 0.3), (0.5, 0.1, 0.1, 0.5)


def said(
    raises: dict[str, str], *images: list[Any], positives: Any = (1, 1), negatives: int = 6, wanted: Any = (3, 3)
) -> str | None:
    """Of two images of eight priors, or their objects; what is wanted is of each, or of both together."""
    boxes = [torch.tensor(each or [], dtype=torch.float32).reshape(-1, 4) for each in images]
    gt = pad_ground_truth(boxes, [torch.ones(len(each), dtype=torch.long) for each in boxes]) if boxes else None
    places = torch.arange(8)
    matching = SimpleNamespace(
        positive=torch.stack([places < number for number in positives]),
        negative=(places >= 8 - negatives).expand(2, -1),
    )
    loss = SimpleNamespace(matching=matching, mining=SimpleNamespace(wanted=torch.tensor(wanted, dtype=torch.float32)))
    dialect = replace(load_dialect("ssd.pytorch"), raises=RaisesSpec(**raises))
    return why_raises(gt, cast(LossTerms, loss), dialect)


@pytest.mark.parametrize(
    ("of", "facts", "images"),
    [
        ("zero_positives", {"positives": (0, 1)}, None),
        ("zero_positives", {"positives": (0, 0)}, "0, 1"),
        ("nothing_to_mine", {"wanted": (1, 1)}, None),
        ("nothing_to_mine", {"wanted": (1, 0.9)}, "1"),
        ("nothing_to_mine", {"wanted": (0,)}, "0, 1"),
        ("too_few_to_mine", {"wanted": (6, 6)}, None),
        ("too_few_to_mine", {"wanted": (6.5, 6)}, "0"),
        # Of both images together there are twice as many.
        ("too_few_to_mine", {"wanted": (12,)}, None),
        ("too_few_to_mine", {"wanted": (13,)}, "0, 1"),
    ],
)
def test_by_what_the_loss_came_to(of: str, facts: dict[str, Any], images: str | None) -> None:
    assert said({of: "ValueError"}, **facts) == (images and f"ValueError (image {images})")
    others = {"zero_positives", "nothing_to_mine", "too_few_to_mine"} - {of}
    usual = dict.fromkeys(others - ({"nothing_to_mine"} if facts.get("wanted") == (0,) else set()), "no")
    assert said(usual, **({} if of == "zero_positives" else facts)) is None


@pytest.mark.parametrize(
    ("of", "objects", "images"),
    [
        ("degenerate_box", ([SOUND], [SOUND, SOUND]), None),
        ("degenerate_box", ([SOUND], []), None),
        ("degenerate_box", ([SOUND], [SOUND, FLAT]), "1"),
        ("degenerate_box", ([INVERTED], [SOUND, SOUND]), "0"),
        ("image_without_objects", ([SOUND], [FLAT]), None),
        ("image_without_objects", ([SOUND], []), "1"),
        ("image_without_objects", ([], []), "0, 1"),
    ],
)
def test_by_the_objects(of: str, objects: tuple[list[Any], ...], images: str | None) -> None:
    assert said({of: "IndexError"}, *objects) == (images and f"IndexError (image {images})")
    assert said({of: "IndexError"}) is None, "of unknown objects nothing is said"


def test_the_first_reason_is_said() -> None:
    """As the data come in: a box, an image, and then what was made of them."""
    reasons = {name: name for name in ("zero_positives", "nothing_to_mine", "degenerate_box", "image_without_objects")}
    facts: dict[str, Any] = {"positives": (0, 0), "wanted": (0, 0)}
    assert said(reasons, [FLAT], [], **facts) == "degenerate_box (image 0)"
    assert said(reasons, [SOUND], [], **facts) == "image_without_objects (image 1)"
    assert said(reasons, [SOUND], [SOUND], **facts) == "zero_positives (image 0, 1)"
