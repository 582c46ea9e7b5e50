"""Predictions, targets and priors that belong together, and those that do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from ssdlossdbg.errors import InputError
from ssdlossdbg.multibox.boxes import cxcywh_to_xyxy
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.readers.named_priors import NamedPriors, load_priors
from ssdlossdbg.readers.saved.encoded_targets import EncodedTargets
from ssdlossdbg.readers.saved.layout import SavedLayout
from ssdlossdbg.readers.saved.targets import Targets
from ssdlossdbg.readers.saved.tensor_files import Saved
from ssdlossdbg.readers.saved_batches import recognise_batch
from ssdlossdbg.results import Captured

Refused = Callable[[Callable[[], object]], InputError]
RULES = load_dialect("ssd.pytorch")
VOC, COCO = (load_priors(name).priors.boxes for name in ("ssd300-voc", "ssd300-coco"))
TARGETS = Saved([torch.tensor([[0.1, 0.1, 0.5, 0.5, 1.0]])], "targets.pt")


def predictions(priors: Tensor | None, count: int = 8732) -> Saved:
    """Of so many priors, and with some saved beside them."""
    return Saved((torch.zeros(1, count, 4), torch.zeros(1, count, 3), *(() if priors is None else (priors,))), "p.pt")


def priors_of(saved: Saved, priors: str | Tensor | None = None, layout: SavedLayout = SavedLayout()) -> NamedPriors:
    return recognise_batch(saved, None, priors, RULES, layout).priors


@pytest.mark.parametrize("saved", [COCO, cxcywh_to_xyxy(COCO), COCO * 300, cxcywh_to_xyxy(COCO) * 300, None])
def test_priors_named_are_those_saved_in_whichever_form(saved: Tensor | None) -> None:
    found = priors_of(predictions(saved), "ssd300-coco")
    assert (found.name, found.overruled) == ("ssd300-coco", None)


@pytest.mark.parametrize("saved", [VOC, VOC * 300])
def test_other_priors_are_overruled(saved: Tensor) -> None:
    overruled = priors_of(predictions(saved), "ssd300-coco").overruled
    assert overruled is not None
    assert overruled.name == "ssd300-voc"


def test_saved_priors_that_are_none_overrule_nothing() -> None:
    assert priors_of(predictions(COCO * float("nan")), "ssd300-coco").overruled is None


def test_priors_saved_with_the_predictions() -> None:
    assert priors_of(predictions(cxcywh_to_xyxy(COCO)), layout=SavedLayout("xyxy")).name == "ssd300-coco"
    assert priors_of(predictions(None), COCO).name == "ssd300-coco"


def test_predictions_without_priors(refused: Refused) -> None:
    assert refused(lambda: priors_of(predictions(None))).what == "holds no priors"
    error = refused(lambda: priors_of(predictions(COCO, 8731)))
    assert (error.where, error.code) == ("p.pt, priors", "PRI001")
    assert refused(lambda: priors_of(predictions(None, 8731), "ssd300-coco")).where == "--config ssd300-coco"


@pytest.mark.parametrize(
    ("count", "fitting"),
    [(8731, ""), (24564, "a preset of so many (balancap-ssd512, caffe-ssd512-coco, ")],
)
def test_a_captured_batch_of_another_number_than_its_dialects_priors(
    count: int, fitting: str, refused: Refused
) -> None:
    """Which are taken where the criterion had none, if they are as many."""
    captured = Captured(0, "asked", dialect="ssd.pytorch")
    fits = priors_of(replace(predictions(None), captured=captured))
    assert (fits.assumed, len(fits.priors.boxes)) == (True, 8732)
    error = refused(lambda: priors_of(replace(predictions(None, count), captured=captured)))
    assert error.where == "p.pt"
    assert error.what == f"holds no priors, and {fits.name}, which ssd.pytorch takes, has 8732, not {count}"
    assert error.fix.startswith(f"Say which they are: --config with {fitting}")
    assert error.fix.endswith("a config of yours or a saved tensor.")


def test_targets_alone_are_held_against_the_dialects_own_priors(refused: Refused) -> None:
    found = recognise_batch(None, TARGETS, None, RULES, SavedLayout())
    assert (found.predictions, found.priors.name) == (None, load_priors(RULES.prior_config).name)
    assert isinstance(found.targets, Targets)
    encoded = Saved((torch.zeros(1, 7), torch.zeros(1, 7, 4)), "e.pt")
    assert refused(lambda: recognise_batch(None, encoded, None, RULES, SavedLayout())).where == "e.pt"
    fitting = recognise_batch(None, encoded, torch.rand(7, 4), RULES, SavedLayout(image_size=300))
    assert isinstance(fitting.targets, EncodedTargets)


def test_targets_of_other_predictions(refused: Refused) -> None:
    two = Saved(TARGETS.value * 2, "targets.pt")
    error = refused(lambda: recognise_batch(predictions(COCO), two, None, RULES, SavedLayout()))
    assert (error.where, error.what) == ("targets.pt", "has 2 images, but the predictions have 1")
    beyond = recognise_batch(None, two, None, RULES, SavedLayout())
    assert beyond.targets is not None
    assert refused(lambda: recognise_batch(None, two, None, RULES, SavedLayout(), classes=2)).code == "LBL001"


def test_pixels_need_the_size_of_the_input(refused: Refused) -> None:
    layout = SavedLayout(target_units="pixels")
    error = refused(lambda: recognise_batch(predictions(torch.rand(8732, 4)), TARGETS, None, RULES, layout))
    assert error.fix == "Say of what input: --image-size 300."


def test_targets_alone_have_as_many_classes_as_their_labels_ask_for() -> None:
    """And no label is beyond them; with a number of classes, one may be."""
    assert isinstance(recognise_batch(None, TARGETS, None, RULES, SavedLayout()).targets, Targets)
    below = Saved([torch.tensor([[0.1, 0.1, 0.5, 0.5, -2.0]])], "targets.pt")
    with pytest.raises(InputError) as caught:
        recognise_batch(None, below, None, RULES, SavedLayout())
    assert caught.value.what == "has class id -1, but conf has 1 columns: 0 (background) to 0"
    high = Saved([torch.tensor([[0.1, 0.1, 0.5, 0.5, -2.0], [0.1, 0.1, 0.5, 0.5, 3.0]])], "targets.pt")
    with pytest.raises(InputError) as caught:
        recognise_batch(None, high, None, RULES, SavedLayout())
    assert caught.value.what == "has class id -1, but conf has 5 columns: 0 (background) to 4"
