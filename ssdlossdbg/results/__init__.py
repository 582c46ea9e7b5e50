"""What the analyses return: frozen, plain numbers and NumPy arrays. No torch.

Boxes are xyxy. "Input pixels" are pixels of the network's input; "photo pixels" are those of the photo.
Losses are normalised as the dialect does, unless a name ends in `_sum`.
"""

from __future__ import annotations

from ssdlossdbg.results.anchors import AnchorsResult, LevelGrid, Presets, PresetSummary
from ssdlossdbg.results.audit import (
    AuditedDataset,
    AuditResult,
    Augmented,
    Contested,
    Group,
    IouBySize,
    LevelAudit,
    RecallAt,
    Rivals,
    Tally,
    WorstImage,
)
from ssdlossdbg.results.check import CheckedFiles, CheckResult
from ssdlossdbg.results.common import COORDINATES, BoolArray, Box, ConfigSummary, FloatArray, IntArray
from ssdlossdbg.results.compare import BatchRoles, Cause, CompareResult, DialectOutcome
from ssdlossdbg.results.costs import Costs, Cutoff, GroundTruthLoss, ImageLoss, MinedNegative, NonFinite, Parts
from ssdlossdbg.results.detect import (
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
    DetectTotals,
    GroundTruthDetect,
    ImageDetect,
)
from ssdlossdbg.results.encoded import EncodedTable
from ssdlossdbg.results.evidence import Evidence
from ssdlossdbg.results.explain import CheckPage, Explained
from ssdlossdbg.results.findings import SEVERITIES, Case, Finding, Refusal, Severity, Where, codes_at
from ssdlossdbg.results.fit import FitResult, FittedDataset, FittedLevel, FittedPriors, Reach
from ssdlossdbg.results.geometry import outside_share, sound_boxes, sound_priors, square_iou
from ssdlossdbg.results.loss import ClassLoss, GroupLoss, LevelLoss, LossResult, SceneLoss
from ssdlossdbg.results.match import (
    FORCED_ONLY,
    INVALID,
    MATCHED,
    UNMATCHED,
    GroundTruthMatch,
    LeftOut,
    LevelMatch,
    MatchResult,
    MatchTotals,
    ObjectChange,
    PositivePriors,
    RoleChanges,
    RoundTrip,
    ThresholdCount,
)
from ssdlossdbg.results.objects import HARDLY, ImageFacts, Objects, became
from ssdlossdbg.results.predicted import Predicted
from ssdlossdbg.results.prior_table import PriorTable
from ssdlossdbg.results.report import Reported
from ssdlossdbg.results.subject import Subject

__all__ = [
    "COORDINATES",
    "FINDS",
    "FORCED_ONLY",
    "FOUND",
    "FOUND_AS_OTHER",
    "HARDLY",
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
    "CheckPage",
    "CheckResult",
    "CheckedFiles",
    "ClassDetect",
    "ClassLoss",
    "CompareResult",
    "ConfigSummary",
    "Contested",
    "Costs",
    "Cutoff",
    "DetectResult",
    "DetectTotals",
    "Detection",
    "DialectOutcome",
    "EncodedTable",
    "Evidence",
    "Explained",
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
    "LeftOut",
    "LevelAudit",
    "LevelGrid",
    "LevelLoss",
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
    "Presets",
    "PriorTable",
    "Reach",
    "RecallAt",
    "Refusal",
    "Reported",
    "Rivals",
    "RoleChanges",
    "RoundTrip",
    "SceneLoss",
    "Severity",
    "Subject",
    "Tally",
    "ThresholdCount",
    "Where",
    "WorstImage",
    "became",
    "codes_at",
    "outside_share",
    "sound_boxes",
    "sound_priors",
    "square_iou",
]
