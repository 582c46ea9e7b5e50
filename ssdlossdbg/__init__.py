"""ssdlossdbg: the profiler for the SSD loss, as a library.

    import ssdlossdbg

    report = ssdlossdbg.match("img.jpg", "ann.xml", "ssd300", "ssd.pytorch")
    report = ssdlossdbg.loss("preds.pt", "targets.pt")

    terms = ssdlossdbg.multibox_loss(loc, conf, "ssd300", objects, "ssd.pytorch")
    criterion = ssdlossdbg.MultiBoxLoss("ssd.pytorch", priors="ssd300")

The first two work on files, the others on tensors of any device, and train. Nothing here imports torch until it is
first used; what type checkers see is in `__init__.pyi`.
"""

from __future__ import annotations

from ssdlossdbg.lazily import lazily

__version__ = "0.1.0"

_NAMES = {
    "api": """
        anchors audit check compare detect diff fit history identify_batch load_dataset loss losses match match_roles
    """,
    "live.capture": "Capture capture",
    "errors": "InputError SsdLossDbgError UnknownNameError",
    "multibox.detect": "Detections",
    "multibox.ground_truth": "GroundTruthBatch pad_ground_truth",
    "multibox.loss": "LossTerms",
    "multibox.matching": "Matching",
    "multibox.priors": "Priors",
    "probing.identify": "assert_same_loss identify",
    "readers.annotations": "Dataset",
    "readers.dialects": "load_dialect",
    "readers.named_priors": "NamedPriors load_priors",
    "readers.photos": "Photo load_photo",
    "readers.saved.layout": "SavedLayout",
    "report.documents": "from_json",
    "report.json_schema": "json_schema",
    "results": """
        AnchorsResult AuditResult Case CheckResult CompareResult DetectResult DiffResult Finding FitResult HistoryResult
        IdentifyResult LossesResult LossResult MatchResult RoleChanges Severity Where
    """,
    "rules": """
        AugmentSpec Axes Background BackgroundObjects BackgroundTarget BoxClip CandidateScope CategoryIds ClassList
        ClassPriorsSpec Clip Clipping CodecSpec Comparison ConfidenceLoss ConflictRule Coordinates CropChoice
        CropDemand CropKeep CropOverlap CropShape DetectSpec Dialect Difficult EmptyImages ForcedRule IouRule
        LevelSpec LoaderSpec LocalizationLoss LossSpec Marked Masking MatchSpec MiningCap MiningPositives
        MiningQuota MiningScope MiningScore MiningSelection MiningSpec NameLookup NativeSpec Normalizer Numbers
        Orientation Pair PhotoName Precision PriorOrder PriorRounding PriorSpec RaisesSpec RefineSpec Resizing Rounding
        Rows Scores SizeFrom SmallBoxes Suppression Tag TargetSpec Ties Units Unlisted Unmatched WeightDecaySpec
    """,
    "tensors.criterion": "MultiBoxLoss",
    "tensors.functions": "decode detect_boxes encode generate_priors match_priors multibox_loss",
}
__all__, __getattr__ = lazily(__name__, _NAMES)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
