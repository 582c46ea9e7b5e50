"""Of a dataset and priors: what `ssdlossdbg anchors --fit` proposes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ssdlossdbg.analysis.fit import analyse_fit
from ssdlossdbg.api.common import DEFAULT_DIALECT, File, as_dialect, class_count, override
from ssdlossdbg.default_device import on_cpu_by_default
from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations import Dataset, load_dataset
from ssdlossdbg.readers.named_priors import load_priors
from ssdlossdbg.readers.prior_configs import PriorConfig, load_prior_config
from ssdlossdbg.readers.saved.layout import SavedLayout
from ssdlossdbg.readers.saved.tensor_files import TENSOR_ENDINGS
from ssdlossdbg.results import FitResult
from ssdlossdbg.rules import Dialect


@on_cpu_by_default
def fit(
    dataset: File | Dataset,
    priors: PriorConfig | str | None = None,
    dialect: Dialect | str = DEFAULT_DIALECT,
    *,
    levels: Sequence[tuple[int, int]] = (),
    budget: int | None = None,
    seed: int = 0,
    threshold: float | None = None,
    layout: SavedLayout = SavedLayout(),
) -> FitResult:
    """Propose sizes and aspect ratios of priors that raise best possible recall, as `anchors --fit` does.

    Args:
        dataset: what `load_dataset` returned, or its path.
        priors: to start from: what `load_prior_config` returned, or a preset, a config file, or a saved tensor that
            equals a preset; the dialect's own if None.
        dialect: what `load_dialect` returned, or its name or file.
        levels: (columns, rows) of the feature maps to use; those of the priors if empty.
        budget: priors that there may be; as many as it starts from if None.
        seed: of all that is drawn.
        threshold: match threshold, over the dialect's.
        layout: how a tensor of priors was saved.

    Raises:
        InputError: an unusable file, an unknown name, no object to fit to, priors shifted inside their cells, or levels
            or a budget that cannot be met.
    """
    rules = override(as_dialect(dialect), threshold=threshold)
    loaded = dataset if isinstance(dataset, Dataset) else load_dataset(Path(dataset))
    if not isinstance(priors, PriorConfig):
        priors = _config(priors or rules.priors_for(class_count(loaded.parts, ())), layout, rules)
    _refuse_offsets(priors)
    return analyse_fit(loaded, priors, rules, levels, budget, seed)


def _config(source: str, layout: SavedLayout, rules: Dialect) -> PriorConfig:
    """The config of that name or file, or the preset that a saved tensor equals."""
    if Path(source).suffix.lower() not in TENSOR_ENDINGS:
        return load_prior_config(source)
    named = load_priors(source, layout, rules)
    if not named.codebase:
        fix = "Name a preset (`ssdlossdbg anchors --list`) or a config file that says its levels, sizes and ratios."
        raise InputError(source, "holds priors that are no preset, so what they are made of is not known", fix)
    return load_prior_config(named.name)


def _refuse_offsets(config: PriorConfig) -> None:
    """A fit proposes other shapes for a cell, and whose place the offsets would then be nobody knows."""
    for index, level in enumerate(config.spec.levels):
        if level.offsets:
            what = f"key levels[{index}].offsets: shifts priors inside their cells, which a fit cannot keep"
            raise InputError(config.name, what, "Start from a config file of the same levels without offsets.")
