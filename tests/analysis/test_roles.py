"""What another dialect's matching does differently, against sets made here from both matchings."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ssdlossdbg import api
from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.named_priors import load_priors
from ssdlossdbg.results import MatchResult, RoleChanges
from tests.kinds_of_dialects import each_value_of, one_of_each

SAMPLES = Path(__file__).parents[2] / "sample_data"
PRIORS = load_priors("ssd300-voc")
FILES = {name: (SAMPLES / f"{name}.jpg", SAMPLES / f"{name}.xml") for name in ("astronaut", "coins")}


@cache
def matched(name: str, photo: str = "astronaut") -> MatchResult:
    return api.match(*FILES[photo], PRIORS, name, device="cpu")


def roles(reference: MatchResult, name: str, photo: tuple[Path, Path] = FILES["astronaut"]) -> RoleChanges:
    """What changes under another dialect."""
    (changes,) = api.match_roles(reference, *photo, PRIORS, [name], device="cpu")
    return changes


def owners(result: MatchResult) -> dict[int, int]:
    """Positive prior -> object, by its index in the annotation."""
    pairs = zip(result.positives.prior.tolist(), result.positives.ground_truth.tolist(), strict=True)
    return {prior: result.ground_truth[place].index for prior, place in pairs}


@pytest.mark.parametrize(
    ("photo", "name"),
    [
        *(("astronaut", name) for name in each_value_of("match", "targets", "loader")),
        *(("coins", name) for name in one_of_each("match.forced", "match.ignore_from", "targets.units")),
    ],
)
def test_against_sets(name: str, photo: str) -> None:
    reference, other = matched("ssd.pytorch", photo), matched(name, photo)
    changes, before, after = roles(reference, name, FILES[photo]), owners(reference), owners(other)
    assert changes.dialect == name
    assert changes.gained == len(set(after) - set(before))
    assert changes.lost == len(set(before) - set(after))
    assert changes.moved == len({prior for prior in set(before) & set(after) if before[prior] != after[prior]})
    assert changes.positives == len(after) == changes.gained + len(before) - changes.lost
    assert changes.negatives == other.totals.negatives
    assert changes.raises == other.raises
    wanted = []
    others = {item.index: item for item in other.ground_truth}
    for mine in reference.ground_truth:
        theirs = others.get(mine.index)
        status = theirs.status if theirs else "left out"
        positives = [sum(owner == mine.index for owner in side.values()) for side in (before, after)]
        here = (positives[0], positives[1] if theirs else None)
        if here[0] != here[1] or mine.status != status:
            wanted.append((mine.index, mine.label, here, (mine.status, status)))
    assert [(item.index, item.label, item.positives, item.status) for item in changes.objects] == wanted


def test_dialects_that_agree_and_why_others_do_not() -> None:
    names = ["caffe", "faceboxes", "d2l", "retinaface", "ssd.pytorch"]
    changes = api.match_roles(matched("ssd.pytorch"), *FILES["astronaut"], PRIORS, names, device="cpu")
    for first in changes:
        for second in changes:
            alike = first.agrees_with == second.agrees_with
            same = owners(matched(first.dialect)) == owners(matched(second.dialect))
            assert alike == (same and first.negatives == second.negatives)
    assert changes[-1].agrees_with == "ssd.pytorch"
    assert changes[-1].reasons == ()
    by_name = {change.dialect: change for change in changes}
    assert by_name["retinaface"].agrees_with == "faceboxes"
    assert by_name["faceboxes"].reasons[0] == "its loader reads the objects otherwise"  # no 1 is subtracted
    assert by_name["faceboxes"].reasons[1] == "threshold: 0.35 instead of 0.5"
    assert by_name["faceboxes"].reasons[-1] == "mining quota: 7 instead of 3"
    assert by_name["d2l"].reasons[-1] == "mining selection: none instead of ranked"


def test_a_dialect_against_itself_changes_nothing() -> None:
    changes = roles(matched("caffe"), "caffe")
    assert (changes.gained, changes.lost, changes.moved, changes.objects) == (0, 0, 0, ())


def test_a_move_is_no_gain() -> None:
    result = matched("ssd.pytorch")
    places = result.positives.ground_truth.copy()
    first = int(np.flatnonzero(places == 0)[0])
    places[first] = 1
    taken = replace(result, positives=replace(result.positives, ground_truth=places))
    changes = roles(taken, "ssd.pytorch")
    assert (changes.gained, changes.lost, changes.moved) == (0, 0, 1)


def test_an_object_that_one_loader_leaves_out(tmp_path: Path) -> None:
    objects = [("dog", 1, (10, 10, 90, 90)), ("cat", 0, (100, 20, 180, 95))]
    text = "".join(
        f"<object><name>{name}</name><difficult>{difficult}</difficult><bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin>"
        f"<xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>"
        for name, difficult, (x1, y1, x2, y2) in objects
    )
    (tmp_path / "a.xml").write_text(
        f"<annotation><size><width>200</width><height>100</height></size>{text}</annotation>"
    )
    Image.new("RGB", (200, 100)).save(tmp_path / "a.png")
    files = (tmp_path / "a.png", tmp_path / "a.xml")
    drops, keeps = (api.match(*files, PRIORS, name, device="cpu") for name in ("ssd.pytorch", "torchvision"))
    assert [item.index for item in drops.ground_truth] == [1]
    dog = keeps.ground_truth[0]
    there = roles(drops, "torchvision", files)
    assert [(item.index, item.label) for item in there.objects if item.index == 0] == [(0, "dog")]
    assert there.objects[0].positives == (None, dog.positives)
    assert there.objects[0].status == ("left out", dog.status)
    assert there.gained == len(set(owners(keeps)) - set(owners(drops)))
    back = roles(keeps, "ssd.pytorch", files)
    assert (back.objects[0].positives, back.objects[0].status) == ((dog.positives, None), (dog.status, "left out"))
    assert (back.gained, back.lost, back.moved) == (there.lost, there.gained, there.moved)


def test_the_function_asks_several() -> None:
    files, reference = FILES["astronaut"], matched("ssd.pytorch")
    changes = api.match_roles(reference, *files, PRIORS, ["caffe", "torchvision"], device="cpu")
    assert [change.dialect for change in changes] == ["caffe", "torchvision"]
    assert changes[0] == roles(reference, "caffe")
    assert api.match_roles(reference, *files, None, ["caffe"], device="cpu")[0] == changes[0]
    assert api.match_roles(reference, *files, PRIORS, (), device="cpu") == ()
    with pytest.raises(InputError, match=r"--dialects: unknown dialect 'cafe'. Did you mean 'caffe'\?"):
        api.match_roles(reference, *files, PRIORS, ["torchvision", "cafe"], device="cpu")
