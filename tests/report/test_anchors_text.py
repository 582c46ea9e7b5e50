"""The reports of `anchors` and `anchors --list`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ssdlossdbg.report.anchors_text import anchors_report, presets_report
from ssdlossdbg.results import AnchorsResult, Presets, PresetSummary

Render = Callable[..., str]
EXPECTED = """\
priors   ssd300-voc (ssd.pytorch), 8732 priors on 6 levels, input 300 x 300
dialect  ssd.pytorch, match threshold 0.5

Levels (pixels of the network's input)
level  stride  priors  centres x  centres y  crossing  smallest  anywhere
─────────────────────────────────────────────────────────────────────────
38x38       8    5776    4 - 300    4 - 300       23%      21.3      21.3
19x19      16    2166    8 - 296    8 - 296       42%      42.5      42.5
10x10      32     600   16 - 300   16 - 300       71%      78.5      78.5
5x5        64     150   32 - 288   32 - 288       91%     114.6     165.6
3x3       100      36   50 - 250   50 - 250       89%     150.7     never
1x1       300       4  150 - 150  150 - 150        0%     186.7     never

Shapes of a cell, in order, before clipping
level  w x h
─────────────────────────────────────────────────────────
38x38  30x30, 42x42, 42x21, 21x42
19x19  60x60, 82x82, 85x42, 42x85, 104x35, 35x104
10x10  111x111, 134x134, 157x78, 78x157, 192x64, 64x192
5x5    162x162, 186x186, 229x115, 115x229, 281x94, 94x281
3x3    213x213, 237x237, 301x151, 151x301
1x1    264x264, 288x288, 373x187, 187x373

crossing: share of the priors that cross the image's border. smallest: side of
the smallest square object that reaches IoU 0.5 where it lies best; anywhere:
the same wherever it lies.
A square object below 21.3 px gets no positive by IoU in this 300 x 300 input.

"""


def test_report(render: Render, ssd300: AnchorsResult) -> None:
    assert render(anchors_report(ssd300)) == EXPECTED


def test_the_smallest_side_is_that_of_the_formula(ssd300: AnchorsResult) -> None:
    # A square of side s inside the 30 x 30 prior has IoU s * s / 900 with it, which is 0.5 at 21.2132.
    assert ssd300.smallest_best == 21.3


def test_where_it_lies_matters(render: Render, ssd300: AnchorsResult) -> None:
    text = " ".join(render(anchors_report(replace(ssd300, smallest_anywhere=30.0))).split())
    assert "A square object below 21.3 px gets no positive by IoU in this 300 x 300 input; from 30.0 px it does" in text
    assert "No square object of any size" in render(anchors_report(replace(ssd300, smallest_best=None)))


def test_no_grid(render: Render, ssd300: AnchorsResult) -> None:
    text = " ".join(render(anchors_report(replace(ssd300, levels=()))).split())
    assert "on no grid that could be recognised, so there is no table by level." in text


def test_presets(render: Render) -> None:
    presets = (
        PresetSummary("b-one", "Network one", "b", ("short",), (300, 300), 8732),
        PresetSummary("a-one", "Network two", "a", (), (320, 240), 9),
        PresetSummary("b-two", "Network three", "b", (), (300, 300), 10),
    )
    assert render(presets_report(Presets(presets))) == (
        "preset   priors    input  network\n"
        "───────────────────────────────────────\n"
        "a\n"
        "  a-one       9  320x240  Network two\n"
        "b\n"
        "  b-one    8732  300x300  Network one\n"
        "  b-two      10  300x300  Network three\n"
        "\n"
        "Short names: short is b-one.\n\n"
    )
    assert "Short names" not in render(presets_report(Presets(presets[1:])))
