"""Every example of README.md and of the manual is run, and what it prints is what they show.

After a wanted change, `UPDATE_MANUAL=1 pytest tests/test_manual.py` writes the new output, and the pictures.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import typer
import yaml
from PIL import Image, ImageChops
from typer.testing import CliRunner

from ssdlossdbg import api
from ssdlossdbg.checks.catalogue import CHECKS
from ssdlossdbg.cli.app import app
from ssdlossdbg.errors import EXIT_CLEAN, EXIT_FINDINGS
from ssdlossdbg.readers.dialects import dialect_names, load_dialect
from ssdlossdbg.readers.photos import load_photo
from ssdlossdbg.readers.prior_configs import preset_names
from ssdlossdbg.report.loss_picture import loss_picture
from ssdlossdbg.report.match_picture import match_picture
from tests import warm

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
MANUAL = ROOT / "ssdlossdbg/manual"
PAGES = {file.stem: file for file in sorted(MANUAL.glob("*.md"))}
SAVING_PAGE, CONTRIBUTING = PAGES["saving"], PAGES["contributing"]
DOCUMENTS = (README, *PAGES.values())
UPDATE = bool(os.environ.get("UPDATE_MANUAL"))
CONSOLE = re.compile(r"```console\n\$ ssdlossdbg (?P<example>.*)\n(?P<output>(?:.*\n)*?)```\n")
PYTHON = re.compile(r"```python\n(?P<example>(?:.*\n)*?)```\n\n```text\n(?P<output>(?:.*\n)*?)```\n")
EVERY = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.stem)
COMMANDS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]  # it is a group
# Where the options are told that many commands share.
SHARED = "".join(PAGES[name].read_text() for name in ("options", "saving"))


def blocks(document: Path, language: str) -> list[str]:
    """The fenced blocks of that language."""
    return re.findall(rf"^```{language}\n(.*?)```", document.read_text(), flags=re.DOTALL | re.MULTILINE)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with sample_data and the broken targets that the manual speaks of, as the current one."""
    (tmp_path / "sample_data").symlink_to(ROOT / "sample_data")
    targets = torch.load(ROOT / "sample_data/targets.pt", weights_only=True)
    targets[2][3, 2] = targets[2][3, 0]
    torch.save(targets, tmp_path / "broken_targets.pt")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    return tmp_path


# The commands of its arguments but the first, by the package in that folder; what each prints, as JSON.
RUN_ALL = """
import json, shlex, sys
house, *lines = sys.argv[1:]
sys.path.insert(0, house)
for name in [name for name in sys.modules if name.partition(".")[0] == "ssdlossdbg"]:
    del sys.modules[name]
from typer.testing import CliRunner
from ssdlossdbg.cli.app import app
results = [CliRunner().invoke(app, shlex.split(line)) for line in lines]
assert all(each.exit_code in (0, 1) and not each.stderr.startswith("Traceback") for each in results), results
print(json.dumps([each.stdout for each in results]))
"""


def run(line: str) -> str:
    """What a command prints, and `| head -N` and `| tail -N` keep of it, without the blanks that pad the lines."""
    command, *filters = line.split(" | ")
    result = CliRunner().invoke(app, shlex.split(command))
    assert result.exit_code in (EXIT_CLEAN, EXIT_FINDINGS), result.output
    return filtered(result.stdout, filters)


def filtered(text: str, filters: Iterable[str]) -> str:
    """What `head -N` and `tail -N` keep of a text."""
    lines = text.splitlines()
    for each in filters:
        name, kept = each.split(" -")
        lines = lines[: int(kept)] if name == "head" else lines[-int(kept) :]
    return "".join(line.rstrip() + "\n" for line in lines)


def examples_of(document: Path) -> list[str]:
    """The commands whose output it shows."""
    examples = [match["example"] for match in CONSOLE.finditer(document.read_text())]
    assert len(examples) == len(blocks(document, "console"))
    return examples


def held_against(document: Path, shown: re.Pattern[str], printed: dict[str, str]) -> None:
    """Hold what the examples of a document print against what stands below them, or write it there."""
    text = document.read_text()

    def corrected(match: re.Match[str]) -> str:
        start, end = (place - match.start() for place in match.span("output"))
        return match[0][:start] + printed[match["example"]] + match[0][end:]

    if UPDATE:
        document.write_text(shown.sub(corrected, text))
    assert {match["example"]: match["output"] for match in shown.finditer(document.read_text())} == printed


@EVERY
@pytest.mark.usefixtures("folder")
def test_console_examples(document: Path) -> None:
    if document != CONTRIBUTING:  # which shows what a changed house prints
        held_against(document, CONSOLE, {example: run(example) for example in examples_of(document)})


@EVERY
@pytest.mark.usefixtures("folder")
def test_python_examples(document: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Those of a page in turn, each with what the former ones left; two pages show lines to add, which run below."""
    names: dict[str, Any] = {}
    printed = {}
    for match in PYTHON.finditer(document.read_text()):
        exec(compile(match["example"], str(document), "exec"), names)
        printed[match["example"]] = capsys.readouterr().out
    assert len(printed) == (0 if document in (SAVING_PAGE, CONTRIBUTING) else len(blocks(document, "python")))
    held_against(document, PYTHON, printed)


# What the page for contributors says of where lines go: a file of their own, the end of a file, or beside a line of it.
PLACE = re.compile(r"^# (ssdlossdbg/\S+\.py)(?:, at its end|, (above|below|instead of): (.*))?\n", flags=re.MULTILINE)


def built(addition: str, house: Path) -> set[str]:
    """Add lines to a copy of the package, each where the comment above them says; the files they went to.

    Lines that are there already, as an example of how it was done, are taken out first.
    """
    assert PLACE.match(addition)
    _, *parts = PLACE.split(addition)
    for path, beside, text, lines in zip(*(parts[start::4] for start in range(4)), strict=True):
        file = house / path
        stands = file.read_text() if file.exists() else ""
        before = stands.replace(lines, "", 1).splitlines(keepends=True)
        at = len(before)
        if beside:
            (at,) = (number for number, line in enumerate(before) if line.strip().startswith(text))
        end = at + (beside == "instead of")
        at += beside == "below"
        file.write_text("".join([*before[:at], lines, *before[max(at, end) :]]))
        assert lines not in stands or file.read_text() == stands
    return set(parts[::4])


def test_the_page_for_contributors_adds_one_of_each_kind(folder: Path) -> None:
    """Its lines, in a copy of the package, print what it shows; each addition is a file and a row elsewhere."""
    house = folder / "house"
    shutil.copytree(ROOT / "ssdlossdbg", house / "ssdlossdbg", ignore=shutil.ignore_patterns("__pycache__"))
    for section in CONTRIBUTING.read_text().split("\n## "):
        touched = [
            built(block, house) for block in re.findall(r"^```python\n(.*?)```", section, re.DOTALL | re.MULTILINE)
        ]
        rule = section.startswith("A rule")  # which is a word in the spec and a function in the maths, for a dialect
        assert len(set().union(*touched)) <= (3 if rule else 2)
        for name, block in re.findall(r"`(\w+\.\w+)`:\n\n```\w+\n(.*?)```", section, flags=re.DOTALL):
            (folder / name).write_text(block)
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    examples = [example.split(" | ") for example in examples_of(CONTRIBUTING)]
    words = [sys.executable, "-c", RUN_ALL, str(house), *(command for command, *_ in examples)]
    done = warm.run(words, env=environment)
    assert done.returncode == 0, done.stderr
    outputs = json.loads(done.stdout)
    printed = {
        " | ".join((command, *filters)): filtered(output, filters)
        for (command, *filters), output in zip(examples, outputs, strict=True)
    }
    assert len(printed) == 4
    held_against(CONTRIBUTING, CONSOLE, printed)


@pytest.mark.usefixtures("folder")
def test_toml_examples() -> None:
    steps, loader, dialect, focal, boxes, config = blocks(PAGES["dialects"], "toml")
    Path("steps.toml").write_text(steps)
    refine = load_dialect("steps.toml").refine
    assert (refine.first_step, refine.object_probability) == (
        True,
        tomllib.loads(steps)["refine"]["object_probability"],
    )
    Path("loader.toml").write_text(loader)
    assert load_dialect("loader.toml").loader.numbers == tomllib.loads(loader)["loader"]["numbers"]
    Path("own.toml").write_text(config)
    Path("fork.toml").write_text(dialect)
    for name, text, key in (("focal", focal, "confidence"), ("boxes", boxes, "localization")):
        Path(f"{name}.toml").write_text(text)
        assert getattr(load_dialect(f"{name}.toml").loss, key) == tomllib.loads(text)["loss"][key]
    result = api.anchors("own.toml")
    assert [level.shapes[0] for level in result.levels] == [(16.0, 16.0), (32.0, 32.0)]
    assert [level.stride for level in result.levels] == [(8.0, 8.0), pytest.approx((300 / 19, 300 / 19))]
    fork = api.match("sample_data/cat.jpg", "sample_data/cat.xml", dialect="fork.toml")
    wanted = tomllib.loads(dialect)
    assert fork.threshold == wanted["match"]["threshold"]
    assert fork.totals.negatives == wanted["mining"]["ratio"] * fork.totals.positives


@pytest.mark.usefixtures("folder")
def test_pictures_are_what_the_commands_draw() -> None:
    astronaut = load_photo(Path("sample_data/astronaut.jpg"))
    coins = load_photo(Path("sample_data/coins.jpg"))
    batch = api.loss("sample_data/preds.pt", "sample_data/targets.pt", images=["", "", "sample_data/coins.jpg"])
    drawn = {
        "astronaut.match.png": match_picture(api.match(astronaut, "sample_data/astronaut.xml"), astronaut.image),
        "coins.loss.png": loss_picture(batch, coins.image, 2),
    }
    for name, picture in drawn.items():
        path = ROOT / "sample_data/pictures" / name
        if UPDATE:
            path.parent.mkdir(exist_ok=True)
            picture.quantize(160, method=Image.Quantize.FASTOCTREE).save(path, optimize=True)
        with Image.open(path) as stored:
            assert stored.size == picture.size
            # The stored picture has a palette of 160 colours, and JPEG decoders may differ in a shade.
            difference = ImageChops.difference(stored.convert("RGB"), picture).convert("L").resize((64, 64))
            assert np.asarray(difference).max() < 24


@pytest.mark.usefixtures("folder")
def test_project_defaults() -> None:
    dialect_line = 'dialect = "torchvision"'
    (table,) = blocks(PAGES["scripting"], "toml")
    assert dialect_line in table
    Path("pyproject.toml").write_text(table.replace('["RBC", "WBC", "Platelets"]', '"sample_data/classes.txt"'))
    result = CliRunner().invoke(app, ["check", "sample_data/cat.xml", "--format", "json"])
    assert (result.exit_code, json.loads(result.stdout)["dialect"]) == (EXIT_CLEAN, "torchvision")
    result = CliRunner().invoke(app, ["check", "sample_data/astronaut.xml", "--select", "BOX008"])
    assert result.exit_code == EXIT_FINDINGS


def test_yaml_example() -> None:
    (hook,) = yaml.safe_load(blocks(PAGES["check"], "yaml")[0])[0]["hooks"]
    assert re.search(hook["files"], "annotations/train/1.xml")
    assert not re.search(hook["files"], "pom.xml")
    assert list(unknown_options(hook["entry"])) == []


def unknown_options(line: str) -> Iterator[str]:
    """The options in a command line that its command does not have."""
    words = line.partition("ssdlossdbg ")[2].partition(" -- ")[0].split()  # what follows `--` is another program's
    known = {name for parameter in COMMANDS[words[0]].params for name in parameter.opts + parameter.secondary_opts}
    yield from (word for word in words if re.match(r"--?[a-z]", word) and word not in known | {"--help"})


@EVERY
def test_commands_in_the_text_exist(document: Path) -> None:
    text = document.read_text()
    lines = re.findall(r"`ssdlossdbg ([a-z][^`]*)`", text) + [
        line.rpartition("ssdlossdbg ")[2]
        for block in blocks(document, "sh")
        for line in block.splitlines()
        if "ssdlossdbg " in line
    ]
    for line in lines:
        assert line.split()[0] in COMMANDS, line
        assert list(unknown_options(f"ssdlossdbg {line}")) == [], line


@pytest.mark.parametrize("name", [name for name in COMMANDS if name in PAGES])
def test_every_option_is_on_the_page_of_its_command_or_on_a_shared_one(name: str) -> None:
    text = PAGES[name].read_text() + SHARED
    shown = [parameter for parameter in COMMANDS[name].params if not getattr(parameter, "hidden", False)]
    options = {long for parameter in shown for long in parameter.opts if long.startswith("--")}
    assert sorted(option for option in options if not re.search(rf"{option}(?![\w-])", text)) == []


def test_every_command_has_a_page() -> None:
    index = PAGES["index"].read_text() + PAGES["findings"].read_text() + PAGES["dialects"].read_text()
    assert [name for name in COMMANDS if name not in PAGES and f"`ssdlossdbg {name}" not in index] == []


def test_all_tables_of_dialects_have_all() -> None:
    rows = [line.split("|")[1] for line in PAGES["dialects"].read_text().splitlines() if line.startswith("| `")]
    named = [name for row in rows for name in re.findall(r"`([^`]+)`", row)]
    full = ["tf-object-detection-v2" if name == "-v2" else name for name in named]
    assert sorted(full) == sorted(3 * dialect_names())


def test_preset_count() -> None:
    for page in ("anchors", "dialects"):
        assert f"the {len(preset_names())} presets" in PAGES[page].read_text()


@EVERY
def test_codes_in_the_text_exist(document: Path) -> None:
    families = "|".join({code[:3] for code in CHECKS})
    unknown = set(re.findall(rf"\b(?:{families})\d{{3}}\b", document.read_text())) - set(CHECKS)
    assert unknown == ({"BOX099"} if document == CONTRIBUTING else set())


@EVERY
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", document.read_text()):
        assert (document.parent / target).is_file(), target


def test_the_index_lists_every_page() -> None:
    listed = re.findall(r"^- \[(\w+)\]\((\w+)\.md\): ", PAGES["index"].read_text(), flags=re.MULTILINE)
    assert all(name == target for name, target in listed)
    assert sorted(name for name, _ in listed) == [name for name in PAGES if name != "index"]


def test_the_package_brings_the_manual() -> None:
    brought = {file.name: file.read_text() for file in (files("ssdlossdbg") / "manual").iterdir() if ".md" in file.name}
    assert brought == {file.name: file.read_text() for file in PAGES.values()}


def test_paths_in_the_page_for_contributors_exist() -> None:
    text = CONTRIBUTING.read_text()
    paths = re.findall(r"`((?:ssdlossdbg|tests|\.ci)/[^` ]*)`", text)
    assert len(paths) > 10
    assert [
        path
        for path in paths
        if not (ROOT / path.replace("NAME", "*")).exists() and not [*ROOT.glob(path.replace("NAME", "*"))]
    ] == []


def test_the_readme_is_short_and_stands_alone() -> None:
    text = README.read_text()
    assert text.count("\n") <= 166
    # Where only the text is shown, as on a package's page, nothing else of the repository can be reached.
    assert re.findall(r"\]\(([^)]+)\)", text) == ["sample_data/pictures/astronaut.page.png"]


@pytest.mark.parametrize("name", ["try", "test"])
def test_ci_finds_the_command(name: str) -> None:
    marker = f"<!-- command: {name} -->\n```sh\n"
    command = README.read_text().split(marker)[1].split("```")[0]
    assert command.startswith("pip install -c .ci/constraints.txt ")
    assert command.count("\n") == 1
