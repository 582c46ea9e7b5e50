"""The audit of a dataset: what matching its images one by one gives, summed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ssdlossdbg.analysis.audit import AuditSpec, analyse_audit, assigned
from ssdlossdbg.analysis.batch import Batch
from ssdlossdbg.analysis.match import AnnotatedObjects, analyse_match
from ssdlossdbg.analysis.scene import Scene
from ssdlossdbg.readers.annotations import Dataset
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.readers.named_priors import load_priors
from ssdlossdbg.results import FORCED_ONLY, INVALID, MATCHED, UNMATCHED, AuditResult, MatchResult, Rivals, Tally
from tests.kinds_of_dialects import each_value_of

SIZE = (400, 300)
Make = Callable[..., Dataset]


def audit(dataset: Dataset, dialect: str = "ssd.pytorch", config: str = "", **asked: Any) -> AuditResult:
    rules = load_dialect(dialect)
    return analyse_audit(dataset, load_priors(config or rules.prior_config), rules, AuditSpec(device="cpu", **asked))


def one_by_one(dataset: Dataset, dialect: str, config: str = "") -> list[MatchResult]:
    rules = load_dialect(dialect)
    priors = load_priors(config or rules.prior_config)
    return [
        analyse_match(
            Scene(Batch(priors, "cpu", targets=AnnotatedObjects(dataset.image_at(place), (*SIZE, 1))), rules),
            name,
        )
        for place, name in enumerate(dataset.names)
    ]


@pytest.mark.parametrize("dialect", each_value_of("match", "targets"))
def test_every_object_gets_what_matching_its_photo_gives(few: Dataset, dialect: str) -> None:
    result, photos = audit(few, dialect), one_by_one(few, dialect)
    objects = result.objects
    expected = [item for photo in photos for item in photo.ground_truth]
    assert objects.best_prior.tolist() == [item.best_prior for item in expected]
    assert objects.best_iou.tolist() == pytest.approx([item.best_iou for item in expected], abs=1e-6, nan_ok=True)
    assert objects.positives.tolist() == [item.positives for item in expected]
    assert objects.forced.tolist() == [item.forced for item in expected]
    rivals = [None if row < 0 else int(objects.index[row]) for row in objects.lost_to.tolist()]
    assert rivals == [item.lost_to for item in expected]
    for name in ("near_ties", "shape_iou", "target"):
        stated = np.concatenate([getattr(photo.evidence[0], name) for photo in photos])
        np.testing.assert_array_equal(getattr(objects, name), stated, err_msg=name)


@pytest.mark.parametrize("dialect", ["ssd.pytorch", "nvidia", "caffe"])
def test_totals_and_levels_are_the_sums_over_photos(varied: Dataset, dialect: str) -> None:
    result, photos = audit(varied, dialect), one_by_one(varied, dialect)
    statuses = Counter(item.status for photo in photos for item in photo.ground_truth)
    totals = result.totals
    assert (totals.matched, totals.forced_only) == (statuses[MATCHED], statuses[FORCED_ONLY])
    assert (totals.without_positive, totals.invalid) == (statuses[UNMATCHED], statuses[INVALID])
    assert totals.ground_truth == sum(statuses.values())
    for name in ("unmatched", "positives", "forced"):
        assert getattr(totals, name) == sum(getattr(photo.totals, name) for photo in photos)
    for index, level in enumerate(result.levels):
        assert level.positives == sum(photo.levels[index].positives for photo in photos)
        assert level.forced == sum(photo.levels[index].forced for photo in photos)


def test_other_cores_are_left_alone_and_the_number_of_threads_stays(few: Dataset) -> None:
    threads, seen = torch.get_num_threads(), list[int]()
    rules = load_dialect("ssd.pytorch")
    torch.set_num_threads(2)
    try:
        spec = AuditSpec(device="cpu")
        analyse_audit(
            few, load_priors("ssd300-voc"), rules, spec, advance=lambda _: seen.append(torch.get_num_threads())
        )
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert set(seen) == {1}


def test_groups_add_up(varied: Dataset) -> None:
    result = audit(varied)
    assert _sum(group.tally for group in result.classes) == result.totals
    sound = replace(result.totals, invalid=0)
    broken = result.totals.invalid
    for groups in (result.sizes, result.aspects):
        total = _sum(group.tally for group in groups)
        assert total.ground_truth == sound.ground_truth - broken
        assert (total.matched, total.forced_only, total.without_positive, total.reached) == (
            sound.matched, sound.forced_only, sound.without_positive, sound.reached
        )  # fmt: skip
    assert sum(level.positives for level in result.levels) == result.totals.positives
    assert sum(level.best_of for level in result.levels) == result.totals.ground_truth - broken
    assert sum(result.positives_each) == int(result.iou_by_size.counts.sum()) == result.totals.ground_truth - broken


def _sum(tallies: Any) -> Tally:
    return Tally(**{name: sum(column) for name, *column in _columns(list(tallies))})


def _columns(tallies: list[Tally]) -> list[tuple[Any, ...]]:
    return [(name, *(getattr(tally, name) for tally in tallies)) for name in vars(tallies[0])]


def test_cutting_into_blocks_changes_nothing(varied: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = audit(varied)
    monkeypatch.setattr(assigned, "OBJECTS_AT_ONCE", 7)
    monkeypatch.setattr(assigned, "IMAGES_AT_ONCE", 1)
    parts = audit(varied)
    assert parts.totals == whole.totals
    np.testing.assert_array_equal(parts.objects.lost_to, whole.objects.lost_to)


def test_an_interruption_leaves_what_was_done(varied: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assigned, "OBJECTS_AT_ONCE", 20)
    done = 0

    def interrupt(images: int) -> None:
        nonlocal done
        done += images
        if done >= 9:
            raise KeyboardInterrupt

    rules = load_dialect("ssd.pytorch")
    result = analyse_audit(varied, load_priors("ssd300-voc"), rules, AuditSpec(), advance=interrupt)
    assert 9 <= result.done < 24
    assert result.interrupted
    kept = varied.image < result.done
    columns = ("image", "index", "label", "boxes", "difficult")
    first = replace(
        varied,
        names=varied.names[: result.done],
        files=varied.files[: result.done],
        sizes=varied.sizes[: result.done],
        **{name: getattr(varied, name)[kept] for name in columns},
    )
    alone = audit(first)
    assert result.totals == alone.totals
    assert [image.file for image in result.objects.images] == list(first.files)
    np.testing.assert_array_equal(result.objects.lost_to, alone.objects.lost_to)


def test_best_possible_recall_of_squares_worked_out_by_hand(make: Make) -> None:
    # A square of 30 px on the centre of a cell is a prior of ssd300; half-way between four cells, 4 px off in x and y,
    # it shares 26 x 26 px with one. A square of 14 px is 14^2 / 30^2 of one.
    centred, between, small = (85, 85, 115, 115), (81, 81, 111, 111), (93, 93, 107, 107)
    result = audit(make([[centred], [between], [small]], size=(300, 300)))
    assert result.objects.best_iou.tolist() == pytest.approx([1.0, 676 / 1124, 196 / 900], abs=1e-5)
    assert result.objects.shape_iou.tolist() == pytest.approx([1.0, 1.0, 196 / 900], abs=1e-5)
    recalls = result.recalls
    by_threshold = {each.threshold: (each.grid, each.shape) for each in recalls}
    assert by_threshold[0.6] == (2 / 3, 2 / 3)
    assert by_threshold[0.65] == (1 / 3, 2 / 3)
    assert [(group.name, group.tally.ground_truth) for group in result.sizes if group.tally.ground_truth] == [
        ("8 to 16", 1),
        ("16 to 32", 2),
    ]


def test_the_curves_of_squares_meet_objects_that_lie_so(make: Make) -> None:
    result = audit(make([[(85, 85, 115, 115)]], size=(300, 300)))
    by_size = result.iou_by_size
    best = np.interp(30, by_size.edges, by_size.best_placed)
    worst = np.interp(30, by_size.edges, by_size.worst_placed)
    assert best == pytest.approx(1.0, abs=0.1)
    assert worst == pytest.approx(676 / 1124, abs=0.05)


@pytest.mark.parametrize("linked", [False, True])
def test_photos_have_short_paths_unless_a_link_leads_elsewhere(make: Make, tmp_path: Path, linked: bool) -> None:
    (tmp_path / "real" / "Annotations").mkdir(parents=True)
    (tmp_path / "real" / "JPEGImages").mkdir()
    (tmp_path / "real" / "JPEGImages" / "0.jpg").touch()
    (tmp_path / "Annotations").symlink_to("real/Annotations")
    home = tmp_path if linked else tmp_path / "real"
    made = make([[(10, 10, 12, 12)]], files=(str(home / "Annotations" / "0.xml"),))
    [image] = audit(made).images_first
    above = home / "Annotations" / ".." if linked else home
    assert image.photo == str(above / "JPEGImages" / "0.jpg")


def test_images_to_look_at_first(make: Make) -> None:
    """Nothing learnt is worse than hardly anything learnt, which is worse than little; what is well is not named."""
    well, tiny, small, broken = (85, 85, 115, 115), (50, 50, 52, 52), (93, 93, 107, 107), (20, 20, 20, 40)
    result = audit(make([[well], [small], [tiny], [well, broken], []], size=(300, 300)))
    assert [image.name for image in result.images_first] == ["3.jpg", "2.jpg", "1.jpg"]
    assert [(image.invalid, image.hardly, image.forced_only) for image in result.images_first] == [
        (1, 0, 0),
        (0, 1, 1),
        (0, 0, 1),
    ]


@pytest.mark.parametrize("far", [(1e30, 1e30, 1e31, 1e31), (-1e31, -1e31, -1e30, -1e30)])
def test_a_box_further_away_than_cells_can_be_counted(make: Make, far: tuple[float, ...]) -> None:
    result = audit(make([[far, (40, 40, 240, 240)]]))
    assert (result.totals.matched, result.totals.forced_only) == (1, 1)


def test_rivals_for_a_prior(make: Make) -> None:
    small, same = (93, 93, 107, 107), (93, 93, 107, 107)
    result = audit(make([[small, same]], size=(300, 300)))
    assert (result.contested.lost, result.contested.without_positive) == (1, 1)
    assert result.contested.pairs == (Rivals("ball", "cup", 1),)


def test_an_image_larger_than_a_block(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assigned, "OBJECTS_AT_ONCE", 4)
    crowd = [(5 * place, 10, 5 * place + 40, 60) for place in range(30)]
    dataset = make([[], crowd, [], [(10, 10, 90, 90)], [], []])
    assert assigned.blocks(dataset.image, 6) == [(range(2), slice(0, 30)), (range(2, 6), slice(30, 31))]
    assert audit(dataset).totals.ground_truth == 31


@pytest.mark.parametrize("images", [[], [[], []]])
def test_a_dataset_without_objects(make: Make, images: list[Any]) -> None:
    empty = make(images or [[]])
    result = audit(empty)
    assert result.totals == Tally()
    assert math.isnan(result.totals.recall)
    assert (result.complete, result.dataset.empty) == (True, len(images or [[]]))
    assert result.images_first == ()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("dialect", ["ssd.pytorch", "caffe"])
def test_a_gpu_gives_the_same(varied: Dataset, dialect: str) -> None:
    rules = load_dialect(dialect)
    priors = load_priors(rules.prior_config)
    found = analyse_audit(varied, priors, rules, AuditSpec(device="cuda"))
    expected = analyse_audit(varied, priors, rules, AuditSpec(device="cpu"))
    assert found.totals == expected.totals
    np.testing.assert_array_equal(found.objects.best_prior, expected.objects.best_prior)
    np.testing.assert_allclose(found.objects.best_iou, expected.objects.best_iou, rtol=1e-5, atol=1e-6)
