"""What the analyses return: frozen, plain numbers and NumPy arrays. No torch.

Boxes are xyxy. "Input pixels" are pixels of the network's input; "photo pixels" are those of the photo.
Losses are normalised as the dialect does, unless a name ends in `_sum`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ssdlossdbg.lazily import lazily

if TYPE_CHECKING:
    from ssdlossdbg.results.anchors import AnchorsResult, LevelGrid, Presets, PresetSummary, Subject
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
    from ssdlossdbg.results.captured import Captured, Recorded
    from ssdlossdbg.results.check import CheckedFiles, CheckResult, Known, Suppressed
    from ssdlossdbg.results.class_use import ClassUse
    from ssdlossdbg.results.common import (
        COORDINATES,
        BoolArray,
        Box,
        ConfigSummary,
        FloatArray,
        IntArray,
    )
    from ssdlossdbg.results.compare import BatchRoles, Cause, CompareResult, DialectOutcome, NotAsked
    from ssdlossdbg.results.costs import (
        Costs,
        Cutoff,
        GroundTruthLoss,
        ImageLoss,
        MinedNegative,
        NonFinite,
        Parts,
        TakenOut,
    )
    from ssdlossdbg.results.detect import (
        FOUND,
        FOUND_AS_OTHER,
        MISSED,
        ClassDetect,
        DetectResult,
        DetectTotals,
        GroundTruthDetect,
        ImageDetect,
    )
    from ssdlossdbg.results.detect_detail import DetectDetail
    from ssdlossdbg.results.detect_scores import ClassScore, Confusion, DetectScores
    from ssdlossdbg.results.detections import (
        FINDS,
        NOTHING,
        OTHER_CLASS,
        REPEATS,
        ROLES,
        Detection,
        Detections,
        role_counts,
        those_in,
    )
    from ssdlossdbg.results.diff import (
        Difference,
        DiffResult,
        Explanation,
        GroupDifference,
        ObjectDifference,
        PriorDifference,
        RoleCount,
        Side,
    )
    from ssdlossdbg.results.encoded import EncodedTable
    from ssdlossdbg.results.evidence import Evidence
    from ssdlossdbg.results.explain import CheckPage, Explained
    from ssdlossdbg.results.findings import (
        SEVERITIES,
        Case,
        Finding,
        Refusal,
        Severity,
        Where,
        codes_at,
        in_order,
        with_names,
    )
    from ssdlossdbg.results.fit import FitResult, FittedDataset, FittedLevel, FittedPriors, Reach
    from ssdlossdbg.results.geometry import box_areas, corners, outside_share, sound_boxes, sound_priors, square_iou
    from ssdlossdbg.results.history import Event, GroupHistory, HistoryResult, ObjectHistory
    from ssdlossdbg.results.identify import (
        DialectFound,
        Differs,
        IdentifyResult,
        Inseparable,
        Probed,
        RaisedOn,
        RuleChange,
        in_words,
        nobodys,
        value_in_words,
        whose,
    )
    from ssdlossdbg.results.loss import (
        ClassLoss,
        FirstStep,
        GroupLoss,
        LevelLoss,
        LossResult,
        Means,
        RunBatch,
        SceneLoss,
        UntrainedLoss,
        WithoutBoxes,
    )
    from ssdlossdbg.results.loss_detail import AtRatio, LossDetail, PositiveCosts, RankedNegatives
    from ssdlossdbg.results.losses import LossesResult, SeenImage, SeenObject
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
        PriorRoles,
        RoleChanges,
        RoundTrip,
        ThresholdCount,
    )
    from ssdlossdbg.results.objects import HARDLY, NOTHING_READ, ClassListFile, ImageFacts, Objects, Reading, became
    from ssdlossdbg.results.photo_files import PhotoFiles
    from ssdlossdbg.results.photo_set import PhotoSet, SharedPhoto
    from ssdlossdbg.results.predicted import Predicted
    from ssdlossdbg.results.prior_table import PriorTable
    from ssdlossdbg.results.rank import RankedPreset, RankResult
    from ssdlossdbg.results.repairs import (
        Action,
        Copies,
        Limits,
        Mend,
        NotCopied,
        NotRepaired,
        Proposals,
        Repair,
        Twins,
        Wanted,
    )
    from ssdlossdbg.results.report import Reported
    from ssdlossdbg.results.said import SAME_LOSS, Said
    from ssdlossdbg.results.traits import ANY_POINT, MISSING, POINTS, Trait

_NAMES = {
    "anchors": "AnchorsResult LevelGrid Presets PresetSummary Subject",
    "audit": """
        AuditedDataset AuditResult Augmented Contested Group IouBySize LevelAudit RecallAt Rivals Tally
        WorstImage
    """,
    "captured": "Captured Recorded",
    "check": "CheckedFiles CheckResult Known Suppressed",
    "class_use": "ClassUse",
    "common": "COORDINATES BoolArray Box ConfigSummary FloatArray IntArray",
    "compare": "BatchRoles Cause CompareResult DialectOutcome NotAsked",
    "costs": "Costs Cutoff GroundTruthLoss ImageLoss MinedNegative NonFinite Parts TakenOut",
    "detect": "FOUND FOUND_AS_OTHER MISSED ClassDetect DetectResult DetectTotals GroundTruthDetect ImageDetect",
    "detect_detail": "DetectDetail",
    "detect_scores": "ClassScore Confusion DetectScores",
    "detections": "FINDS NOTHING OTHER_CLASS REPEATS ROLES Detection Detections role_counts those_in",
    "diff": "Difference DiffResult Explanation GroupDifference ObjectDifference PriorDifference RoleCount Side",
    "encoded": "EncodedTable",
    "evidence": "Evidence",
    "explain": "CheckPage Explained",
    "findings": "SEVERITIES Case Finding Refusal Severity Where codes_at in_order with_names",
    "fit": "FitResult FittedDataset FittedLevel FittedPriors Reach",
    "geometry": "box_areas corners outside_share sound_boxes sound_priors square_iou",
    "history": "Event GroupHistory HistoryResult ObjectHistory",
    "identify": """
        DialectFound Differs IdentifyResult Inseparable Probed RaisedOn RuleChange in_words nobodys
        value_in_words whose
    """,
    "loss": "ClassLoss FirstStep GroupLoss LevelLoss LossResult Means RunBatch SceneLoss UntrainedLoss WithoutBoxes",
    "loss_detail": "AtRatio LossDetail PositiveCosts RankedNegatives",
    "losses": "LossesResult SeenImage SeenObject",
    "match": """
        FORCED_ONLY INVALID MATCHED UNMATCHED GroundTruthMatch LeftOut LevelMatch MatchResult MatchTotals
        ObjectChange PositivePriors PriorRoles RoleChanges RoundTrip ThresholdCount
    """,
    "objects": "HARDLY NOTHING_READ ClassListFile ImageFacts Objects Reading became",
    "photo_files": "PhotoFiles",
    "photo_set": "PhotoSet SharedPhoto",
    "predicted": "Predicted",
    "prior_table": "PriorTable",
    "rank": "RankedPreset RankResult",
    "repairs": "Action Copies Limits Mend NotCopied NotRepaired Proposals Repair Twins Wanted",
    "report": "Reported",
    "said": "SAME_LOSS Said",
    "traits": "ANY_POINT MISSING POINTS Trait",
}
__all__, __getattr__ = lazily(__name__, _NAMES)
