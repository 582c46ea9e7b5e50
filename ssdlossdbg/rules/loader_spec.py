"""What a codebase's data loader makes of annotation files and photos, or refuses in them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ssdlossdbg.rules.spec import NotNegative, Spec


class Numbers(StrEnum):
    """What becomes of the text of a coordinate in a Pascal VOC file."""

    FLOAT = "float"
    """float(text)"""
    INT = "int"
    """int(text), which raises where there is a point."""
    INT_OF_FLOAT = "int-of-float"
    """int(float(text)), which cuts off what is behind the point."""
    INT_OR_ZERO = "int-or-zero"
    """A whole number, or 0 where the text is none."""


class NameLookup(StrEnum):
    """How the name of an object is looked up in the list of classes."""

    EXACT = "exact"
    """As the file spells it, spaces around it included."""
    LOWER = "lower"
    """In lower case and without spaces around it; the list stays as it is."""
    ANY_CASE = "any-case"
    """Whatever the case of either."""


class Unlisted(StrEnum):
    """What becomes of an object whose class is not in the list."""

    RAISE = "raise"
    SKIP = "skip"


class ClassList(StrEnum):
    """How the file of class names is read."""

    LINES = "lines"
    """A name a line."""
    JOINED = "joined-then-commas"
    """All lines as one, which is then cut at commas."""


class CategoryIds(StrEnum):
    """What the category ids of COCO become."""

    COUNTED = "counted"
    """Classes from 1, in the order of the ids or of the file."""
    LABELS = "labels"
    """Labels as they are, so that 0 is the background."""


class Tag(StrEnum):
    """What a file may lack: tags of Pascal VOC, of the file and of each object; keys of COCO, of images and objects."""

    SIZE = "size"
    DEPTH = "depth"
    FOLDER = "folder"
    FILENAME = "filename"
    DIFFICULT = "difficult"
    TRUNCATED = "truncated"
    POSE = "pose"
    AREA = "area"
    ISCROWD = "iscrowd"


class Marked(StrEnum):
    """What becomes of objects that stand for many: COCO's crowds, Open Images' groups."""

    DROP = "drop"
    KEEP = "keep"


class EmptyImages(StrEnum):
    """Whether an image without objects is ever met in training."""

    TRAIN = "train"
    """It is, and what comes of it is under [raises]."""
    SKIP_UNANNOTATED = "skip-unannotated"
    """Not one that has no annotation; but one of which all objects are left out is."""
    SKIP = "skip"
    """Not one of which no object is left."""


class Orientation(StrEnum):
    """What becomes of a photo that its EXIF data turn."""

    TURN = "turn"
    """The loader turns it, as cv2.imread does."""
    IGNORE = "ignore"
    """The network sees it as it is stored, as with PIL's Image.open and tf.image.decode_jpeg."""


class Clipping(StrEnum):
    """What becomes of a box that reaches out of the image, or is none."""

    NONE = "none"
    DROP_EMPTY = "drop-empty"
    """It is dropped where it has no area."""
    DROP_UNDER_PIXEL = "drop-under-a-pixel"
    """It is dropped where it lies wholly outside the declared size, or has a side below a pixel."""
    DROP_PAST_END = "drop-past-end"
    """It is dropped where it has no area, or ends beyond the declared size."""
    DROP_BEYOND = "drop-beyond"
    """It is dropped where it has no area, or reaches out of the declared size at any side."""
    CLIP_LAST_PIXEL = "clip-last-pixel"
    """It is clipped to the declared size, from 0 to width - 1 and height - 1, and dropped where it has no area then."""


class Rounding(StrEnum):
    """To what coordinates are rounded when photo and boxes are scaled to the network's input."""

    NONE = "none"
    INPUT_PIXELS = "input-pixels"
    """Whole pixels of the input, what is behind the point cut off."""


@dataclass(frozen=True)
class LoaderSpec(Spec):
    """The contract of a codebase's data loader. What it divides by and drops as difficult stands in `TargetSpec`.

    Attributes:
        numbers: of a Pascal VOC file.
        class_names: how they are looked up, in formats that name the class of an object (Pascal VOC, Open Images).
        unlisted: what an object of another class does.
        class_list: how the file of names is read.
        background_names: names that mean the background to it.
        category_ids: of COCO.
        required_tags: of a Pascal VOC file, without which it raises.
        missing_tag: what it raises then.
        required_keys: of a COCO file, without which it raises a KeyError: area and iscrowd of objects; size for
            width and height of images.
        orientation: of photos with EXIF data.
        crowds: of COCO.
        groups: of Open Images.
        empty_images: those of all formats but COCO.
        empty_images_coco: those of COCO.
        clip: boxes of all formats but COCO.
        clip_coco: those of COCO.
        rounding: of boxes when they are scaled to the input.
        smallest_side: of a box in pixels of the input; where a side is no longer than this, it is dropped.
    """

    numbers: Numbers = Numbers.INT
    class_names: NameLookup = NameLookup.LOWER
    unlisted: Unlisted = Unlisted.RAISE
    class_list: ClassList = ClassList.LINES
    background_names: tuple[str, ...] = ()
    category_ids: CategoryIds = CategoryIds.COUNTED
    required_tags: tuple[Tag, ...] = (Tag.DIFFICULT,)
    missing_tag: str = "AttributeError: 'NoneType' object has no attribute 'text'"
    required_keys: tuple[Tag, ...] = ()
    orientation: Orientation = Orientation.TURN
    crowds: Marked = Marked.KEEP
    groups: Marked = Marked.DROP
    empty_images: EmptyImages = EmptyImages.TRAIN
    empty_images_coco: EmptyImages = EmptyImages.SKIP_UNANNOTATED
    clip: Clipping = Clipping.NONE
    clip_coco: Clipping = Clipping.NONE
    rounding: Rounding = Rounding.NONE
    smallest_side: NotNegative = 0.0

    @property
    def of_objects(self) -> tuple[object, ...]:
        """The settings that decide which objects are handed on, and with which boxes; the others stop the loader."""
        kept = (self.crowds, self.groups, self.clip, self.clip_coco, self.smallest_side)
        return (*kept, self.numbers, self.rounding, self.orientation)

    def meets_empty(self, coco: bool, annotated: bool) -> bool:
        """Whether training ever meets an image without objects.

        Args:
            coco: whether it is of a COCO file.
            annotated: whether objects of listed classes were annotated in it, though none is left.
        """
        rule = self.empty_images_coco if coco else self.empty_images
        return rule is EmptyImages.TRAIN or (rule is EmptyImages.SKIP_UNANNOTATED and annotated)
