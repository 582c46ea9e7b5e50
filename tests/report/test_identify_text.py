"""The tables of `identify`, where words of rules are long."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from ssdlossdbg.report.identify_text import identify_report
from ssdlossdbg.report.theme import TERMINAL
from ssdlossdbg.results import DialectFound, IdentifyResult, Inseparable, Probed, RuleChange

SCORES = ("global-max-cross-entropy", "foreground-probability", "background-probability")
CHANGES = (RuleChange("loss.positives_counted_twice", True), RuleChange("mining.score", SCORES[0]))
RESULT = IdentifyResult(
    subject="losses.MultiBoxLoss",
    dialects=(DialectFound("dusty-nv", ("lufficc", "pytorch-ssd"), CHANGES, 'base = "dusty-nv"'),),
    inseparable=(
        Inseparable("loss.positives_counted_twice", (False, True), "an image that wants more negatives than it has"),
        Inseparable("mining.score", SCORES, "logits near their limits"),
    ),
    probed=Probed("f(predictions, targets)", "", 33, 33, (), (), complete=True),
)


@pytest.mark.parametrize("width", [80, 200])
def test_no_word_of_a_rule_is_broken(width: int) -> None:
    console = Console(width=width, file=io.StringIO(), theme=TERMINAL)
    console.print(identify_report(RESULT))
    assert isinstance(console.file, io.StringIO)
    lines = [line.rstrip() for line in console.file.getvalue().splitlines()]
    assert max(map(len, lines)) <= width
    below = lines[lines.index("No input tried tells these apart") :]
    listed = "\n".join(below)
    if width == 80:
        assert [line[30:56].split()[0] for line in below if any(word in line for word in SCORES)] == list(SCORES)
        (row,) = [index for index, line in enumerate(lines) if line.startswith("dusty-nv, lufficc, pytorch-ssd")]
        assert [line[32:] for line in lines[row : row + 2]] == [
            "loss.positives_counted_twice true",
            "mining.score global-max-cross-entropy",
        ]
    else:
        assert ", ".join(SCORES) in listed
