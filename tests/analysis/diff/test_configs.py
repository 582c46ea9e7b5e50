"""What changed between two prior configs, and which objects of a data set that wins and loses."""

from __future__ import annotations

from pathlib import Path

import pytest

import ssdlossdbg
from ssdlossdbg import InputError

LEVELS = """levels = [
    { feature_map = 8, min_size = 30, max_size = 60, shapes = ["min", "mean", 2, "1/2"] },
    { feature_map = 4, min_size = 60, max_size = 110, shapes = ["min", "mean", 2, "1/2"] },
    { feature_map = 2, min_size = 110, max_size = 200, shapes = ["min", "mean", 2, "1/2"] },
]
"""
FIRST = f"image_size = 300\nclip = 'none'\n{LEVELS}"
LAST = '    { feature_map = 2, min_size = 110, max_size = 200, shapes = ["min", "mean", 2, "1/2"] },\n'
IN_ORDER, ANOTHER = '110, shapes = ["min", "mean", 2, "1/2"]', '110, shapes = ["min", "mean", "1/2", 2]'
SHAPES = "level 1, shapes"
# What is replaced by what, the difference that is to be named, and words of it.
CHANGES = {
    "scale": ("min_size = 60, max", "min_size = 72, max", SHAPES, "shapes 0 2 3 times 1.2"),
    "ratio": (IN_ORDER, IN_ORDER.replace(" 2,", " 3,"), SHAPES, "(ratio 3)"),
    "order of ratios": (
        IN_ORDER,
        ANOTHER,
        SHAPES,
        "in the order 0, 1, 3, 2: each ratio stands where its inverse stood",
    ),
    "a ratio more": (IN_ORDER, IN_ORDER.replace("2,", "2, 3,"), SHAPES, "4 shapes, now 5 with 103.9x34.64 (ratio 3)"),
    "clip": ("clip = 'none'", "clip = 'cxcywh'", "clip", "none in A, cxcywh in B"),
    "input": ("image_size = 300", "image_size = 320", "input", "300x300 in A, 320x320 in B"),
    "offset": ("clip = 'none'", "clip = 'none'\noffset = 0.25", "offset", "0.5 in A, 0.25 in B"),
    "order": ("clip = 'none'", "clip = 'none'\norder = 'shape'", "order inside a level", "cell in A, shape in B"),
    "feature map": ("feature_map = 4", "feature_map = 5", "level 1, feature map", "4x4 in A, 5x5 in B"),
    "a level less": (LAST, "", "levels", "3 in A, 2 in B"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_setting_is_named(name: str, tmp_path: Path) -> None:
    old, new, wanted, words = CHANGES[name]
    assert old in FIRST
    (tmp_path / "a.toml").write_text(FIRST)
    (tmp_path / "b.toml").write_text(FIRST.replace(old, new))
    result = ssdlossdbg.diff(tmp_path / "a.toml", tmp_path / "b.toml")
    settings = [each for each in result.differences if "stride" not in each.name]  # which follows from the others
    assert [each.name for each in settings] == [wanted]
    assert words in settings[0].what
    assert ssdlossdbg.diff(tmp_path / "a.toml", tmp_path / "a.toml").same


def test_the_level_that_loses_objects_explains_it(tmp_path: Path) -> None:
    # Three objects just as the priors of level 1 are, about the centres of cells; one as those of level 2.
    (tmp_path / "A").mkdir()
    boxes = [(82, 82, 142, 142), (157, 82, 217, 142), (82, 157, 142, 217), (20, 20, 130, 130)]
    body = "".join(
        f"<object><name>cat</name><bndbox><xmin>{a}</xmin><ymin>{b}</ymin><xmax>{c}</xmax><ymax>{d}</ymax></bndbox></object>"
        for a, b, c, d in boxes
    )
    size = "<size><width>300</width><height>300</height><depth>3</depth></size>"
    (tmp_path / "A" / "a.xml").write_text(f"<annotation><filename>a.jpg</filename>{size}{body}</annotation>")
    (tmp_path / "a.toml").write_text(FIRST)
    wide = FIRST.replace("min_size = 60, max_size = 110", "min_size = 100, max_size = 110").replace(
        "clip = 'none'", "clip = 'wh'"
    )
    (tmp_path / "b.toml").write_text(wide)
    result = ssdlossdbg.diff(tmp_path / "a.toml", tmp_path / "b.toml", on=tmp_path / "A", device="cpu")
    first, second = (
        ssdlossdbg.audit(tmp_path / "A", str(tmp_path / name), device="cpu").totals.matched
        for name in ("a.toml", "b.toml")
    )
    assert (result.first.value, result.second.value) == (first, second)
    assert first > second
    assert [each.name for each in result.explanations if each.explains] == ["level 1, shapes"]
    assert "clip is different, too, and changes nothing alone" in result.summary
    assert result.differences[0].name == "level 1, shapes", "though the clip is entered before"
    lost = [each for each in result.objects if each.found[0] != each.found[1]]
    assert len(lost) == first - second
    assert {each.found[0] for each in lost} == {"matched"}


def test_photos_are_stretched_as_an_audit_has_them(tmp_path: Path) -> None:
    """A photo of 600 x 100 whose object is a prior of level 1 once it is stretched; padded, it would be 60 x 10 px."""
    (tmp_path / "A").mkdir()
    box = "<xmin>164</xmin><ymin>27.33</ymin><xmax>284</xmax><ymax>47.33</ymax>"
    size = "<size><width>600</width><height>100</height><depth>3</depth></size>"
    (tmp_path / "A" / "a.xml").write_text(
        f"<annotation><filename>a.jpg</filename>{size}<object><name>cat</name><bndbox>{box}</bndbox></object></annotation>"
    )
    (tmp_path / "a.toml").write_text(FIRST)
    (tmp_path / "b.toml").write_text(FIRST.replace("min_size = 60, max", "min_size = 200, max"))
    result = ssdlossdbg.diff(tmp_path / "a.toml", tmp_path / "b.toml", on=tmp_path / "A", device="cpu")
    assert (result.first.value, result.second.value) == (1, 0)
    padded = ssdlossdbg.audit(tmp_path / "A", str(tmp_path / "a.toml"), letterbox=True, device="cpu")
    assert padded.totals.matched == 0


def test_two_presets_and_saved_tensors(tmp_path: Path) -> None:
    import torch

    priors = ssdlossdbg.load_priors("ssd300-voc").priors.boxes
    torch.save(priors, tmp_path / "a.pt")
    torch.save(torch.cat([priors[5776:], priors[:5776]]), tmp_path / "b.pt")
    result = ssdlossdbg.diff(tmp_path / "a.pt", tmp_path / "b.pt")
    assert "levels in the order 1, 2, 3, 4, 5, 0" in result.differences[0].how
    assert ssdlossdbg.diff(tmp_path / "a.pt", tmp_path / "a.pt").same
    assert not ssdlossdbg.diff("ssd300-voc", "ssd300-coco").same


def test_a_dialect_is_no_prior_config() -> None:
    with pytest.raises(InputError, match="is a dialect"):
        ssdlossdbg.diff("caffe", "nvidia")
