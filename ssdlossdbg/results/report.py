"""What every result can do with its reports."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult


class Reported:
    """Base of the results that have reports: short in a prompt, whole with `rich.print`, JSON and back."""

    @property
    def headline(self) -> str:
        """What was found, in a line."""
        raise NotImplementedError

    def __repr__(self) -> str:
        codes = ", ".join(finding.code for finding in getattr(self, "findings", ()))
        return f"<{type(self).__name__} {self.headline}{f'; findings {codes}' if codes else ''}>"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from _outputs("on_console")(self, console, options)

    def to_json(self, files: Sequence[str] = ()) -> str:
        """The document that `--format json` prints.

        Args:
            files: what was written beside it.
        """
        text: str = _outputs("to_json")(self, files)
        return text

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Such a result from its document; what is no part of that is empty.

        Args:
            text: what `to_json` returned.

        Raises:
            InputError: it is none, or that of another kind of result.
        """
        result: Self = _outputs("read_json")(text, cls)
        return result


def _outputs(name: str) -> Callable[..., Any]:
    # By name, as entry points are: reports know results, and an import here would make that a circle. What knows how
    # a result is shown stays in one place all the same, so that a new format needs no line here.
    found: Callable[..., Any] = pkgutil.resolve_name(f"ssdlossdbg.report.outputs:{name}")
    return found
