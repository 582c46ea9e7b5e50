"""Which finding is read first: causes before what follows from them, and before others what concerns more."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from ssdlossdbg import api
from ssdlossdbg.checks import catalogue
from ssdlossdbg.checks.cases import TableCases, of_files, of_groups, of_images, of_rows
from ssdlossdbg.checks.catalogue import CHECKS, find
from ssdlossdbg.checks.registry import Family
from ssdlossdbg.checks.shares import Part, share_of
from ssdlossdbg.multibox.priors import generate_priors
from ssdlossdbg.readers.prior_configs import load_prior_config
from ssdlossdbg.report.check_github import check_github
from ssdlossdbg.report.check_sarif import check_sarif
from ssdlossdbg.report.check_text import check_report
from ssdlossdbg.report.view import View
from ssdlossdbg.results import Case, Costs, Finding, MatchResult, Objects, Severity, Where, in_order
from ssdlossdbg.rules import Clip

SAMPLE = Path(__file__).parents[2] / "sample_data"
Boxes = Sequence[tuple[float, float, float, float]]
Match = Callable[..., MatchResult]


def made(code: str, severity: Severity = Severity.WARNING, share: float = 1.0, *causes: str) -> Finding:
    return Finding(code, "", severity, (Case(Where("file"), "", None, None, ""),), 0, share, causes)


def codes(findings: Sequence[Finding]) -> list[str]:
    return [item.code for item in findings]


def write_voc(path: Path, boxes: Boxes, name: str = "cell", size: tuple[int, int] = (640, 480)) -> Path:
    corners = ("xmin", "ymin", "xmax", "ymax")
    objects = "".join(
        f"<object><name>{name}</name><difficult>0</difficult><bndbox>"
        + "".join(f"<{corner}>{value}</{corner}>" for corner, value in zip(corners, box, strict=True))
        + "</bndbox></object>"
        for box in boxes
    )
    width, height = size
    path.write_text(f"<annotation><size><width>{width}</width><height>{height}</height></size>{objects}</annotation>")
    return path


def scattered(number: int, width: int, height: int, size: tuple[int, int] = (640, 480)) -> Boxes:
    """Boxes of one size, all over the photo."""
    random = np.random.default_rng(0)
    corners = random.integers(1, [size[0] - width, size[1] - height], (number, 2)).tolist()
    return [(x, y, x + width, y + height) for x, y in corners]


# The order itself.


def test_gravest_first_then_what_concerns_most() -> None:
    found = [made("A1", share=0.1), made("A2", Severity.NOTE), made("A3", Severity.ERROR, 0.01), made("A4", share=0.5)]
    assert codes(in_order(found)) == ["A3", "A4", "A1", "A2"]
    assert codes(in_order([made("B1"), made("A1")])) == ["B1", "A1"], "as they came, where nothing else decides"


def test_a_cause_stands_before_what_is_graver_and_follows_from_it() -> None:
    found = [
        made("A1", Severity.ERROR, 0.2),
        made("A2", Severity.ERROR, 0.9, "A4"),
        made("A3", Severity.WARNING, 1.0),
        made("A4", Severity.NOTE, 0.1, "A5"),
        made("A5", Severity.WARNING, 0.1),
    ]
    assert codes(in_order(found)) == ["A5", "A4", "A2", "A1", "A3"]


def test_an_order_is_found_even_where_causes_go_in_a_circle() -> None:
    assert sorted(codes(in_order([made("A1", Severity.ERROR, 1, "A2"), made("A2", Severity.ERROR, 1, "A1")]))) == [
        "A1",
        "A2",
    ]


def test_causes_that_are_declared_never_go_in_a_circle() -> None:
    def above(code: str, below: tuple[str, ...] = ()) -> None:
        assert code not in below, (code, below)
        for cause in CHECKS[code].beneath:
            above(cause, (*below, code))

    for code, check in CHECKS.items():
        assert set(check.beneath) <= CHECKS.keys() - {code}
        above(code)


# What cases concern.


def test_shares_of_objects(match_voc: Match) -> None:
    objects = next(part for part in match_voc().evidence if isinstance(part, Objects))

    def share(cases: TableCases) -> float:
        return share_of([Part(objects, cases)])

    def describe(_: int) -> Case:
        raise AssertionError("a share is told without a description")

    rows, first = np.arange(2), np.zeros(1, dtype=int)
    assert share(of_rows(objects, rows, describe)) == pytest.approx(2 / 6)
    assert share(of_rows(objects, np.array([1, 1]), describe)) == pytest.approx(1 / 6)
    assert share(of_groups(objects, [rows, np.array([4])], describe)) == pytest.approx(3 / 6)
    assert share(of_images(objects, first, describe)) == share(of_files(objects, first, describe)) == 1


def test_a_case_about_many_objects_is_left_out_where_most_of_them_are_explained(
    match_voc: Match, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = next(part for part in match_voc().evidence if isinstance(part, Objects))
    family = Family("XXX", "made up")

    def cause(objects: Objects) -> Iterator[Case]:
        yield from (Case(objects.where(row), "cause", None, None, "") for row in (0, 1, 4))

    def classes(objects: Objects) -> TableCases:
        groups = [np.array([0, 1, 2, 3]), np.array([3, 4, 5])]
        return of_groups(objects, groups, lambda group: Case(Where("x"), f"group {group}", None, None, ""))

    family.check(1, "cause", Severity.ERROR, Objects)(cause)
    family.check(2, "consequence", Severity.ERROR, Objects, ("XXX001",))(classes)
    monkeypatch.setattr(catalogue, "CHECKS", {check.code: check for check in family})
    monkeypatch.setattr(catalogue, "CHECKS_OF", {Objects: tuple(family)})
    found = {item.code: [case.message for case in item.cases] for item in find([objects])}
    assert found == {"XXX001": ["cause"] * 3, "XXX002": ["group 1"]}


# What people met: the wanted finding first, and nothing false beside it.


def test_boxes_in_fractions_before_classes_without_a_positive(tmp_path: Path) -> None:
    for number in range(6):
        boxes = [tuple(value / 640 for value in box) for box in scattered(6, 120, 120)]
        write_voc(tmp_path / f"{number}.xml", boxes)  # type: ignore[arg-type]
    assert codes(api.audit(tmp_path).findings) == ["BOX006"]
    assert set(codes(api.check([tmp_path]).findings)) == {"BOX006"}


def batch() -> tuple[Tensor, Tensor, Tensor]:
    loc, conf, priors = torch.load(SAMPLE / "preds.pt", weights_only=True)
    return loc.float(), conf.float(), priors


def lose(folder: Path, loc: Tensor, conf: Tensor, priors: Tensor, **options: object) -> tuple[Finding, ...]:
    torch.save((loc, conf, priors), folder / "preds.pt")
    return api.loss(folder / "preds.pt", SAMPLE / "targets.pt", device="cpu", **options).findings  # type: ignore[arg-type]


def test_huge_logits_before_the_negatives_that_they_cost(tmp_path: Path) -> None:
    loc, conf, priors = batch()
    conf[0, 4000, 1] = 3000
    found = {item.code: item for item in lose(tmp_path, loc, conf, priors)}
    assert list(found)[:2] == ["NUM002", "MIN002"]
    assert (found["NUM002"].severity, found["MIN002"].severity) == (Severity.WARNING, Severity.ERROR)
    assert found["MIN002"].follows_from == ("NUM002",)


def test_a_sum_beyond_float16_before_logits_on_the_wrong_class(tmp_path: Path) -> None:
    loc, conf, priors = batch()
    conf = (-conf * 400).clamp(-900, 900).half()
    found = lose(tmp_path, loc.half(), conf, priors)
    warned = [item.code for item in found if item.severity is Severity.WARNING]
    assert warned.index("NUM004") < warned.index("PRE002"), warned


def test_ties_that_change_the_loss_are_said_of_a_network_that_says_the_same_everywhere(tmp_path: Path) -> None:
    loc, conf, priors = batch()
    same = torch.zeros_like(conf)
    torch.save((loc, same, priors), tmp_path / "preds.pt")
    result = api.loss(tmp_path / "preds.pt", SAMPLE / "targets.pt", device="cpu")
    assert "PRE003" in codes(result.findings)
    assert "MIN005" not in codes(result.findings), "the loss is the same, whatever is mined"
    costs = next(part for part in result.evidence if isinstance(part, Costs))
    others = [part for part in result.evidence if part is not costs]
    images = tuple(replace(image, any_choice=(0.0, 9.0)) for image in costs.images)
    found = {item.code: item for item in find([*others, replace(costs, images=images)], together=True)}
    assert found["MIN005"].follows_from == ("PRE003",)
    assert "anything from" in found["MIN005"].worst.message


@pytest.mark.parametrize("clip", [Clip.NONE, Clip.CXCYWH])
def test_a_wrong_step_before_sizes_that_shrink_or_repeat(clip: Clip, tmp_path: Path) -> None:
    spec = load_prior_config("ssd300").spec
    first, *rest = spec.levels
    wrong = replace(spec, clip=clip, levels=(replace(first, stride=(16.0, 16.0)), *rest))
    torch.save(generate_priors(wrong).boxes, tmp_path / "priors.pt")
    found = [item for item in api.anchors(str(tmp_path / "priors.pt")).findings if item.severity is not Severity.NOTE]
    assert found[0].code == "PRI007"
    assert all(item.follows_from == ("PRI007",) for item in found[1:])


def test_holes_in_the_grid_before_the_objects_that_fall_into_them(tmp_path: Path) -> None:
    spec = load_prior_config("ssd300").spec
    levels = tuple(replace(level, stride=(4.0, 4.0)) for level in spec.levels[:2])
    torch.save(generate_priors(replace(spec, levels=levels, clip=Clip.NONE)).boxes, tmp_path / "priors.pt")
    write_voc(tmp_path / "a.xml", [(500, 400, 600, 470), (520, 300, 620, 380), (10, 10, 60, 50)])
    found = api.check([tmp_path / "a.xml"], str(tmp_path / "priors.pt")).findings
    of_objects = {item.code: item for item in found if item.worst.where.file.endswith("a.xml")}
    assert of_objects["MAT001"].severity is Severity.ERROR
    assert of_objects["MAT001"].follows_from == ("PRI007",)
    audited = api.audit(tmp_path, str(tmp_path / "priors.pt")).findings
    assert codes(audited)[:2] == ["PRI007", "MAT001"]


def test_what_concerns_more_files_stands_first(tmp_path: Path) -> None:
    """Four boxes that end before they begin, in files that are right otherwise; and files written as x y w h."""
    for number in range(4):
        write_voc(tmp_path / f"a{number}.xml", [*scattered(5, 100, 90), (300, 200, 250, 280)])
    for number in range(9):
        boxes = [(x1, y1, x2 - x1, y2 - y1) for x1, y1, x2, y2 in scattered(6, 110, 100)]
        write_voc(tmp_path / f"b{number}.xml", boxes)
    found = [item for item in api.audit(tmp_path).findings if item.code in {"BOX002", "BOX004"}]
    assert [item.share for item in found] == sorted((item.share for item in found), reverse=True)
    assert found[0].code == "BOX004"


def test_none_matched_before_two_that_lost_their_prior(tmp_path: Path) -> None:
    """A dialect that forces none: 30 objects of no prior's shape, and a pair that competes in one that forces."""
    (tmp_path / "none.toml").write_text('base = "caffe"\n[match]\nminimum_iou = 1.0\n')
    write_voc(tmp_path / "a.xml", [*scattered(30, 205, 17)])
    found = {item.code: item for item in api.audit(tmp_path, dialect=str(tmp_path / "none.toml")).findings}
    assert list(found)[:2] == ["MAT011", "MAT003"]
    assert found["MAT003"].follows_from == ("MAT011",)
    assert "forces none" in found["MAT003"].worst.message
    assert not {"MAT005", "MAT006", "MAT007", "MAT012"} & found.keys(), "which speak of what is forced"


def test_the_loser_of_a_doubled_object_is_told_once(tmp_path: Path) -> None:
    """Small, so that none reaches the threshold, and the first of the two loses the prior."""
    pair = [(100, 100, 122, 118), (100, 100, 122, 118.5)]
    found = api.check([write_voc(tmp_path / "a.xml", [*pair, (300, 200, 420, 330)])]).findings
    assert "MAT002" not in codes(found)
    doubled = next(item for item in found if item.code == "BOX010")
    assert doubled.worst.where.object == 0
    assert "object 0 gets no prior, object 1 takes them" in doubled.worst.message


# The same order everywhere.


@pytest.fixture
def mixed(tmp_path: Path) -> list[Path]:
    """Three files in which several things are wrong."""
    boxes = [*scattered(6, 90, 90), (10, 10, 10, 40), (600, 400, 700, 470), (100, 100, 104, 104)]
    for name in "abc":
        Image.new("RGB", (640, 480)).save(tmp_path / f"{name}.png")
    return [write_voc(tmp_path / f"{name}.xml", boxes[number:]) for number, name in enumerate("abc")]


def test_the_order_is_the_same_in_all_formats_and_for_files_in_any_order(mixed: list[Path]) -> None:
    results = [api.check(files) for files in (mixed, mixed[::-1], [mixed[1], mixed[2], mixed[0]])]
    notes = View(notes=True, version="0")
    assert len({check_report(result, notes).plain for result in results}) == 1
    result = results[0]
    told = [(item.code, case.where.file) for item in result.findings for case in item.cases]
    listed = check_report(result, notes).plain.partition("\n\n")[0].splitlines()
    heads = [re.match(r"(.+?)(?::\d+)?: \w+ ([A-Z]+\d+) ", line) for line in listed]
    assert [head and (head[2], head[1]) for head in heads] == told
    assert [item["ruleId"] for item in json.loads(check_sarif(result, notes))["runs"][0]["results"]] == [
        code for code, _ in told
    ]
    assert [line.split("title=")[1].split()[0] for line in check_github(result, notes).splitlines()] == [
        code for code, _ in told
    ]
    for file in mixed:
        own = [item.code for item in api.check([file]).findings]
        assert own == codes(api.match(file.with_suffix(".png"), file).findings)


def test_of_a_batch_the_priors_are_listed_before_what_follows_from_them(tmp_path: Path) -> None:
    """Sizes ten times too large, in a file that comes last by its name; they are not refused as pixels, either."""
    loc, conf, priors = batch()
    priors[:, 2:] *= 10
    torch.save((loc, conf, priors), tmp_path / "z_preds.pt")
    torch.save(torch.load(SAMPLE / "targets.pt", weights_only=True), tmp_path / "a_targets.pt")
    found = api.check([tmp_path / "z_preds.pt", tmp_path / "a_targets.pt"]).findings
    warned = [item for item in found if item.severity is not Severity.NOTE]
    assert warned[0].code == "PRI009"
    causes = {item.code: item.follows_from for item in warned}
    assert (causes["MAT012"], causes["MAT002"]) == (("PRI009",), ("MAT012", "PRI009"))
    lost, tied = (
        {case.where.object for item in found if item.code == code for case in item.cases if case.where.image == 2}
        for code in ("MAT002", "MAT007")
    )
    assert len(lost) == 14
    assert not lost & tied, "equal overlaps are not worth a note where no prior was forced"


def test_a_few_odd_priors_explain_nothing(tmp_path: Path) -> None:
    torch.save(batch(), tmp_path / "preds.pt")
    found = api.loss(tmp_path / "preds.pt", SAMPLE / "targets.pt", threshold=0.99, device="cpu").findings
    assert codes(found)[:2] == ["MAT012", "PRI009"], "2 of 8732 priors"
    assert all("PRI009" not in item.follows_from for item in found)


def test_what_objects_lack_under_priors_that_the_network_does_not_have_stands_beneath_that(tmp_path: Path) -> None:
    """Sizes a tenth of those that the predictions are for."""
    loc, conf, priors = batch()
    priors[:, 2:] /= 10
    torch.save((loc, conf, priors), tmp_path / "preds.pt")
    found = api.loss(tmp_path / "preds.pt", SAMPLE / "targets.pt", device="cpu").findings
    warned = [item for item in found if item.severity is not Severity.NOTE]
    assert [item.code for item in warned] == ["PRE013", "PRI016", "MAT012", "MAT004"]
    assert [item.follows_from for item in warned[2:]] == [("PRI016", "PRE013"), ("MAT012", "PRI016", "PRE013")]


def test_losers_of_a_class_that_no_prior_reaches_stand_beneath_it(tmp_path: Path) -> None:
    """Twelve objects of 12 x 12 px of the input, and a thirteenth that has the best prior of the first."""
    size, side = (300, 300), 9
    places = [(20 + 60 * (i % 4), 20 + 80 * (i // 4)) for i in range(12)]
    boxes = [(x, y, x + side, y + side) for x, y in places]
    write_voc(tmp_path / "a.xml", [*boxes, (20, 23, 20 + side, 23 + side)], size=size)
    found = {item.code: item for item in api.audit(tmp_path).findings}
    assert found["MAT002"].follows_from == ("MAT012",)
    assert list(found).index("MAT012") < list(found).index("MAT002")
