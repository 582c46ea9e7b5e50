"""The frozen settings that select how the maths is done, and a codebase as a combination of them. Plain data, no torch.

Every choice is a named rule; a codebase is a combination of rules (a `Dialect`, read from a dialect file), never a
branch in the code. The lowest room of the house: it may use no other.
"""

from __future__ import annotations

from ssdlossdbg.rules.augment_spec import AugmentSpec, CropChoice, CropDemand, CropKeep, CropOverlap, CropShape
from ssdlossdbg.rules.codec_spec import CodecSpec, Unmatched
from ssdlossdbg.rules.detect_spec import BoxClip, CandidateScope, DetectSpec, Scores, SmallBoxes, Suppression
from ssdlossdbg.rules.dialect import Dialect, RaisesSpec, differences, settings_in_pixels, settings_of
from ssdlossdbg.rules.loader_spec import (
    CategoryIds,
    ClassList,
    Clipping,
    EmptyImages,
    LoaderSpec,
    Marked,
    NameLookup,
    Numbers,
    Orientation,
    Rounding,
    Tag,
    Unlisted,
)
from ssdlossdbg.rules.loss_spec import (
    BackgroundTarget,
    ConfidenceLoss,
    LocalizationLoss,
    LossSpec,
    Masking,
    Normalizer,
    WeightDecaySpec,
)
from ssdlossdbg.rules.match_spec import (
    BackgroundObjects,
    Comparison,
    ConflictRule,
    ForcedRule,
    IouRule,
    MatchSpec,
    Precision,
    Ties,
)
from ssdlossdbg.rules.mining_spec import (
    MiningCap,
    MiningPositives,
    MiningQuota,
    MiningScope,
    MiningScore,
    MiningSelection,
    MiningSpec,
)
from ssdlossdbg.rules.prior_spec import (
    LENGTHS,
    MOST_LEVELS,
    MOST_PRIORS,
    MOST_SHAPES,
    ClassPriorsSpec,
    Clip,
    LevelSpec,
    PriorOrder,
    PriorRounding,
    PriorSpec,
    both_sides,
)
from ssdlossdbg.rules.refine_spec import RefineSpec
from ssdlossdbg.rules.spec import Spec, known_values
from ssdlossdbg.rules.target_spec import (
    Axes,
    Background,
    Coordinates,
    Difficult,
    NativeSpec,
    Pair,
    PhotoName,
    Resizing,
    Rows,
    SizeFrom,
    TargetSpec,
    Units,
)
