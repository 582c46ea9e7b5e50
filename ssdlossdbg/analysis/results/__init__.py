"""What the analyses return: frozen, plain numbers and NumPy arrays. No torch.

Boxes are xyxy. "Input pixels" are pixels of the network's input; "photo pixels" are those of the photo.
Losses are normalised as the dialect does, unless a name ends in `_sum`.
"""

from __future__ import annotations

from ssdlossdbg.analysis.results.anchors import AnchorsResult, LevelGrid, PresetSummary
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
    "Cutoff",
    "DetectResult",
    "Detection",
    "DialectOutcome",
    "EncodedTable",
    "Finding",
    "FloatArray",
    "GroundTruthDetect",
    "GroundTruthLoss",
    "GroundTruthMatch",
    "GroupLoss",
    "ImageDetect",
    "ImageFacts",
    "ImageLoss",
    "IntArray",
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
    "Refusal",
    "RoleChanges",
    "RoundTrip",
    "SceneLoss",
    "Severity",
    "ThresholdCount",
    "Where",
    "codes_at",
]
