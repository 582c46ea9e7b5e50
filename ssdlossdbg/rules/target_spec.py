"""How a codebase's data loader reads annotations, and how its own tensors are laid out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ssdlossdbg.rules.spec import Finite, Offset, Spec


class SizeFrom(StrEnum):
    """Whose width and height box coordinates are divided by."""

    PHOTO = "photo"
    ANNOTATION = "annotation"


class PhotoName(StrEnum):
    """By which name the photo of a Pascal VOC file is opened."""

    ID_JPG = "id-jpg"
    """The name of the XML file, with .jpg."""
    FILENAME = "filename"
    """What <filename> says."""
    UNSTATED = "unstated"
    """It reads no Pascal VOC."""


class Resizing(StrEnum):
    """How pixels of the photo become pixels of the network's input."""

    EXACT = "exact"
    """Rounded to float32 once, as fractions of the photo are."""
    FACTOR = "float32-factor"
    """Float32, times the float32 of the ratio of the sizes (torchvision transform.py:306-319; MMDetection
    horizontal_boxes.py:236-252)."""


class Difficult(StrEnum):
    """What happens to objects marked difficult."""

    DROP = "drop"
    DROP_UNLESS_ALL = "drop-unless-all"
    """They are dropped; where an image has no other, its first stays."""
    KEEP = "keep"
    UNSEEN = "unseen"
    """They are kept, since the loader means to look for the mark and never finds it."""


class Units(StrEnum):
    """What box coordinates are measured in."""

    NORMALIZED = "normalized"
    PIXELS = "pixels"


class Axes(StrEnum):
    """The axes of the network's output."""

    PRIORS_VALUES = "batch-priors-values"
    """`[B, P, 4]` and `[B, P, C]`."""
    VALUES_PRIORS = "batch-values-priors"
    """`[B, 4, P]` and `[B, C, P]`."""


class Coordinates(StrEnum):
    """Which axis the four numbers of a box, of a prior and of its offsets name first."""

    X_FIRST = "x-first"
    """(dx, dy, dw, dh); (x1, y1, x2, y2)."""
    Y_FIRST = "y-first"
    """(dy, dx, dh, dw); (y1, x1, y2, x2)."""


class Background(StrEnum):
    """The column of the background among the logits, and its id among the labels of encoded targets."""

    FIRST = "first"
    LAST = "last"


class Pair(StrEnum):
    """In which order a tuple holds the two tensors of predictions. Their shapes tell, unless there are four logits."""

    LOC_CONF = "loc-conf"
    """(loc, conf) or (loc, conf, priors)."""
    CONF_LOC = "conf-loc"
    """(conf, loc) or (conf, loc, priors)."""
    UNSTATED = "unstated"
    """The codebase hands on no such tuple, or nothing is known of it."""


class Rows(StrEnum):
    """Where the label stands in an object's row of five."""

    BOX_LABEL = "box-label"
    LABEL_BOX = "label-box"


@dataclass(frozen=True)
class NativeSpec(Spec):
    """How the codebase's own tensors differ from the canonical ones, which the defaults are.

    The order of the priors is none of it: predictions follow the codebase's priors, whatever order these are in.

    Attributes:
        axes: of loc, conf and encoded targets.
        coordinates: of loc, encoded targets, priors and the boxes of objects.
        background: of conf and of encoded targets.
        rows: of objects in rows of five.
        pair: of loc and conf in a tuple. The one key that is no matter of `--native`: however the tensors are laid
            out, a tuple of them is as the codebase hands it on.
    """

    axes: Axes = Axes.PRIORS_VALUES
    coordinates: Coordinates = Coordinates.X_FIRST
    background: Background = Background.FIRST
    rows: Rows = Rows.BOX_LABEL
    pair: Pair = Pair.UNSTATED


@dataclass(frozen=True)
class TargetSpec(Spec):
    """How the codebase's data loader turns an annotation into targets.

    Attributes:
        units: of the boxes that the loss receives.
        label_offset: added to a target's label to get the class id, 0 being background.
        voc_pixel_offset: added to every coordinate of a Pascal VOC file, in pixels.
        size_from: whose size the coordinates are divided by.
        difficult: whether objects marked difficult take part.
        photo_name: by which name the photo of a Pascal VOC file is opened.
        resizing: how boxes follow the photo to the size of the input.
    """

    units: Units = Units.NORMALIZED
    label_offset: Offset = 1
    voc_pixel_offset: Finite = -1.0
    size_from: SizeFrom = SizeFrom.PHOTO
    difficult: Difficult = Difficult.DROP
    photo_name: PhotoName = PhotoName.ID_JPG
    resizing: Resizing = Resizing.EXACT
