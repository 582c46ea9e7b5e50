"""What the analyses return: frozen, plain numbers and NumPy arrays. No torch.

Boxes are xyxy. "Input pixels" are pixels of the network's input; "photo pixels" are those of the photo.
Losses are normalised as the dialect does, unless a name ends in `_sum`.
"""

from __future__ import annotations

from ssdlossdbg.analysis.results.anchors import AnchorsResult, LevelGrid, PresetSummary
from ssdlossdbg.analysis.results.audit import (
    AuditedDataset,
    AuditResult,
    Augmented,
    Contested,
    Group,
    IouBySize,
    LevelAudit,
    Recalls,
    Tally,
    WorstImage,
)
from ssdlossdbg.analysis.results.check import CheckedFiles, CheckResult
from ssdlossdbg.analysis.results.common import COORDINATES, BoolArray, Box, ConfigSummary, FloatArray, IntArray
from ssdlossdbg.analysis.results.compare import BatchRoles, Cause, CompareResult, DialectOutcome
from ssdlossdbg.analysis.results.detect import (
    FINDS,
    FOUND,
    FOUND_AS_OTHER,
    MISSED,
    NOTHING,
    OTHER_CLASS,
    REPEATS,
    ClassDetect,
    Detection,
    DetectResult,
    GroundTruthDetect,
    ImageDetect,
)
from ssdlossdbg.analysis.results.encoded import EncodedTable
from ssdlossdbg.analysis.results.findings import SEVERITIES, Case, Finding, Refusal, Severity, Where, codes_at
from ssdlossdbg.analysis.results.fit import FitResult, FittedDataset, FittedLevel, FittedPriors, Reach
from ssdlossdbg.analysis.results.loss import (
    Cutoff,
    GroundTruthLoss,
    GroupLoss,
    ImageLoss,
    LossResult,
    MinedNegative,
    NonFinite,
    Parts,
    SceneLoss,
)
from ssdlossdbg.analysis.results.match import (
    FORCED_ONLY,
    INVALID,
    MATCHED,
    UNMATCHED,
    GroundTruthMatch,
    LevelMatch,
    MatchResult,
    MatchTotals,
    ObjectChange,
    PositivePriors,
    RoleChanges,
    RoundTrip,
    ThresholdCount,
)
from ssdlossdbg.analysis.results.objects import ImageFacts, Objects
from ssdlossdbg.analysis.results.predicted import Predicted
from ssdlossdbg.analysis.results.priors import PriorTable

__all__ = [
    "COORDINATES",
    "FINDS",
    "FORCED_ONLY",
    "FOUND",
    "FOUND_AS_OTHER",
    "INVALID",
    "MATCHED",
    "MISSED",
    "NOTHING",
    "OTHER_CLASS",
    "REPEATS",
    "SEVERITIES",
    "UNMATCHED",
    "AnchorsResult",
    "AuditResult",
    "AuditedDataset",
    "Augmented",
    "BatchRoles",
    "BoolArray",
    "Box",
    "Case",
    "Cause",
    "CheckResult",
    "CheckedFiles",
    "ClassDetect",
    "CompareResult",
    "ConfigSummary",
    "Contested",
    "Cutoff",
    "DetectResult",
    "Detection",
    "DialectOutcome",
    "EncodedTable",
    "Finding",
    "FitResult",
    "FittedDataset",
    "FittedLevel",
    "FittedPriors",
    "FloatArray",
    "GroundTruthDetect",
    "GroundTruthLoss",
    "GroundTruthMatch",
    "Group",
    "GroupLoss",
    "ImageDetect",
    "ImageFacts",
    "ImageLoss",
    "IntArray",
    "IouBySize",
    "LevelAudit",
    "LevelGrid",
    "LevelMatch",
    "LossResult",
    "MatchResult",
    "MatchTotals",
    "MinedNegative",
    "NonFinite",
    "ObjectChange",
    "Objects",
    "Parts",
    "PositivePriors",
    "Predicted",
    "PresetSummary",
    "PriorTable",
    "Reach",
    "Recalls",
    "Refusal",
    "RoleChanges",
    "RoundTrip",
    "SceneLoss",
    "Severity",
    "Tally",
    "ThresholdCount",
    "Where",
    "WorstImage",
    "codes_at",
]
