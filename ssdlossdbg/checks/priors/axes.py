"""Priors with x and y, or corners and sizes, taken for each other."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ssdlossdbg.checks.priors.family import PRIORS, SAME_POSITION
from ssdlossdbg.results import Case, FloatArray, PriorTable, Severity

# A shape whose width and height differ by no more is a square; strides and sizes are often rounded to whole pixels.
SQUARE = 0.02


@PRIORS.check(8, "x and y swapped in the grid", Severity.ERROR, PriorTable)
def swapped_grid(table: PriorTable) -> Iterator[Case]:
    """The grid of priors fits only after x and y, or width and height, are swapped.

    What it means:
        Either the four numbers are (cy, cx, h, w) where (cx, cy, w, h) is expected, or the cells are listed column
        by column, or a feature map was taken as [rows, columns] where [columns, rows] is expected. On a square image
        nothing looks odd.

    Why it matters:
        Prior i then lies at the mirror image (along the diagonal) of the place that prediction i looks at, or has
        its width for its height. Matching and encoding go wrong without any error message.

    How to tell:
        One of two. x stays the same while y runs through a whole column, in every level: every codebase lists its
        cells row by row. Or the input is not square, and every level that is not square either has equal steps in x
        and y (up to a cell's rounding) only if its columns and rows are swapped. Whether the shapes are stretched is
        another finding.

    How to fix:
        Save the tensor with its columns in the order 1, 0, 3, 2, or read it with --native and the dialect it is of
        (SSD.TensorFlow and TensorFlow object detection write y first). Else swap the two numbers of feature_map, or
        of the image size, where the priors are made.

    Where people met it:
        pytorch/vision#6550; opencv/opencv#13895.
    """
    if _is_column_by_column(table):
        message = "every x stays while y runs down the whole image: y comes before x"
        fix = "Save priors[:, [1, 0, 3, 2]] if they are (cy, cx, h, w), or use --native; else list them row by row."
        yield Case(table.where(), message, "y, x", "x, y", fix)
    elif _is_transposed(table):
        (columns, rows), (width, height) = table.levels[0].feature_map, table.config.image_size
        message = f"its {columns} x {rows} cells fit an input of {height} x {width}, and not of {width} x {height}"
        fix = f"Make it {rows} x {columns} (columns x rows), or swap width and height of the input size."
        yield Case(table.where(level=0), message, f"{columns} x {rows}", f"{rows} x {columns}", fix)


@PRIORS.check(14, "shapes stretched with the image", Severity.WARNING, PriorTable, follows_from=("PRI008",))
def stretched_shapes(table: PriorTable) -> Iterator[Case]:
    """On an input that is not square, the priors' shapes are stretched as the image is.

    What it means:
        Priors are kept as fractions of the image. On a square input a fraction of the width is as long as the same
        fraction of the height; on others a prior that should be square must have unequal fractions. Here the same
        fraction was used for both, or each was divided by the wrong side.

    Why it matters:
        All priors are too wide (or too high), by the same factor. Objects overlap them less, fewer are matched, and
        the network has to learn the stretch.

    How to tell:
        No level has a square shape, measured in pixels; and every level has one, up to 2%, once all shapes are made
        narrower by width / height of the input (one size for both directions) or by its square (swapped sides). A
        factor of nearly a whole number is left out: 2 and 3 are aspect ratios that people choose.

    How to fix:
        Divide widths in pixels by the input's width and heights by its height. In a prior config of this tool sizes
        are in pixels, and this is done.

    Where people met it:
        pytorch/vision#6551; opencv/opencv#13895.
    """
    width, height = table.config.image_size
    if width == height or not table.config.image_size_known or not table.levels:
        return
    # Width over height of each shape.
    aspects = [np.array([across / down if down else 0.0 for across, down in each.shapes]) for each in table.levels]
    for factor, reason in ((width / height, "one size for both"), ((width / height) ** 2, "swapped sides")):
        whole = round(max(factor, 1 / factor))
        if math.isclose(max(factor, 1 / factor), whole, rel_tol=SQUARE):
            continue
        if all(_has_square(each / factor) for each in aspects) and not any(map(_has_square, aspects)):
            message = (
                f"no shape is square in pixels of the {width} x {height} input, and every level has one that is once "
                f"widths are divided by {factor:.3g} ({reason})"
            )
            fix = "Divide widths in pixels by the input's width, and heights by its height."
            yield Case(table.where(), message, round(factor, 4), 1.0, fix)
            return


@PRIORS.check(15, "corners read as centre and size", Severity.ERROR, PriorTable)
def corners(table: PriorTable) -> Iterator[Case]:
    """The priors are corners, and are read as centre and size.

    What it means:
        A box can be written as (x1, y1, x2, y2) or as (cx, cy, w, h). Torchvision, MMDetection and Caffe keep priors
        as corners, ssd.pytorch and its descendants as centre and size.

    Why it matters:
        Every prior is somewhere else and of another size, so matching, targets and loss are all wrong, and nothing
        says so.

    How to tell:
        Read as centre and size the priors are no preset and no grid. Read as corners, all sizes are above 0, and the
        centres are a grid of several columns and rows; or, where corners were clipped at the border, which moves
        centres, there are boxes in the right and lower half, where each prior would be wider and higher than half the
        image if it were centre and size.

    How to fix:
        Say --prior-format xyxy, or convert before saving.

    Where people met it:
        pytorch/vision, whose AnchorGenerator returns corners in pixels.
    """
    if table.grid_of_corners:
        message = "the numbers make a grid of boxes only if they are corners (x1, y1, x2, y2)"
        yield Case(table.where(), message, "xyxy", "cxcywh", "Say --prior-format xyxy, or convert before saving.")


def _is_column_by_column(table: PriorTable) -> bool:
    """Whether the cells are listed x first: each column then looks like a level, or in shape order like a shape."""
    columns: dict[int, list[FloatArray]] = {}
    for index, level in enumerate(table.levels):
        if level.feature_map[0] != 1:
            return False
        columns.setdefault(level.feature_map[1], []).append(table.grid(index)[..., 0].ravel())
    alike = (np.concatenate(xs) for rows, xs in columns.items() if rows > 1)
    return any(np.ptp(xs) > SAME_POSITION for xs in alike)


def _is_transposed(table: PriorTable) -> bool:
    """Whether every level that is not square has equal steps in x and y only after a swap of columns and rows."""
    width, height = table.config.image_size
    maps = [level.feature_map for level in table.levels if level.feature_map[0] != level.feature_map[1]]
    if not maps or width == height or not table.config.image_size_known:
        return False

    def fits(columns: int, rows: int) -> bool:
        return abs(math.log(width / columns * rows / height)) <= math.log(1 + 1 / min(columns, rows))

    return all(fits(rows, columns) and not fits(columns, rows) for columns, rows in maps)


def _has_square(aspects: FloatArray) -> bool:
    return bool((np.abs(aspects - 1) <= SQUARE).any())
