"""What `ssdlossdbg anchors --fit` takes, and shows."""

from __future__ import annotations

from pathlib import Path

from ssdlossdbg.cli.deliver import deliver
from ssdlossdbg.cli.groups import DatasetOptions, MatchRules, Priors, sides
from ssdlossdbg.cli.next_command import next_command
from ssdlossdbg.cli.options import Group, Role, option
from ssdlossdbg.cli.places import file_at
from ssdlossdbg.cli.progress import progress, quick_imports
from ssdlossdbg.cli.streams import show_plain
from ssdlossdbg.cli.writing import Writer
from ssdlossdbg.errors import InputError
from ssdlossdbg.report.outputs import TEXT
from ssdlossdbg.report.view import View

# `--config` takes a prior config by its ending.
CONFIGS = (".toml",)
# What torch's generators take.
LARGEST_SEED = 2**64 - 1


class Fit(Group):
    """What priors are fitted to, and within which bounds."""

    title = "Fitting"
    dataset: Path | None = option(
        "--fit DATASET", "Propose sizes and ratios that reach more of its objects.", Role.DATASET
    )
    levels: str | None = option("--levels N,N,...", "Feature maps that --fit uses: cells a side, or WxH.")
    budget: int | None = option("--budget N", "Priors that --fit may use.  [default: as many as now]", min=1)
    seed: int = option("--seed N", "Of what --fit draws.", default=0, min=0, max=LARGEST_SEED)

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
    format: str,
    output: Path | None,
    writer: Writer,
) -> None:
    """Fit priors, write the proposed config, where it is wanted, and print the report.

    Raises:
        InputError: an input that cannot be used, or an output that cannot be written.
    """
    maps, names = fit.feature_maps, naming.names
    output = file_at(output, "priors.toml", CONFIGS) if output else None
    assert fit.dataset is not None
    with progress("Fitting the priors"):
        with quick_imports():
            from ssdlossdbg.api import datasets, fitting
            from ssdlossdbg.report.prior_config_toml import prior_config_toml
        read = datasets.load_dataset(fit.dataset, names, format=naming.dataset_format)
        if output is not None:
            writer.check(output)
        result = fitting.fit(
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
    groups = (priors, rules, naming)
    if output is None:
        then = next_command("anchors", "-o", "priors.toml", groups=(fit, *groups))
    else:
        then = next_command("audit", fit.dataset, "--config", output, groups=(rules, naming))
    deliver(result, format, files=writer.written, view=View(next=then if result.changed else ()))
    if format == TEXT and output is None and result.changed:
        # Not part of the report, whose long lines are wrapped: TOML does not survive that.
        show_plain(f"As a prior config, which -o FILE.toml writes:\n\n{config}")
