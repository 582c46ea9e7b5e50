"""What the functions of the API share."""

from __future__ import annotations

from dataclasses import replace
from os import PathLike
from typing import TypeVar

from ssdlossdbg.checks.catalogue import find
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.readers.named_priors import NamedPriors, load_priors
from ssdlossdbg.results import AnchorsResult, MatchResult, Subject
from ssdlossdbg.rules import Dialect

File = str | PathLike[str]
DEFAULT_DIALECT = "ssd.pytorch"
Checked = TypeVar("Checked", AnchorsResult, MatchResult)


def checked(result: Checked) -> Checked:
    """The result with what the checks find in it and in its evidence."""
    own: tuple[Subject, ...] = (result,) if isinstance(result, AnchorsResult) else ()
    return replace(result, findings=find((*result.evidence, *own), together=True))


def priors_or_default(priors: NamedPriors | str | None, rules: Dialect) -> NamedPriors:
    """The priors that the user named, or the dialect's own.

    Raises:
        InputError: unknown name or unusable file.
    """
    return priors if isinstance(priors, NamedPriors) else load_priors(priors or rules.prior_config)


def as_dialect(dialect: Dialect | str, where: str = "--dialect") -> Dialect:
    """The dialect that the user gave or named.

    Raises:
        InputError: unknown name, or a file that cannot be used.
    """
    return dialect if isinstance(dialect, Dialect) else load_dialect(dialect, where)


def override(
    dialect: Dialect,
    *,
    threshold: float | None = None,
    neg_pos: float | None = None,
    alpha: float | None = None,
) -> Dialect:
    """The dialect with the settings that the user overrules.

    Args:
        dialect: what to start from.
        threshold: match threshold.
        neg_pos: negatives mined per positive.
        alpha: weight of the localisation loss.
    """
    matching, mining, weights = dialect.match, dialect.mining, dialect.loss
    return replace(
        dialect,
        match=matching if threshold is None else replace(matching, threshold=threshold),
        mining=mining if neg_pos is None else replace(mining, ratio=neg_pos),
        loss=weights if alpha is None else replace(weights, localization_weight=alpha),
    )
