"""The `ssdlossdbg` command."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ssdlossdbg import __version__
from ssdlossdbg.cli.command import Command, exiting, write_exit_codes
from ssdlossdbg.cli.widths import columns

# In the order of the help; each is a function of that name in a file of that name.
COMMANDS = (
    "match",
    "loss",
    "detect",
    "anchors",
    "compare",
    "identify",
    "audit",
    "check",
    "run",
    "history",
    "diff",
    "dialects",
    "explain",
    "manual",
)
EXAMPLES = [
    ("ssdlossdbg match img.jpg ann.xml", "which priors does each object of a photo get"),
    ("ssdlossdbg loss preds.pt targets.pt", "what is my loss made of"),
    ("ssdlossdbg audit VOC2007/Annotations", "what can my priors learn of a dataset"),
    ("ssdlossdbg run -o runs/a -- train.py", "save the batch on which a training goes wrong"),
    ('ssdlossdbg explain "loss is nan"', "which findings it may be"),
]


def function_of(command: str) -> Callable[..., Any]:
    """What a command does."""
    function: Callable[..., Any] = getattr(import_module(f"ssdlossdbg.cli.{command}"), command)
    return function


@cache
def _put_together(command: str) -> Any:
    """A command as typer makes it, with its options."""
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    # What follows the first argument of `run` is another program's.
    settings = {"allow_interspersed_args": command != "run"}
    alone.command(cls=Command, context_settings=settings)(function_of(command))
    return typer.main.get_command(alone)


class _Commands(Mapping[str, Any]):
    """The commands by their names, each put together when it is asked for: all of them take a third of a start."""

    def __getitem__(self, name: str) -> Any:
        if name not in COMMANDS:
            raise KeyError(name)
        return _put_together(name)

    def __contains__(self, name: object) -> bool:
        return name in COMMANDS

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class _Program(TyperGroup):
    """Keeps the words of the command line, which tell whether a command is only asked for its help."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**{**given, "commands": _Commands()})

    def list_commands(self, _: Any) -> list[str]:
        """Name the commands, in the order of the help, without any being put together."""
        return list(COMMANDS)

    def make_context(self, info_name: Any, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Give help the columns that reports have."""
        return super().make_context(info_name, args, parent, **{"terminal_width": columns(), **extra})

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write what each command is for, in its whole first sentence."""
        summaries = [
            (name, str(self.commands[name].help).split("\n\n")[0].replace("\n", " "))
            for name in self.list_commands(ctx)
        ]
        with formatter.section("Commands"):
            formatter.write_dl(summaries)

    def format_epilog(self, _: Any, formatter: Any) -> None:
        """Write what to begin with, and what the exit codes mean."""
        with formatter.section("Examples"):
            formatter.write_dl(EXAMPLES)
        write_exit_codes(formatter)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.obj = tuple(args)
        return super().parse_args(ctx, args)


app = typer.Typer(
    name="ssdlossdbg",
    cls=_Program,
    help="The profiler for the SSD loss: which priors each object gets, what the loss is made of, what is wrong.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help starts in half the time of rich panels
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        print(f"ssdlossdbg {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    if not set(context.help_option_names).isdisjoint(context.obj):
        return  # a pyproject.toml that is broken must not keep anyone from reading the help
    from ssdlossdbg.cli.defaults import project_defaults
    from ssdlossdbg.readers.files import noting

    context.with_resource(noting())
    with exiting():
        context.default_map = project_defaults(context)
