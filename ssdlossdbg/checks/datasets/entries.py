"""Entries of a data set that are there twice, and photos that have none."""

from __future__ import annotations

from collections.abc import Iterator

from ssdlossdbg.checks.cases import common_place
from ssdlossdbg.checks.datasets.family import DATASETS
from ssdlossdbg.results import Case, PhotoSet, Severity, Where

# Some photos without a file are background images; more than so large a share of all are an accident.
MOST_WITHOUT = 0.2
MOST_NAMED = 3


@DATASETS.check(2, "photo that is listed twice", Severity.WARNING, PhotoSet)
def listed_twice(photos: PhotoSet) -> Iterator[Case]:
    """Several entries describe one photo.

    What it means:
        A COCO file lists a photo under two ids, or two annotation files lead to one photo: somebody annotated it again,
        or files were merged or copied.

    Why it matters:
        Each entry is an image of its own to a loader. If its objects are shared out over both, those of the one are
        background in the other, so that the network is punished for finding them. If both hold all, the photo counts
        double; and if one copy is in the validation set, what that says is not to be trusted.

    How to tell:
        The same file name comes up twice in a COCO or Open Images file; or two files in one folder lead to the same
        photo, one of which is called as it. Photos of one name in several folders are several.

    How to fix:
        Put all objects of the photo into one entry, and delete the other.

    Where people met it:
        COCO files that were merged with new ids; `a.xml` beside `a (1).xml`.
    """
    if photos.shared:
        first = photos.shared[0]
        files = list(dict.fromkeys(first.files))
        how = f"{len(first.files)} entries" if len(files) == 1 else " and ".join(files[:MOST_NAMED])
        number = len(photos.shared)
        where = Where(common_place([file for shared in photos.shared for file in shared.files]))
        message = f"{number:,} {'photo has' if number == 1 else 'photos have'} several entries: {first.photo} has {how}"
        fix = "Put all objects of a photo into one entry: those of the one are background in the other."
        yield Case(where, message, float(number), 0.0, fix, number / max(photos.photos, number))


@DATASETS.check(3, "annotation that is there twice", Severity.WARNING, PhotoSet)
def copied(photos: PhotoSet) -> Iterator[Case]:
    """Files of one name in several folders hold the same boxes.

    What it means:
        A data set and a copy of it are taken for one: the split into train and validation beside the folder that it was
        made from, or an export that was unpacked twice.

    Why it matters:
        Every figure counts these images twice. Trained so, they weigh double; and where one copy is validated on, the
        network has seen it.

    How to tell:
        The same name in two files, with the same boxes to the last digit. Frames of one name in several folders whose
        boxes differ are different photos.

    How to fix:
        Name the folder of one split alone, or delete the copy.

    Where people met it:
        A data set of 638 photos whose split copy lay beside it, so that 1,276 were audited.
    """
    if photos.copies:
        one, other = photos.copies[0]
        number = len(photos.copies)
        where = Where(common_place([file for pair in photos.copies for file in pair]))
        what = "image is" if number == 1 else "images are"
        message = f"{number:,} {what} there twice with the same boxes: {one} and {other}"
        fix, share = "Name one of the folders alone, or delete the copy.", number / max(photos.photos, number)
        yield Case(where, message, float(number), 0.0, fix, share)


@DATASETS.check(5, "photos without an annotation file", Severity.WARNING, PhotoSet)
def without_file(photos: PhotoSet) -> Iterator[Case]:
    """Many photos have no annotation file.

    What it means:
        Each photo is to have a file of its own name. Many have none: they were not annotated, or their files lie
        elsewhere or are named otherwise.

    Why it matters:
        YOLO's loaders take such a photo as one without any object, so whatever it shows is background. Pascal VOC's go
        by lists of names, and stop at one that has no file, or never see the photo.

    How to tell:
        In the folders where photos of the data set lie, more than a fifth have no annotation file of their name.

    How to fix:
        Annotate them or move them away. Images without objects are best given an empty file, which says so.

    Where people met it:
        A data set of 1,276 photos and 638 label files.
    """
    number = len(photos.without_file)
    if number > MOST_WITHOUT * photos.photos:
        names = ", ".join(photo.replace("\\", "/").rpartition("/")[2] for photo in photos.without_file[:MOST_NAMED])
        more = f" and {number - MOST_NAMED:,} more" if number > MOST_NAMED else ""
        message = f"{number:,} of {photos.photos:,} photos have no {photos.format} file: {names}{more}"
        fix = "Annotate them or move them away; give images without objects an empty file."
        where, share = Where(common_place(photos.without_file)), number / photos.photos
        yield Case(where, message, share, MOST_WITHOUT, fix, share)


@DATASETS.check(6, "photos annotated in two formats", Severity.NOTE, PhotoSet)
def in_two_formats(photos: PhotoSet) -> Iterator[Case]:
    """A folder holds annotations of the same photos in two formats.

    What it means:
        Files were converted, and both kinds were kept: Pascal VOC beside YOLO, say. Training reads one of them.

    Why it matters:
        Every count of the folder is of both. What is wrong in the files that training does not read costs nothing, and
        what a conversion lost or moved shows in one of them alone.

    How to tell:
        Images of both formats have the same names, endings aside.

    How to fix:
        Nothing. To see what training sees, name the folder of the format that it reads, or say --dataset-format.

    Where people met it:
        Exports of labelling tools in several formats, unpacked into one folder.
    """
    if photos.again:
        first, number = photos.again[0], len(photos.again)
        what = "1 photo is" if number == 1 else f"{number:,} photos are"
        message = f"{what} annotated in two formats, which are counted both: {' and '.join(first.files)}"
        fix = "Nothing; to see what training sees, name the folder of the format that it reads."
        where = Where(common_place([file for each in photos.again for file in each.files]))
        yield Case(where, message, float(number), 0.0, fix, number / max(photos.photos, number))
