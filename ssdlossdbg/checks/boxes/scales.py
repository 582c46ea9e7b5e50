"""Boxes on another scale than their images."""

from __future__ import annotations

from ssdlossdbg.checks.boxes.family import BOXES, of_images_together, which_images
from ssdlossdbg.checks.boxes.scaled import Scale, other_scale
from ssdlossdbg.checks.cases import TableCases
from ssdlossdbg.results import Case, Objects, Severity, Where

# What gives such factors, by the name of the scale; and what to do about it.
CAUSES = {
    "divided-by-height-width": (
        "that is what dividing x by the height and y by the width gives",
        "Divide by (width, height, width, height).",
    ),
    "multiplied-by-height-width": (
        "that is what multiplying x by the height and y by the width gives",
        "Multiply fractions by (width, height, width, height).",
    ),
    "divided-by-width": (
        "that is what dividing y by the width gives, or a photo that is padded to a square",
        "Divide y by the height of the photo itself.",
    ),
    "divided-by-height": (
        "that is what dividing x by the height gives, or a photo that is padded to a square",
        "Divide x by the width of the photo itself.",
    ),
    "multiplied-by-width": (
        "that is what multiplying y by the width gives",
        "Multiply fractions by (width, height, width, height).",
    ),
    "multiplied-by-height": (
        "that is what multiplying x by the height gives",
        "Multiply fractions by (width, height, width, height).",
    ),
    "pixels-by-input": (
        "that is what dividing the photo's pixels by the input's size gives",
        "Divide by the photo's width and height.",
    ),
    "alike": (
        "the photos, and the sizes declared, may have been scaled after they were annotated",
        "Scale the boxes as the photos were.",
    ),
    "measured": (
        "they were drawn on the photos before these were scaled or cut, or they belong to others",
        "Find the size that they were drawn on, and scale them by it.",
    ),
}


@BOXES.check(14, "boxes on another scale", Severity.ERROR, Objects)
def another_scale(objects: Objects) -> TableCases:
    """One factor an axis brings the boxes of all images inside.

    What it means:
        The boxes were written for images of another size: photos were scaled afterwards, and their boxes were not;
        coordinates were divided by the wrong number (the input's 300, height for width, width for both), or they count
        thousandths of the image.

    Why it matters:
        Every box is in the wrong place, those that happen to lie inside the image too. Clipping or dropping those that
        do not keeps the wrong ones and loses objects.

    How to tell:
        At least three boxes and a tenth of all reach out of their images to the right or down, hardly one to the left
        or up; and after one division of x and one of y all lie inside. Either half of all leave, or several lie wholly
        outside, or several end at the very border that the factors give and few at the image's own. Factors that
        follow from an image's width and height, or the input's, are tried first; the finding names what they equal.

    How to fix:
        Find the size or number that the factors name, and scale or divide all boxes alike. Do not clip or drop any.

    Where people met it:
        SSD forks whose loader resizes the photo and not the boxes; exports in thousandths.
    """
    found = other_scale(objects)
    sets = [found.images] if found else []

    def tell(_: int, where: Where) -> Case:
        assert found is not None  # since there is a set
        return _case(objects, found, where)

    return of_images_together(objects, sets, tell)


def _case(objects: Objects, found: Scale, where: Where) -> Case:
    x, y = found.factors
    cause, fix = _cause(objects, found)
    which = which_images(objects, found.images)
    leave = f"{found.leaving:,} of {found.boxes:,} boxes{which} leave the image"
    if not found.leaving:
        end = f"{1 / max(1 / x, 1 / y):.3g} of the image"
        if found.name == "square":
            end = f"{found.reach[0]:.4g} px across or {found.reach[1]:.4g} px down"
        leave = f"no box{which} ends beyond {end}, and {found.ends:,} end just there"
    message = f"{leave}; one factor an axis explains all: x {x:.3g}, y {y:.3g}: {cause}"
    return Case(where, message, max(x, y), 1.0, f"{fix} Do not clip or drop boxes.")


def _cause(objects: Objects, found: Scale) -> tuple[str, str]:
    (x, y), (width, height) = found.reach, objects.image_size
    if found.name == "square":
        return (
            f"they are written for an image of {x:.4g} x {y:.4g}, whatever the size of the photo",
            "Scale them to the photo's width and height.",
        )
    if found.name == "photo":
        return (
            f"they are pixels of a photo of {x:.4g} x {y:.4g}; saved pixels are those of the {width} x {height} input",
            "Scale them to the input along with the photo.",
        )
    if found.name == "photo-by-input":
        photo, net = f"{x * width:.4g} x {y * height:.4g}", f"{width} x {height}"
        cause = f"that is what pixels of a photo of {photo}, divided by the input's {net}, give; or another scale"
        return cause, "Divide the photo's pixels by its own width and height."
    return CAUSES[found.name]
