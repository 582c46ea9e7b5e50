"""Dialects: how one codebase reads targets, matches, mines and normalises."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, is_dataclass

from ssdlossdbg.rules.augment_spec import AugmentSpec
from ssdlossdbg.rules.codec_spec import CodecSpec
from ssdlossdbg.rules.detect_spec import DetectSpec
from ssdlossdbg.rules.loader_spec import LoaderSpec
from ssdlossdbg.rules.loss_spec import LossSpec, WeightDecaySpec
from ssdlossdbg.rules.match_spec import IouRule, MatchSpec
from ssdlossdbg.rules.mining_spec import MiningSpec
from ssdlossdbg.rules.prior_spec import ClassPriorsSpec
from ssdlossdbg.rules.refine_spec import RefineSpec
from ssdlossdbg.rules.spec import Spec
from ssdlossdbg.rules.target_spec import NativeSpec, TargetSpec, Units


@dataclass(frozen=True)
class RaisesSpec(Spec):
    """Where the real code raises. The text names the exception, its file and line.

    Attributes:
        image_without_objects: on a batch in which some image has no object; empty where it does not raise.
        degenerate_box: on a box without width or height.
        zero_positives: on a batch without a positive prior.
        nothing_to_mine: on a batch in which some image is to give no negative: it has no positive that asks for one, or
            no negative to give.
        too_few_to_mine: on a batch in which some image has fewer negatives than it is to give.
    """

    image_without_objects: str = ""
    degenerate_box: str = ""
    zero_positives: str = ""
    nothing_to_mine: str = ""
    too_few_to_mine: str = ""


@dataclass(frozen=True)
class Dialect(Spec):
    """One codebase, as data.

    Attributes:
        name: the file's stem.
        codebase: whose code it describes.
        aliases: other names it answers to.
        prior_config: the preset it trains on by default.
        class_priors: the preset that it trains on where the number of classes decides.
    """

    name: str = ""
    codebase: str = ""
    aliases: tuple[str, ...] = ()
    prior_config: str = "ssd300-voc"
    class_priors: ClassPriorsSpec = field(default_factory=ClassPriorsSpec)
    native: NativeSpec = field(default_factory=NativeSpec)
    targets: TargetSpec = field(default_factory=TargetSpec)
    loader: LoaderSpec = field(default_factory=LoaderSpec)
    refine: RefineSpec = field(default_factory=RefineSpec)
    match: MatchSpec = field(default_factory=MatchSpec)
    codec: CodecSpec = field(default_factory=CodecSpec)
    mining: MiningSpec = field(default_factory=MiningSpec)
    loss: LossSpec = field(default_factory=LossSpec)
    weight_decay: WeightDecaySpec = field(default_factory=WeightDecaySpec)
    detect: DetectSpec = field(default_factory=DetectSpec)
    augmentation: AugmentSpec = field(default_factory=AugmentSpec)
    raises: RaisesSpec = field(default_factory=RaisesSpec)

    def priors_for(self, classes: int | None) -> str:
        """The preset that the codebase trains on for so many classes, background included; None if that is not known.

        Args:
            classes: how many.
        """
        rule = self.class_priors
        decides = bool(rule.otherwise) and self.prior_config == rule.preset and classes not in (None, rule.classes)
        return rule.otherwise if decides else self.prior_config


def settings_in_pixels(dialect: Dialect) -> list[str]:
    """The settings of the loss that are lengths or areas in pixels of the input, as section.key.

    Where there are none, the size of the input does not matter to the loss, whatever unit it is computed in: overlaps
    and offsets are ratios. A floor of the union below the area of a pixel is none, since no prior is as small.
    """
    if dialect.targets.units is not Units.PIXELS:
        return []
    match, settings = dialect.match, []
    floor = 1.0 if match.iou is IouRule.UNION_FLOOR else 0.0
    if match.iou in (IouRule.UNION_FLOOR, IouRule.EPSILON_ADDED) and match.iou_epsilon > floor:
        settings.append("match.iou_epsilon")
    if dialect.codec.size_epsilon:
        settings.append("codec.size_epsilon")
    return settings


def differences(first: Dialect, second: Dialect) -> list[tuple[str, str, str]]:
    """The settings in which two dialects differ, as (section.key, of the first, of the second)."""
    lines = []
    for section in fields(Dialect):
        mine, other = getattr(first, section.name), getattr(second, section.name)
        if not is_dataclass(mine):
            continue
        for setting in fields(mine):
            here, there = getattr(mine, setting.name), getattr(other, setting.name)
            if here != there:
                lines.append((f"{section.name}.{setting.name}", _shown(here), _shown(there)))
    return lines


def settings_of(dialect: Dialect) -> dict[str, str]:
    """Every setting of a dialect by section.key, as `differences` writes it."""
    sections = ((section.name, getattr(dialect, section.name)) for section in fields(Dialect))
    return {
        f"{name}.{setting.name}": _shown(getattr(section, setting.name))
        for name, section in sections
        if is_dataclass(section)
        for setting in fields(section)
    }


def _shown(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, tuple):
        return ", ".join(map(_shown, value)) or "-"
    return f"{value:g}" if isinstance(value, float) else str(value)
