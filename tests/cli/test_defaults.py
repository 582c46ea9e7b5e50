"""`[tool.ssdlossdbg]` of the nearest pyproject.toml."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer.main

from ssdlossdbg.cli.app import app

Configure = Callable[..., None]
GROUP: Any = typer.main.get_command(app)
PHOTO = ("match", "a.jpg", "a.xml")
BATCH = ("loss", "preds.pt", "targets.pt")


@pytest.fixture
def configure(folder: Path) -> Configure:
    """Write a pyproject.toml."""

    def write(text: str, below: str = ".") -> None:
        path = folder / below / "pyproject.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    return write


def called(*words: str) -> dict[str, Any]:
    """What the command would be called with; it is not run."""
    seen: dict[str, Any] = {}
    command = GROUP.commands[words[0]]
    with pytest.MonkeyPatch.context() as patched:
        noting = functools.wraps(command.callback)(lambda **values: seen.update(values))
        patched.setattr(command, "callback", noting)
        assert not GROUP.main(list(words), prog_name="ssdlossdbg", standalone_mode=False)
    assert seen
    return seen


def test_no_pyproject() -> None:
    assert (called(*PHOTO)["threshold"], called(*PHOTO)["format"]) == (None, "text")


@pytest.mark.parametrize("text", ["", "[tool.other]\nthreshold = 1", "tool = 1", "[project]\nname = 'a'"])
def test_a_pyproject_without_the_table(text: str, configure: Configure) -> None:
    configure(text)
    assert called(*PHOTO)["threshold"] is None


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ('format = "json"', "format", "json"),
        ("neg-pos = 2.5", "neg_pos", 2.5),
        ("neg_pos = 2", "neg_pos", 2.0),
        ("top = 3", "top", 3),
        ("label-offset = -1", "label_offset", -1),
        ("native = true", "native", True),
        ("native = false", "native", False),
        ('fail-on = "never"', "fail_on", "never"),
        ('select = "BOX,LBL"', "select", ("BOX,LBL",)),
        ('select = ["BOX", "LBL"]', "select", ("BOX", "LBL")),
        ("ignore = []", "ignore", ()),
        ('classes = ["cat", "big dog"]', "classes", "cat,big dog"),
        ('classes = "cat,dog"', "classes", "cat,dog"),
        ('image = ["a.jpg", "b.jpg"]', "image", ("a.jpg", "b.jpg")),
        ('image = "a.jpg"', "image", ("a.jpg",)),
    ],
)
@pytest.mark.parametrize("table", ["tool.ssdlossdbg", "tool.ssdlossdbg.loss"])
def test_every_kind_of_option(table: str, line: str, name: str, value: object, configure: Configure) -> None:
    configure(f"[{table}]\n{line}\n")
    assert called(*BATCH)[name] == value


def test_the_table_of_the_command_wins_over_the_top_and_the_command_line_over_both(configure: Configure) -> None:
    configure(
        "[tool.ssdlossdbg]\nthreshold = 0.1\ntop = 1\nneg-pos = 1\nnative = true\nselect = ['BOX']\n"
        "[tool.ssdlossdbg.loss]\nthreshold = 0.2\ntop = 2\n[tool.ssdlossdbg.match]\nthreshold = 0.9\n"
    )
    seen = called(*BATCH, "--top", "3", "--no-native", "--select", "LBL")
    assert [seen[name] for name in ("threshold", "top", "neg_pos", "native")] == [0.2, 3, 1.0, False]
    assert seen["select"] == ("LBL",)


def test_the_two_spellings_of_a_key_are_one(configure: Configure) -> None:
    configure("[tool.ssdlossdbg]\nneg-pos = 1\n[tool.ssdlossdbg.loss]\nneg_pos = 2\n")
    assert called(*BATCH)["neg_pos"] == 2.0


def test_a_command_without_the_option_does_not_mind(configure: Configure) -> None:
    configure("[tool.ssdlossdbg]\ntop = 4\nclasses = ['cat']\nseed = 3\n")
    assert "top" not in called("anchors"), "and what only --fit asks for does no harm without it"
    assert "image" in called("match", "a.jpg", "a.xml"), "an argument, which no key of that name reaches"


def test_an_option_may_have_the_name_of_a_command(configure: Configure) -> None:
    configure("[tool.ssdlossdbg]\ndialects = ['caffe', 'torchvision']\n")
    assert called("compare", "preds.pt", "targets.pt")["dialects"] == "caffe,torchvision"


def test_the_nearest_table_is_taken_alone(configure: Configure, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configure("[tool.ssdlossdbg]\ntop = 1\nthreshold = 0.1\n")
    configure("[tool.ssdlossdbg]\ntop = 2\n", "a")
    configure("[project]\n", "a/b")
    (folder / "a/b/c").mkdir()
    monkeypatch.chdir(folder / "a/b/c")
    assert (called(*PHOTO)["top"], called(*PHOTO)["threshold"]) == (2, None)


def test_files_are_those_of_the_project(configure: Configure, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(
        "[tool.ssdlossdbg]\ndialect = 'own.toml'\nconfig = 'ssd300'\nclasses = 'names.txt'\n"
        f"weights = '{folder.as_posix()}/net.pth'\n"
    )
    (folder / "own.toml").touch()
    (folder / "names.txt").touch()
    (folder / "ssd300").mkdir()
    assert called(*BATCH)["dialect"] == "own.toml"
    (folder / "below").mkdir()
    monkeypatch.chdir(folder / "below")
    seen = called(*BATCH)
    assert seen["dialect"] == str(Path("../own.toml"))
    assert seen["classes"] == str(Path("../names.txt"))
    assert seen["config"] == "ssd300", "a name, though there is a folder of that name"
    assert Path(seen["weights"]) == folder / "net.pth"


@pytest.mark.parametrize(
    ("words", "key"),
    [(PHOTO, "output"), (BATCH, "output"), (("anchors",), "dump"), (("audit", "."), "csv"), (("audit", "."), "output")],
)
@pytest.mark.parametrize("own", [True, False])
def test_where_to_write_is_said_on_the_command_line_alone(
    words: tuple[str, ...], key: str, own: bool, configure: Configure, refused: Callable[..., str]
) -> None:
    """The nearest pyproject.toml may have come with somebody's dataset."""
    table = f"tool.ssdlossdbg.{words[0]}" if own else "tool.ssdlossdbg"
    configure(f"[{table}]\n{key} = '../.bashrc'\n")
    said = refused(*words)
    assert said == (
        f"error: pyproject.toml [{table}] {key}: says what to write, which only the command line may say. "
        f"Remove it, and give --{key}.\n"
    )


def test_where_another_command_writes_is_of_no_matter(configure: Configure) -> None:
    configure("[tool.ssdlossdbg]\ndump = 'a.toml'\n[tool.ssdlossdbg.match]\noutput = 'a.png'\n")
    assert "dump" not in called(*BATCH)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[tool.ssdlossdbg]\ntreshold = 1", " [tool.ssdlossdbg]: unknown key 'treshold'. Did you mean 'threshold'?"),
        ("[tool.ssdlossdbg.mach]", " [tool.ssdlossdbg]: unknown command 'mach'. Did you mean 'match'?"),
        ("[tool.ssdlossdbg.match]\nneg-pos = 1", " [tool.ssdlossdbg.match]: unknown key 'neg-pos'. "),
        ("[tool.ssdlossdbg.loss]\nneg_poss = 1", " [tool.ssdlossdbg.loss]: unknown key 'neg-poss'. Did you mean 'neg-"),
        ("[tool.ssdlossdbg]\nthreshold = '1'", " [tool.ssdlossdbg] threshold: expected a number, found '1'. "),
        ("[tool.ssdlossdbg]\nthreshold = true", " [tool.ssdlossdbg] threshold: expected a number, found True. "),
        ("[tool.ssdlossdbg]\nthreshold = 2", " [tool.ssdlossdbg] threshold: 2.0 is not in the range 0.0<=x<=1.0. "),
        ("[tool.ssdlossdbg]\nthreshold = nan", " [tool.ssdlossdbg] threshold: nan is not a finite number. "),
        ("[tool.ssdlossdbg]\ntop = 1.5", " [tool.ssdlossdbg] top: expected a whole number, found 1.5. "),
        ("[tool.ssdlossdbg]\nno-overlay = 1", " [tool.ssdlossdbg] no-overlay: expected true or false, found 1. "),
        ("[tool.ssdlossdbg]\nconfig = ['a']", " [tool.ssdlossdbg] config: expected a string, found ['a']. "),
        ("[tool.ssdlossdbg]\nselect = [1]", " [tool.ssdlossdbg] select: expected a string or a list of them, found ["),
        ("[tool.ssdlossdbg.match]\nformat = 'xml'", " [tool.ssdlossdbg.match] format: 'xml' is not one of 'text', "),
        ("[tool]\nssdlossdbg = 1", ": tool.ssdlossdbg is no table. "),
        ("[tool", ": cannot be parsed: "),
    ],
)  # fmt: skip
def test_what_cannot_be_used(text: str, said: str, configure: Configure, refused: Callable[..., str]) -> None:
    configure(text)
    assert refused(*PHOTO).startswith(f"error: pyproject.toml{said}")


def test_keys_of_other_commands_are_looked_at_too(configure: Configure, refused: Callable[..., str]) -> None:
    configure("[tool.ssdlossdbg.loss]\nneg-poss = 1\n")
    assert "unknown key 'neg-poss'" in refused("anchors")


def test_a_pyproject_that_is_not_utf8(folder: Path, refused: Callable[..., str]) -> None:
    (folder / "pyproject.toml").write_bytes(b"name = '\xff'")
    assert refused("dialects").startswith("error: pyproject.toml: is not UTF-8 text (byte 8). ")


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["--version"], ["match", "--help"], ["loss", "a", "-h"]])
def test_help_and_version_need_no_pyproject(words: list[str], configure: Configure, good: Callable[..., str]) -> None:
    configure("[tool")
    assert good(*words).startswith(("Usage: ", "ssdlossdbg "))


def test_a_number_of_four_hundred_digits(configure: Configure, refused: Callable[..., str]) -> None:
    configure(f"[tool.ssdlossdbg]\nthreshold = 1{'0' * 400}")
    said = refused(*PHOTO)
    assert said.startswith("error: pyproject.toml [tool.ssdlossdbg] threshold: is too large for a number")
