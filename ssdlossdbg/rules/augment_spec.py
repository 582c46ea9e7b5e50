"""How training changes where objects are."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from ssdlossdbg.rules.spec import AT_LEAST_ONE, RISING, Probability, Spec, Within


class CropChoice(StrEnum):
    """How a training crop comes to be chosen."""

    UNKNOWN = "unknown"
    """Not written down: training crops cannot be drawn."""
    REDRAWN = "redrawn"
    """The photo as it is, with its probability, or else one of the minimum overlaps, each as likely; where all its
    trials fail, again (ssd.pytorch augmentations.py:236-309)."""
    ONCE = "once"
    """The same, but where all trials fail, the photo as it is (TensorFlow object detection preprocessor.py:2748)."""
    CANDIDATES = "candidates"
    """A crop is looked for at every minimum overlap; of those found and the photo as it is, each is as likely (Caffe
    annotated_data_layer.cpp:175-192)."""


class CropShape(StrEnum):
    """How width and height of a crop are drawn."""

    SIDES = "sides"
    """Each side as a share of the photo's; a trial fails if width over height, in pixels, is out of range (ssd.pytorch
    augmentations.py:252-257)."""
    RELATIVE_SIDES = "relative-sides"
    """The same, but the shares are divided, not the pixels (NVIDIA utils.py:335-339, DALI's RandomBBoxCrop)."""
    SCALE_AND_ASPECT = "scale-and-aspect"
    """Shares scale * sqrt(aspect) and scale / sqrt(aspect), with the aspect drawn from that part of its range that
    keeps the crop in the photo (GluonCV bbox.py:75-80)."""
    SCALE_AND_CLAMPED_ASPECT = "scale-and-clamped-aspect"
    """The same, but the aspect is drawn from all its range, then clamped to that part (Caffe sampler.cpp:86-107)."""
    AREA_AND_ASPECT = "area-and-aspect"
    """The aspect in pixels, then a height such that the share of the photo's area is in range (TensorFlow's
    sample_distorted_bounding_box)."""


class CropOverlap(StrEnum):
    """What of an object and a crop is held against the minimum overlap."""

    IOU = "iou"
    COVERAGE = "coverage"
    """The share of the object that lies in the crop (TensorFlow object detection preprocessor.py:1180)."""


class CropDemand(StrEnum):
    """Which objects of the photo must reach the minimum overlap with a crop."""

    NONE = "none"
    """None: a condition joined by `and` with one that never holds (ssd.pytorch augmentations.py:269)."""
    ANY = "any"
    """At least one (Caffe sampler.cpp:38-83)."""
    ANY_KEPT = "any-kept"
    """At least one of those that the crop keeps (torchvision v2/_geometry.py:1222-1228)."""
    ALL = "all"
    """Every one, those too that the crop does not keep (MMDetection transforms.py:1432, NVIDIA utils.py:351)."""


class CropKeep(StrEnum):
    """Which objects stay in a crop."""

    CENTRE = "centre"
    """Those whose centre lies in it (paper, section 2.2, "Data augmentation")."""
    OVERLAP = "overlap"
    """Those that touch it and reach the minimum overlap with it (TensorFlow object detection
    preprocessor.py:1258-1264)."""


@dataclass(frozen=True)
class AugmentSpec(Spec):
    """How training changes where objects are: zoom out, then crop, then flip; colours do not matter here.

    A photo taken as it is keeps all objects. Those that a crop keeps are clipped to it, in all codebases.

    Attributes:
        zoom_out_probability: of placing the photo somewhere on a larger canvas.
        zoom_out_range: the canvas's sides over the photo's, both by the same factor, cut to whole pixels.
        choice: how the crop is chosen.
        photo_probability: of leaving the photo as it is, whenever a minimum overlap would be drawn.
        minimum_overlaps: the ones to choose from; 0 demands nothing.
        overlap: what must reach the minimum.
        demanded_of: the objects that must reach it.
        keep: the objects that stay.
        keep_one: whether a crop that keeps no object fails; under `candidates`, whether it is then not chosen.
        shape: how width and height are drawn.
        size_range: shares that the shape is drawn from: of the photo's sides, or of its area.
        aspect_range: the least and the greatest width over height.
        trials: crops drawn for one minimum overlap at most.
        whole_pixels: whether the crop's corners are cut to whole pixels.
        flip_probability: of mirroring left and right.
    """

    zoom_out_probability: Probability = 0.0
    zoom_out_range: Annotated[tuple[float, float], Within(1), RISING] = (1.0, 4.0)
    choice: CropChoice = CropChoice.UNKNOWN
    photo_probability: Probability = 0.0
    minimum_overlaps: Annotated[tuple[float, ...], Within(0, 1), AT_LEAST_ONE] = (0.0,)
    overlap: CropOverlap = CropOverlap.IOU
    demanded_of: CropDemand = CropDemand.ALL
    keep: CropKeep = CropKeep.CENTRE
    keep_one: bool = True
    shape: CropShape = CropShape.SIDES
    size_range: Annotated[tuple[float, float], Within(0, 1, above=True), RISING] = (0.3, 1.0)
    aspect_range: Annotated[tuple[float, float], Within(0, above=True), RISING] = (0.5, 2.0)
    trials: Annotated[int, Within(1, 1000)] = 50
    whole_pixels: bool = True
    flip_probability: Probability = 0.5
