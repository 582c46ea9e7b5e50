"""Cases: a command line and the files that it reads, some of them changed, drawn by seed and number."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import typer.main

from ssdlossdbg.cli.app import app
from ssdlossdbg.cli.options import OUTPUTS
from tests.fuzz.attacks import attack
from tests.fuzz.kinds import KINDS, OLD, Link, sound_file
from tests.fuzz.mutators import NUMBERS, TEXTS, mutated

COMMANDS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]


@dataclass
class Case:
    """A command line, and the files of the folder in which it is run.

    Attributes:
        kind: of input that it is about.
        words: the command and its arguments.
        options: each with its value.
        files: by their names.
        sound: what those of them held before they were changed.
    """

    kind: str
    words: list[str]
    options: list[list[str]]
    files: dict[str, bytes | Link]
    sound: dict[str, bytes] = field(default_factory=dict)

    @property
    def line(self) -> list[str]:
        """The whole command line, without the program's name."""
        return [*self.words, *(word for option in self.options for word in option)]


# What each option is given that takes text, by its name; of the rest the command itself says what it takes.
VALUES: dict[str, tuple[str, ...]] = {
    "config": ("small.toml", "ssd300", "ssd", "priors.npy", "own.toml", "torchvision-ssdlite320"),
    "image_size": ("64", "64x48", "1", "1x1", "65535", "0", "x", "9" * 30),
    "dialect": ("caffe", "torchvision", "ssd-keras", "mine.toml", "tf-object-detection", "pytorch-ssd", "no"),
    "dialects": ("all", "caffe,torchvision", "mine.toml", "caffe,", ","),
    "reference": ("caffe", "mmdetection", "mine.toml"),
    "classes": ("cat,dog,cup,coin", "cat", "names.txt", "cat,cat", "yolo/data.yaml", ","),
    "device": ("cpu", "auto", "cuda", "cuda:9", "mps", "tpu", "cpu:1", "meta"),
    "select": ("BOX", "BOX001", "PRI,LBL", "NO", ""),
    "ignore": ("BOX", "DAT", ""),
    "per_file_ignores": ("a*:BOX001", "voc/**:MAT,BOX", "**/*:L", "a:b:BOX", ":", "a*:NO", "[:B"),
    "baseline": ("known.json", "names.txt", "voc"),
    "levels": ("4,2,1", "4x2,1", "0", "4,,", "99999"),
    "weights": ("weights.pt",),
    "descriptions": ("oi/class-descriptions-boxable.csv",),
    "image": ("voc/JPEGImages/a.jpg",),
    "dataset": ("voc", "yolo"),
}  # fmt: skip
INTEGERS = ("0", "1", "3", "-1", "1000", str(2**31), str(2**63), str(-(2**63) - 1), "1" + "0" * 30, "x", "nan", "")
NEW_FILES = (
    "new.png",
    "new.html",
    "new.csv",
    "new.toml",
    "new.npy",
    "new/deep.png",
    "pictures",
    OLD,
    ".",
    "a" * 300,
    "/dev/full",
)
# What takes long by right: how often it is repeated is the user's to say.
SLOW = {
    "augment": ("0", "1", "2"),
    "gallery": ("0", "1", "3"),
    "charts": (),
    "budget": ("1", "50", "200"),
    "changes": ("0", "1", "3"),
    "seconds": ("0", "1"),
}


def writes(command: str, parameter: Any) -> bool:
    """Whether a parameter says where to write."""
    return getattr(COMMANDS[command].callback, "roles", {}).get(parameter.name) in OUTPUTS


def _option(rng: Random, command: str, parameter: Any, files: list[str]) -> list[str]:
    """An option with a value."""
    name = rng.choice((parameter.opts[-1], parameter.opts[-1], *parameter.opts, *parameter.secondary_opts))
    if getattr(parameter, "is_flag", False):
        return [] if parameter.name in SLOW else [name]
    choices = getattr(parameter.type, "choices", None)
    given: tuple[str, ...]
    if writes(command, parameter):
        given = tuple(files) if rng.random() < 0.3 else NEW_FILES
    elif rng.random() < 0.05:
        given = tuple(text for text in TEXTS if "\0" not in text)
    elif choices:
        given = tuple(choices)
    else:
        given = SLOW.get(parameter.name) or VALUES.get(parameter.name) or INTEGERS
        given = NUMBERS if parameter.type.name.startswith("float") else given
    return [name, rng.choice(given)]


def _options(rng: Random, command: str, files: list[str], most: int) -> list[list[str]]:
    parameters = [each for each in COMMANDS[command].params if each.param_type_name == "option"]
    drawn = rng.sample(parameters, rng.randrange(min(most, len(parameters)) + 1))
    return [option for each in drawn if each.name != "traceback" and (option := _option(rng, command, each, files))]


def _renamed(rng: Random, case: Case) -> None:
    """Give a file a name that is hard to take, or make it something else than a file."""
    name = rng.choice([each for each in case.files if not each.endswith((".toml", OLD))])
    text = rng.choice([text for text in TEXTS if text.strip("/. ") and "\0" not in text and len(text) < 200])
    new = str(Path(name).with_name(text.replace("/", "") + rng.choice((Path(name).suffix, "", ".JPG", "\udcff.xml"))))
    content = case.files.pop(name)
    odd = (
        Link(),
        Link("/dev/zero"),
        Link("/dev/full"),
        Link("nowhere"),
        Link(Path(name).name),
        Link("."),
        Link("../outside"),
    )
    if rng.random() < 0.3:
        case.files[name] = rng.choice(odd)
        return
    case.files[new] = content
    case.words = [new if word == name else word for word in case.words]
    case.options = [[new if word == name else word for word in option] for option in case.options]


def make_case(seed: int, number: int, kinds: list[str]) -> Case:
    """The case of a number, which is the same whenever it is made.

    Args:
        seed: of the run.
        number: of the case in it.
        kinds: one of which it is of, turn by turn.
    """
    rng = Random(f"{seed}/{number}")
    name = kinds[number % len(kinds)]
    if name == "attacks":
        line, files = attack(number // len(kinds))
        return Case(name, line.split(), [], files)
    kind = KINDS[name]
    words = rng.choice(kind.lines).split()
    names = dict.fromkeys((*kind.files, *kind.beside, OLD))
    options: list[list[str]] = _options(rng, words[0], list(names), 5 if name == "options" else rng.choice((0, 0, 2)))
    own = {word for option in (words, *options) for word in option}
    formats = next((each.type.choices for each in COMMANDS[words[0]].params if each.name == "format"), ())
    if formats and "--format" not in own and rng.random() < 0.6:
        options.append(["--format", rng.choice(list(formats))])
    configurable = any(each.name == "config" for each in COMMANDS[words[0]].params)
    if configurable and "--config" not in own and (words[0] != "match" or rng.random() < 0.9):
        options.append(["--config", "small.toml"])
    if words[0] == "match" and rng.random() < 0.7:
        options.append(["--no-overlay"])
    wanted = {value for values in VALUES.values() for value in values if value in own and ("." in value)}
    needed = {"own.toml": "small.toml", "own.json": "small.toml", "mine.json": "mine.toml"}
    names |= dict.fromkeys(sorted(wanted)) | dict.fromkeys(
        need for each, need in needed.items() if each in {*names, *own}
    )
    case = Case(name, words, options, {each: sound_file(each) for each in names})
    if name == "names":
        _renamed(rng, case)
    read = [each for each in kind.files if each in case.line] or list(kind.files)
    victims = [rng.choice(read)] if read else []
    victims += [each for each in names if rng.random() < 0.02 and each != OLD]
    for victim in dict.fromkeys(victims):
        content = case.files.get(victim)
        if isinstance(content, bytes):
            case.sound[victim] = content
            case.files[victim] = mutated(rng, victim, content)
    return case
