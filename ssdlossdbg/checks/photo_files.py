"""Photos that a loader does not find."""

from __future__ import annotations

from collections.abc import Iterator

from ssdlossdbg.checks.cases import some
from ssdlossdbg.checks.files import FILES
from ssdlossdbg.results import Case, PhotoFiles, Severity, Where

__all__ = ["FILES"]


@FILES.check(4, "photo of another name than is opened", Severity.WARNING, PhotoFiles, beneath=("SET002",))
def other_name(photos: PhotoFiles) -> Iterator[Case]:
    """A photo is called otherwise than the loader opens it.

    What it means:
        The loader makes the photo's name from that of the XML file and .jpg, or takes it from the annotation, and the
        file on the disk is called a little differently: .JPG, or .jpeg, or .png among others that are right.

    Why it matters:
        On Linux names differ by case. cv2.imread returns None for a file that is not there, and the next line raises
        "'NoneType' object has no attribute 'shape'", in whichever iteration draws the image. On Windows and macOS,
        where .JPG is .jpg, the same data train.

    How to tell:
        A photo is there under a name that differs in case from the one that the dialect's loader opens, or with another
        ending where others have the right one. A whole set of .png is passed over: who has it has changed the loader.

    How to fix:
        Rename the photos, or change the line of the loader that makes the names.

    Where people met it:
        Cameras and Windows write .JPG; amdegroot/ssd.pytorch's data/voc0712.py:104 opens JPEGImages/%s.jpg.
    """
    pairs = [(name, opened) for name, opened in zip(photos.names, photos.opened, strict=True) if name and opened]
    some_right = any(name == opened for name, opened in pairs)
    wrong = [
        (name, opened)
        for name, opened in pairs
        if name != opened and (some_right or name.casefold() == opened.casefold())
    ]
    if wrong:
        name, opened = wrong[0]
        more = f" ({len(wrong) - 1:,} more like it)" if len(wrong) > 1 else ""
        message = f"{photos.dialect} opens {opened}, the photo is called {name}{more}: on Linux it is not found"
        share = len(wrong) / len(photos.names)
        yield Case(Where(photos.file), message, len(wrong), 0, "Rename it, or open it by its own name.", share=share)


@FILES.check(5, "photo that is not there", Severity.ERROR, PhotoFiles)
def missing(photos: PhotoFiles) -> Iterator[Case]:
    """A photo is missing among others that are there.

    What it means:
        An image has annotations and no photo, where most of the others have theirs.

    Why it matters:
        A loader raises when it draws the image, often hours after the training began: cv2.imread returns None without
        a word, and what comes next fails.

    How to tell:
        More than half of the photos are where datasets have them: beside the annotations, in `images` or `JPEGImages`.
        Where fewer are, the others are taken to be elsewhere; and so are those of annotations that are there twice,
        where the other copy has its photo (SET003).

    How to fix:
        Copy the photo there, or take the image out of the list or the annotations.

    Where people met it:
        Downloads that were cut short, photos that were deleted as bad while their annotation stayed.
    """
    lost = [image for image, name in zip(photos.images, photos.names, strict=True) if not name]
    if lost and 2 * len(lost) < len(photos.images):
        message = (
            f"{len(lost):,} of {len(photos.images):,} photos {'is' if len(lost) == 1 else 'are'} not there: "
            f"{some(lost)}; others are in {photos.folder}"
        )
        fix = "Copy them there, or take them out of the list."
        yield Case(Where(photos.file), message, len(lost), 0, fix, share=len(lost) / len(photos.images))
