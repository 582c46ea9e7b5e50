"""What `ssdlossdbg anchors --fit` takes, and shows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from ssdlossdbg.cli.deliver import deliver
from ssdlossdbg.cli.groups import DatasetOptions, Format, Group, MatchRules, Priors, parse_classes, sides
from ssdlossdbg.cli.progress import progress, quick_imports
from ssdlossdbg.cli.streams import show_plain
from ssdlossdbg.cli.writing import Role, Writer
from ssdlossdbg.errors import InputError

# What torch's generators take.
LARGEST_SEED = 2**64 - 1


@dataclass(frozen=True)
class Fit(Group):
    """What priors are fitted to, and within which bounds."""

    title = "Fitting"

    dataset: Annotated[
        Path | None,
        typer.Option("--fit", metavar="DATASET", help="Propose sizes and ratios that reach more of its objects."),
        Role.DATASET,
    ] = None
    levels: Annotated[
        str | None,
        typer.Option("--levels", metavar="N,N,...", help="Feature maps that --fit uses: cells a side, or WxH."),
    ] = None
    budget: Annotated[
        int | None,
        typer.Option("--budget", metavar="N", min=1, help="Priors that --fit may use.  [default: as many as now]"),
    ] = None
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, max=LARGEST_SEED, help="Of what --fit draws.")] = 0

    @property
    def feature_maps(self) -> tuple[tuple[int, int], ...]:
        """(columns, rows) of each in `38,19,10` or `40x30,20x15`; none where the option was not given.

        Raises:
            InputError: neither of those, or a feature map twice.
        """
        if self.levels is None:
            return ()
        maps = tuple(self._feature_map(part.strip()) for part in self.levels.lower().split(","))
        if len(set(maps)) < len(maps):
            what = f"is {self.levels!r}, which names a feature map twice"
            raise InputError("--levels", what, "Name each once.")
        return maps

    def _feature_map(self, part: str) -> tuple[int, int]:
        what = f"is {self.levels!r}, and {part!r} is no feature map"
        fix = "Write their cells a side, or columns x rows: 38,19,10, or 40x30,20x15."
        return sides(part, InputError("--levels", what, fix))


def show_fit(
    fit: Fit,
    priors: Priors,
    rules: MatchRules,
    naming: DatasetOptions,
    output: Path | None,
    writer: Writer,
    format: Format,
) -> None:
    """Fit priors, write the proposed config, where it is wanted, and print the report.

    Raises:
        InputError: an input that cannot be used, or an output that cannot be written.
    """
    maps, names = fit.feature_maps, parse_classes(naming.classes)
    if output is not None and output.suffix.lower() != ".toml":
        raise InputError(output, "is to be a prior config, which --config takes by its ending", "End it in .toml.")
    assert fit.dataset is not None
    with progress("Fitting the priors"):
        with quick_imports():
            from ssdlossdbg import api
            from ssdlossdbg.report.prior_config_toml import prior_config_toml
        read = api.load_dataset(fit.dataset, names, format=naming.dataset_format)
        if output is not None:
            writer.check(output)
        result = api.fit(
            read,
            priors.config,
            rules.dialect,
            levels=maps,
            budget=fit.budget,
            seed=fit.seed,
            threshold=rules.threshold,
            layout=priors.layout,
        )
    config = prior_config_toml(result)
    if output is not None:
        writer.write(output, config.encode())
    deliver(result, format, files=writer.written)
    if format is Format.TEXT and output is None and result.changed:
        # Not part of the report, whose long lines are wrapped: TOML does not survive that.
        show_plain(f"As a prior config, which -o FILE.toml writes:\n\n{config}")
