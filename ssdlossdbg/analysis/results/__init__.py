"""What the analyses return: frozen, plain numbers and NumPy arrays. No torch.

Boxes are xyxy. "Input pixels" are pixels of the network's input; "photo pixels" are those of the photo.
Losses are normalised as the dialect does, unless a name ends in `_sum`.
"""

from __future__ import annotations

from ssdlossdbg.analysis.results.anchors import AnchorsResult, LevelGrid, PresetSummary
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
    "UNMATCHED",
    "AnchorsResult",
    "BatchRoles",
    "BoolArray",
    "Box",
    "Cause",
    "ClassDetect",
    "CompareResult",
    "ConfigSummary",
    "Cutoff",
    "DetectResult",
    "Detection",
    "DialectOutcome",
    "FloatArray",
    "GroundTruthDetect",
    "GroundTruthLoss",
    "GroundTruthMatch",
    "GroupLoss",
    "ImageDetect",
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
    "Parts",
    "PositivePriors",
    "PresetSummary",
    "RoleChanges",
    "RoundTrip",
    "SceneLoss",
    "ThresholdCount",
]
