"""The `ssdlossdbg` command."""

from __future__ import annotations

from typing import Annotated

import typer

from ssdlossdbg import __version__
from ssdlossdbg.cli.anchors import anchors
from ssdlossdbg.cli.compare import compare
from ssdlossdbg.cli.detect import detect
from ssdlossdbg.cli.dialects import dialects
from ssdlossdbg.cli.loss import loss
from ssdlossdbg.cli.match import match

app = typer.Typer(
    name="ssdlossdbg",
    help="The profiler for the SSD loss: which priors each object gets, what the loss is made of, what is wrong.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help starts in half the time of rich panels
    context_settings={"help_option_names": ["-h", "--help"]},
)
for function in (match, loss, detect, anchors, compare, dialects):
    app.command()(function)


def _version(asked: bool) -> None:
    if asked:
        print(f"ssdlossdbg {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """The console script."""
    app(prog_name="ssdlossdbg")
