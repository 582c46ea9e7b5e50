"""ssdlossdbg: the profiler for the SSD loss, as a library.

    import ssdlossdbg

    dialect = ssdlossdbg.load_dialect("ssd.pytorch")
    priors = ssdlossdbg.load_priors("ssd300")
    report = ssdlossdbg.match("img.jpg", "ann.xml", priors, dialect)
    report = ssdlossdbg.loss("preds.pt", "targets.pt")

The tensor functions (`match_priors`, `multibox_loss`, `encode`, `decode`, `generate_priors`) know nothing of files and
run on any device. Nothing here imports torch until it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from ssdlossdbg.api import anchors, audit, check, compare, detect, fit, load_dataset, loss, match, match_roles
    from ssdlossdbg.errors import InputError, SsdLossDbgError, UnknownNameError
    from ssdlossdbg.multibox.codec import decode, encode
    from ssdlossdbg.multibox.ground_truth import GroundTruthBatch, pad_ground_truth
    from ssdlossdbg.multibox.loss import MultiBoxLoss, multibox_loss
    from ssdlossdbg.multibox.matching import Matching
    from ssdlossdbg.multibox.matching import match as match_priors
    from ssdlossdbg.multibox.priors import Priors, generate_priors
    from ssdlossdbg.readers.annotations import Dataset
    from ssdlossdbg.readers.dialects import load_dialect
    from ssdlossdbg.readers.named_priors import NamedPriors, load_priors
    from ssdlossdbg.readers.photos import Photo, load_photo
    from ssdlossdbg.readers.saved.layout import SavedLayout
    from ssdlossdbg.results import (
        AnchorsResult,
        AuditResult,
        CheckResult,
        CompareResult,
        DetectResult,
        FitResult,
        LossResult,
        MatchResult,
        RoleChanges,
    )
    from ssdlossdbg.rules import CodecSpec, DetectSpec, Dialect, LossSpec, MatchSpec, MiningSpec, PriorSpec

# Where each name lives, and what it is called there if that differs.
_HOMES = {
    "AnchorsResult": "results",
    "AuditResult": "results",
    "CheckResult": "results",
    "CodecSpec": "rules",
    "CompareResult": "results",
    "DetectResult": "results",
    "DetectSpec": "rules",
    "Dataset": "readers.annotations",
    "Dialect": "rules",
    "FitResult": "results",
    "GroundTruthBatch": "multibox.ground_truth",
    "InputError": "errors",
    "LossResult": "results",
    "LossSpec": "rules",
    "MatchResult": "results",
    "MatchSpec": "rules",
    "Matching": "multibox.matching",
    "MiningSpec": "rules",
    "MultiBoxLoss": "multibox.loss",
    "NamedPriors": "readers.named_priors",
    "Photo": "readers.photos",
    "PriorSpec": "rules",
    "Priors": "multibox.priors",
    "RoleChanges": "results",
    "SavedLayout": "readers.saved.layout",
    "SsdLossDbgError": "errors",
    "UnknownNameError": "errors",
    "anchors": "api",
    "audit": "api",
    "check": "api",
    "compare": "api",
    "decode": "multibox.codec",
    "detect": "api",
    "encode": "multibox.codec",
    "fit": "api",
    "generate_priors": "multibox.priors",
    "load_dataset": "api",
    "load_dialect": "readers.dialects",
    "load_photo": "readers.photos",
    "load_priors": "readers.named_priors",
    "loss": "api",
    "match": "api",
    "match_priors": "multibox.matching:match",
    "match_roles": "api",
    "multibox_loss": "multibox.loss",
    "pad_ground_truth": "multibox.ground_truth",
}

__all__ = [
    "AnchorsResult",
    "AuditResult",
    "CheckResult",
    "CodecSpec",
    "CompareResult",
    "Dataset",
    "DetectResult",
    "DetectSpec",
    "Dialect",
    "FitResult",
    "GroundTruthBatch",
    "InputError",
    "LossResult",
    "LossSpec",
    "MatchResult",
    "MatchSpec",
    "Matching",
    "MiningSpec",
    "MultiBoxLoss",
    "NamedPriors",
    "Photo",
    "PriorSpec",
    "Priors",
    "RoleChanges",
    "SavedLayout",
    "SsdLossDbgError",
    "UnknownNameError",
    "anchors",
    "audit",
    "check",
    "compare",
    "decode",
    "detect",
    "encode",
    "fit",
    "generate_priors",
    "load_dataset",
    "load_dialect",
    "load_photo",
    "load_priors",
    "loss",
    "match",
    "match_priors",
    "match_roles",
    "multibox_loss",
    "pad_ground_truth",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _HOMES[name].partition(":")
    value = getattr(importlib.import_module(f"{__name__}.{module}"), attribute or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
