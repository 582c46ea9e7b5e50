"""Where `-o` writes, by one rule for all commands; what a command draws unasked; options that do nothing alone."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from ssdlossdbg.cli.app import app
from tests.cli.conftest import SAMPLE, Run

Refused = Callable[..., str]
MATCH = ("match", SAMPLE / "astronaut.jpg", SAMPLE / "astronaut.xml", "--fail-on", "never")
ANCHORS = ("anchors", "--config", "ssd300")


def kind(path: Path) -> str:
    with Image.open(path) as picture:
        return str(picture.format)


@pytest.fixture
def single(folder: Path) -> tuple[str, ...]:
    """A batch of one image."""
    loc, conf, priors = torch.load(SAMPLE / "preds.pt", weights_only=True)
    torch.save((loc[:1], conf[:1], priors), folder / "p.pt")
    torch.save(torch.load(SAMPLE / "targets.pt", weights_only=True)[:1], folder / "t.pt")
    return "loss", "p.pt", "t.pt"


# Every command in one format, and every other format at one command: all hand their pictures to the same piece of code.
@pytest.mark.parametrize(
    ("name", "format", "commands"),
    [("a.png", "PNG", (0, 1, 2)), ("new/in/a.jpg", "JPEG", (1,)), ("A.WEBP", "WEBP", (2,))],
)
def test_the_ending_says_what_is_written_and_folders_are_made(
    run: Run, folder: Path, single: tuple[str, ...], name: str, format: str, commands: tuple[int, ...]
) -> None:
    for command in [(MATCH, ANCHORS, single)[place] for place in commands]:
        for _ in range(1 + (command is MATCH)):  # a picture of ours may be replaced, whatever it is
            result = run(*command, "-o", name)
            assert (result.code, result.err) == (0, "")
            assert f"Wrote {name}" in result.out
        assert kind(folder / name) == format
        with Image.open(folder / name) as picture:
            assert "ssdlossdbg" in (picture.info.get("Software"), picture.getexif().get(305))


@pytest.mark.parametrize("made", [True, False])
def test_a_name_without_an_ending_is_a_folder(run: Run, folder: Path, single: tuple[str, ...], made: bool) -> None:
    if made:
        (folder / "out").mkdir()
    commands = {"astronaut.match.png": MATCH, "image-000.loss.png": single, "priors.png": ANCHORS}
    if not made:  # which is made for one as for any
        del commands["astronaut.match.png"], commands["priors.png"]
    for command in commands.values():
        assert run(*command, "-o", "out").code == 0
    assert sorted(path.name for path in (folder / "out").iterdir()) == [*commands]


def test_stdout_takes_the_file_and_stderr_the_report(single: tuple[str, ...]) -> None:
    for command in (MATCH, ANCHORS, single):
        result = CliRunner().invoke(app, [*map(str, command), "-o", "-"])
        assert Image.open(io.BytesIO(result.stdout_bytes)).format == "PNG"
        assert "dialect" in result.stderr
    fitted = CliRunner().invoke(app, ["anchors", "--fit", str(SAMPLE), "--levels", "38,19", "-o", "-"])
    assert fitted.stdout.startswith("# Fitted by"), fitted.stderr


def test_what_no_picture_can_be_is_refused(refused: Refused, folder: Path, single: tuple[str, ...]) -> None:
    for command in (MATCH, ANCHORS, single):
        said = refused(*command, "-o", "a.bmp")
        assert "a.bmp: ends in .bmp. End it in .png, .jpg, .jpeg" in said
    batch = ("loss", SAMPLE / "preds.pt", SAMPLE / "targets.pt")
    assert "a.png: is one file, and the batch has 3 images. Name a folder" in refused(*batch, "-o", "a.png")
    assert "is one file" in refused("audit", SAMPLE, "--gallery", "1", "-o", "a.png")
    assert "End it in .toml." in refused("anchors", "--fit", SAMPLE, "-o", "a.png")
    assert sorted(path.name for path in folder.iterdir()) == ["p.pt", "t.pt"]


def test_match_replaces_its_own_picture_of_the_same_photo_alone(run: Run, folder: Path) -> None:
    for _ in range(2):
        assert "Wrote astronaut.match.png" in run(*MATCH, "--threshold", "0.4").out
    other = folder / "other"
    other.mkdir()
    (other / "astronaut.jpg").write_bytes((SAMPLE / "astronaut.jpg").read_bytes())
    for _ in range(2):
        assert "Wrote astronaut.match-2.png" in run("match", other / "astronaut.jpg", *MATCH[2:]).out
    assert len(list(folder.glob("*.png"))) == 2


def test_a_script_that_reads_json_gets_no_picture_unasked(run: Run, folder: Path) -> None:
    run(*MATCH, "--format", "json")
    assert list(folder.iterdir()) == []
    run(*MATCH, "--format", "json", "-o", "a.png")
    assert [path.name for path in folder.iterdir()] == ["a.png"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("loss", "p", "t", "--image", "a.jpg"), "--image: is the ground of a picture, and none is asked for. Add -o"),
        (("detect", "p", "--image", "a.jpg"), "--image: is the ground of a picture"),
        ((*ANCHORS, "--image", "a.jpg"), "--image: is the ground of a picture"),
        (("audit", SAMPLE, "-o", "out"), "-o: is where pictures go, and there is none to draw. Add --charts or"),
        ((*MATCH, "--no-overlay", "-o", "a.png"), "--no-overlay: draws no picture, and -o names one"),
    ],
)
def test_options_that_do_nothing_alone_are_refused(refused: Refused, words: tuple[object, ...], said: str) -> None:
    assert said in refused(*words)
