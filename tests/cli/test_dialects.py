"""`ssdlossdbg dialects`: the list, one in full, and where two differ."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import pytest

from ssdlossdbg.readers.dialects import DIALECTS, dialect_names, load_dialect
from ssdlossdbg.rules import differences

Good = Callable[..., str]
Refused = Callable[..., str]


def test_the_list(good: Good) -> None:
    text = good("dialects")
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    first = [line.split(" ")[0] for line in text.splitlines()[2:] if line[0] != " "]
    assert [name for name in first if name in dialect_names()] == dialect_names()
    flat = "".join(text.split())
    for name in dialect_names():
        assert all(alias in flat for alias in load_dialect(name).aliases)


@pytest.mark.parametrize("name", dialect_names())
def test_one_in_full_is_its_file_and_those_of_its_bases(good: Good, name: str) -> None:
    text, base = good("dialects", name), name
    while base:
        own = (DIALECTS / f"{base}.toml").read_text(encoding="utf-8").strip()
        assert f"# ---- {base}.toml ----\n{own}\n" in text
        text = text.partition(own)[2]
        base = tomllib.loads(own).get("base", "")
    assert not text.strip()


def test_an_alias_prints_the_same(good: Good) -> None:
    assert good("dialects", "mmdet") == good("dialects", "mmdetection")


def test_what_is_printed_can_be_copied_into_a_fork(good: Good, folder: Path) -> None:
    printed = good("dialects", "ssd.pytorch")
    (folder / "copy.toml").write_text(printed, encoding="utf-8")
    copy, own = load_dialect("copy.toml"), load_dialect("ssd.pytorch")
    assert (copy.match, copy.mining, copy.loss, copy.raises) == (own.match, own.mining, own.loss, own.raises)
    assert "have the same rules." in good("dialects", "copy.toml", "ssd.pytorch")


def test_a_fork_with_a_base_beside_it(good: Good, folder: Path) -> None:
    (folder / "forks").mkdir()
    (folder / "forks/low.toml").write_text('base = "caffe"  # ours\n[match]\nthreshold = 0.4\n')
    (folder / "forks/high.toml").write_text('base = "low.toml"\n[mining]\nratio = 5\n')
    text = good("dialects", "forks/high.toml")
    heads = [line for line in text.splitlines() if line.startswith("# ----")]
    assert [head.split()[2] for head in heads] == ["high.toml", "low.toml", "caffe.toml", "ssd.pytorch.toml"]
    assert 'base = "caffe"  # ours' in text
    rows = [line.split() for line in good("dialects", "caffe", "forks/high.toml").splitlines()[2:]]
    assert rows == [["match.threshold", "0.5", "0.4"], ["mining.ratio", "3", "5"]]


def test_differences(good: Good) -> None:
    text = good("dialects", "ssd.pytorch", "torchvision")
    assert max(map(len, text.splitlines())) <= 80
    assert text.split()[:3] == ["setting", "ssd.pytorch", "torchvision"]
    flat = " ".join(text.split())
    assert "targets.units normalized pixels" in flat
    assert "loss.positives_counted_twice False True" in flat
    assert "loss.normalizer positives positives-or-one" in flat
    assert "match.threshold" not in flat, "the same in both"
    other = " ".join(good("dialects", "torchvision", "ssd.pytorch").split())
    assert "targets.units pixels normalized" in other


def test_any_two_can_be_compared(good: Good) -> None:
    """With as few pairs as print every value that a setting has in any dialect where another has another."""
    loaded = [load_dialect(name) for name in dialect_names()]
    rows = {(one.name, other.name): differences(one, other) for one, other in combinations(loaded, 2)}
    assert [pair for pair, found in rows.items() if not found] == [], "of two names for the same rules, one is too many"
    cells = {pair: {(setting, value) for setting, *values in found for value in values} for pair, found in rows.items()}
    left = set[tuple[str, str]]().union(*cells.values())
    while left:
        pair = max(cells, key=lambda pair: len(left & cells[pair]))
        left -= cells[pair]
        text = good("dialects", *pair)
        assert max(map(len, text.splitlines())) <= 80, pair
        first_words = [line.partition(" ")[0] for line in text.splitlines()[2:]]
        assert [word for word in first_words if word] == [row[0] for row in rows[pair]], pair
    for name in (loaded[0].name, loaded[-1].name):
        assert good("dialects", name, name) == f"{name} and {name} have the same rules.\n"


def test_lists_of_names_are_shown(good: Good, folder: Path) -> None:
    (folder / "mine.toml").write_text('[weight_decay]\nskip = ["_bn", "bias"]\n[codec]\nvariances = [1, 1, 1, 0.5]\n')
    flat = " ".join(good("dialects", "ssd.tensorflow", "mine.toml").split())
    assert "weight_decay.skip _bn _bn, bias" in flat
    assert "weight_decay.scaled conv4_3_scale - " in flat
    assert "codec.variances 0.1, 0.1, 0.2, 0.2 1, 1, 1, 0.5" in flat


# What cannot be used.


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("cafe",), "NAME: unknown dialect 'cafe'. Did you mean 'caffe'?"),
        (("cafe", "caffe"), "NAME: unknown dialect 'cafe'. Did you mean 'caffe'?"),
        (("caffe", "ssd.pytorhc"), "OTHER: unknown dialect 'ssd.pytorhc'. Did you mean 'ssd.pytorch'?"),
        (("qqq",), "NAME: unknown dialect 'qqq'. Known: "),
        (("",), "NAME: unknown dialect ''. Known: "),
        (("../secret",), "NAME: unknown dialect '../secret'. "),
        (("away.toml",), "away.toml: no such file. "),
        (("caffe", "away.json"), "away.json: no such file. "),
    ],
)
def test_unknown_names(refused: Refused, words: tuple[str, ...], said: str) -> None:
    assert f"error: {said}" in refused("dialects", *words)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[mining]\nratoi = 2\n", "unknown key 'mining.ratoi'. Did you mean 'mining.ratio'?"),
        ('base = "bad.toml"\n', "is its own base: bad.toml -> bad.toml. "),
        ("base = 3\n", "key base: expected a name or a file, found 3. "),
        ('base = "cafe"\n', "unknown dialect 'cafe'. Did you mean 'caffe'?"),
        ("[match\n", "cannot be parsed: "),
    ],
)
def test_bad_forks(refused: Refused, folder: Path, text: str, said: str) -> None:
    (folder / "bad.toml").write_text(text)
    for words in (("bad.toml",), ("caffe", "bad.toml"), ("bad.toml", "caffe")):
        assert f"error: bad.toml: {said}" in refused("dialects", *words)


def test_a_strangers_file_moves_no_cursor(good: Good, folder: Path) -> None:
    text = 'name = "mi\\u001b[31mne\\u202e"\n# \x9b31m\n[loss]\nlocalization_weight = 2\n'
    (folder / "own.toml").write_text(text, encoding="utf-8")
    for words in (("own.toml",), ("own.toml", "caffe")):
        printed = good("dialects", *words)
        assert all(letter.isprintable() or letter == "\n" for letter in printed)


def test_lines_of_another_system_are_lines(good: Good, folder: Path) -> None:
    (folder / "own.toml").write_bytes(b'base = "caffe"\r\n[match]\r\nthreshold = 0.4\r\n')
    assert "[match]\nthreshold = 0.4\n" in good("dialects", "own.toml")
