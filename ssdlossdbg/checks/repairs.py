"""Which repair of a box the evidence decides, and why the others are left to whoever knows the data.

A repair is proposed where the file and the photo leave no other reading of the box. It answers a finding; what else
comes of it at the same object (a swapped box that reaches out of the image, two boxes that are the same once they are
clipped) is done with it, so that a second run has nothing to do.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ssdlossdbg.checks.boxes.borders import reach_out
from ssdlossdbg.checks.boxes.readings import READS, WRITES, inside
from ssdlossdbg.checks.repairs_left import KINDS, why_left
from ssdlossdbg.results import Box, Finding, FloatArray, Objects, Severity, Where, outside_share
from ssdlossdbg.results.repairs import Action, Limits, Mend, NotRepaired, Proposals, Twins, Wanted

POINT, INVERTED, ZEROS, OUTSIDE, BEYOND, TWICE = "BOX001", "BOX002", "BOX003", "BOX007", "BOX008", "BOX010"
REPAIRED = (POINT, INVERTED, ZEROS, OUTSIDE, BEYOND, TWICE)
# A box of which more lies outside is not carelessly drawn, but of another scale or photo, perhaps.
MOST_OUTSIDE = 0.5
# So much beyond the border is careless, even where the numbers make sense in another layout, too.
CARELESS = 0.1
# Of an image's side; boxes that differ by less are the same.
SAME = 1e-7


class LeftError(Exception):
    """Why something is left as it is."""


def propose(objects: Objects, findings: Iterable[Finding], fractions: bool, wanted: Wanted) -> Proposals:
    """What to do about findings of annotated objects.

    Args:
        objects: of one format.
        findings: that are to be repaired if they can be; those of other files are passed over.
        fractions: whether the files hold fractions of the photo.
        wanted: whether findings of a code are to be repaired in a file.
    """
    return _Plan(objects, fractions, wanted).made(findings)


@dataclass
class _Plan:
    """Proposals as they grow.

    Attributes:
        objects, fractions, wanted: as of `propose`.
    """

    objects: Objects
    fractions: bool
    wanted: Wanted

    def made(self, findings: Iterable[Finding]) -> Proposals:
        """All of them."""
        proposals = Proposals()
        own = set(self.objects.files)
        codes: dict[int, list[str]] = {}
        for finding in findings:
            for case in finding.cases:
                row = self._row(case.where) if finding.code in REPAIRED and case.where.file in own else None
                if row is not None:
                    codes.setdefault(row, []).append(finding.code)
                elif case.where.file in own and finding.severity is not Severity.NOTE and finding.code[:3] in KINDS:
                    proposals.left.append(NotRepaired(finding.code, case.where, why_left(finding.code)))
        mends, dropped = self._mended(codes, proposals), self._dropped(codes, proposals)
        proposals.mends.extend([*mends.values(), *dropped.values()])
        self._add_twins(codes, mends, dropped, proposals)
        return proposals

    @cached_property
    def _places(self) -> dict[tuple[str, int | str | None], int]:
        """The place of each image; -1 of one whose name comes up twice in its file."""
        found: dict[tuple[str, int | str | None], int] = {}
        for place, image in enumerate(self.objects.images):
            key = image.file, image.name
            found[key] = place if key not in found else -1
        return found

    def _row(self, where: Where) -> int | None:
        place = self._places.get((where.file, where.image), -1)
        if where.object is None or place < 0:
            return None
        rows = self._rows_of(place)
        found = np.flatnonzero(self.objects.index[rows] == where.object)
        return rows.start + int(found[0]) if len(found) else None

    def _rows_of(self, image: int) -> slice:
        first, end = np.searchsorted(self.objects.image, (image, image + 1)).tolist()
        return slice(first, end)

    def _box(self, row: int) -> Box:
        """As read, in the unit of the file."""
        size = np.tile(self.objects.sizes[row], 2) if self.fractions else 1.0
        x1, y1, x2, y2 = (self.objects.stated[row] / size).tolist()
        return x1, y1, x2, y2

    # --- changes -----------------------------------------------------------------------------------------------------

    def _mended(self, codes: dict[int, list[str]], proposals: Proposals) -> dict[int, Mend]:
        mends, stated = dict[int, Mend](), self.objects.stated
        for row, own in codes.items():
            for code in (code for code in own if code in (INVERTED, BEYOND)):
                try:
                    mends[row] = self._swapped(row) if code == INVERTED else self._clipped(row, stated[row])
                except LeftError as error:
                    proposals.left.append(NotRepaired(code, self.objects.where(row), str(error)))
        return mends

    def _swapped(self, row: int) -> Mend:
        """The ends of an inverted box exchanged.

        Raises:
            LeftError: it makes sense in another way, too.
        """
        objects, stated = self.objects, self.objects.stated[row]
        axes = bool(stated[0] > stated[2]), bool(stated[1] > stated[3])
        if objects.layout != "cxcywh":  # where the centre stays, whatever the sign of a side
            numbers = WRITES[objects.layout](stated[None]).copy()
            numbers[:, 2:] = np.abs(numbers[:, 2:])
            if _fits(READS["xywh"](numbers), objects.sizes[row : row + 1]):
                how = "x y width height" if objects.layout == "xyxy" else "a width or height with a wrong sign"
                raise LeftError(f"its numbers may be {how} as well: that box lies inside the image, too")
        whole = stated.reshape(2, 2)
        box = np.concatenate((whole.min(0), whole.max(0)))
        mend = Mend(objects.where(row), self._box(row), {Action.SWAP: INVERTED}, axes)
        if not self._reaches_out(row, box):
            return mend
        try:
            clipped = self._clipped(row, box)
        except LeftError as error:
            if outside_share(self._seen(row, box), (1, 1)) > MOST_OUTSIDE:
                raise LeftError(f"swapped, it reaches out of the image, and {error}") from None
            return mend
        if not self.wanted(BEYOND, objects.images[int(objects.image[row])].file):
            return mend
        return replace(mend, why={**mend.why, **clipped.why}, limits=clipped.limits)

    def _clipped(self, row: int, box: FloatArray) -> Mend:
        """A box clipped to its image.

        Raises:
            LeftError: the size of the image is in doubt, or what is meant by the numbers.
        """
        objects = self.objects
        share = outside_share(self._seen(row, box), (1, 1))
        if share > MOST_OUTSIDE:
            raise LeftError("most of it lies outside the image: it may be of another scale, or of another photo")
        limits = self._limits(row)
        if share > CARELESS:
            numbers = WRITES[objects.layout](box[None])
            for layout in ("xyxy", "xywh", "cxcywh"):
                other = READS[layout](numbers)
                if layout != objects.layout and _fits(other, objects.sizes[row : row + 1]):
                    raise LeftError("its numbers may be in another layout: read so, the box lies inside the image")
        return Mend(objects.where(row), self._box(row), {Action.CLIP: BEYOND}, limits=limits)

    def _limits(self, row: int) -> Limits:
        """The borders of a row's image.

        Raises:
            LeftError: where they are is in doubt.
        """
        if self.fractions:
            return Limits((0.0, 0.0), (1.0, 1.0))
        image = self.objects.images[int(self.objects.image[row])]
        width, height = image.size
        if image.photo_size is None:
            raise LeftError("its photo was not found, and the size that the file declares may be what is wrong")
        if tuple(image.photo_size) != (width, height):
            sizes = f"{image.photo_size[0]} x {image.photo_size[1]}, and the file declares {width:g} x {height:g}"
            raise LeftError(f"the photo is {sizes}: the box may be right in another size")
        if image.orientation > 1:
            raise LeftError("EXIF data turn its photo: in which of the two the box was drawn is not known")
        low = 0.0 if not self.objects.one_based or image.file in self._from_zero else 1.0
        return Limits((low, low), (width, height))

    @cached_property
    def _from_zero(self) -> set[str]:
        """Files of which a sound box begins at 0."""
        objects = self.objects
        rows = np.flatnonzero(objects.valid & (objects.stated[:, :2] == 0).any(1))
        return {objects.files[number] for number in set(objects.file[objects.image[rows]].tolist())}

    def _seen(self, row: int, box: FloatArray) -> Box:
        """A box normalised as the loader does."""
        objects = self.objects
        offset = objects.rules.targets.voc_pixel_offset if objects.one_based else 0.0
        x1, y1, x2, y2 = ((box + offset) / np.tile(objects.sizes[row], 2)).tolist()
        return x1, y1, x2, y2

    def _reaches_out(self, row: int, box: FloatArray) -> bool:
        """Whether a box reaches out of its image as BOX008 has it."""
        return bool(reach_out(np.array([self._seen(row, box)]), self.objects.sizes[[row]])[0])

    # --- what goes ---------------------------------------------------------------------------------------------------

    def _dropped(self, codes: dict[int, list[str]], proposals: Proposals) -> dict[int, Mend]:
        dropped: dict[int, Mend] = {}
        for row, own in codes.items():
            for code in (code for code in own if code in (POINT, ZEROS, OUTSIDE)):
                try:
                    self._refuse_to_drop(row, code)
                except LeftError as error:
                    proposals.left.append(NotRepaired(code, self.objects.where(row), str(error)))
                else:
                    dropped[row] = Mend(self.objects.where(row), self._box(row), {Action.DROP: code})
        rows_dropped = np.array(list(dropped), dtype=np.int64)
        numbers = np.bincount(self.objects.image[rows_dropped], minlength=len(self.objects.images))
        for row in list(dropped):
            image = int(self.objects.image[row])
            rows, facts = self._rows_of(image), self.objects.images[image]
            if rows.stop - rows.start == numbers[image] and not (facts.annotated or facts.unusable):
                [code] = dropped.pop(row).why.values()
                why = "no object would be left in its image, and some codebases raise on such a one"
                proposals.left.append(NotRepaired(code, self.objects.where(row), why))
        return dropped

    def _refuse_to_drop(self, row: int, code: str) -> None:
        objects, (x1, y1, x2, y2) = self.objects, self.objects.stated[row]
        if objects.marked is not None and objects.marked[row]:
            raise LeftError(f"it is marked {objects.reading.mark}, and such objects stay")
        if code == POINT and not (x1 == x2 and y1 == y2):
            raise LeftError("one of its edges is lost, and nothing tells where it was: redraw it, or drop it")
        seen = self._seen(row, objects.stated[row])
        if code == OUTSIDE and min(seen[2:]) > 0:
            raise LeftError("it may be of another scale, or of another photo")

    # --- what is there twice -----------------------------------------------------------------------------------------

    def _add_twins(
        self, codes: dict[int, list[str]], mends: dict[int, Mend], dropped: dict[int, Mend], proposals: Proposals
    ) -> None:
        objects = self.objects
        told = {row for row, own in codes.items() if TWICE in own}
        concerned = told | {row for row in mends if self.wanted(TWICE, objects.images[int(objects.image[row])].file)}
        met: set[int] = set()
        for image in sorted({int(objects.image[row]) for row in concerned}):
            rows = self._rows_of(image)
            groups: dict[tuple[float, ...], list[int]] = {}
            for row in range(rows.start, rows.stop):
                if row not in dropped:
                    groups.setdefault((int(objects.class_id[row]), *self._new(row, mends.get(row))), []).append(row)
            for group in groups.values():
                if len(group) > 1 and concerned.intersection(group):
                    met.update(group)
                    proposals.twins.append(Twins(TWICE, tuple((objects.where(row), self._box(row)) for row in group)))
        for row in sorted(told - met - dropped.keys()):
            why = "the two boxes are not the same: only a look at the photo tells which one is right"
            proposals.left.append(NotRepaired(TWICE, objects.where(row), why))

    def _new(self, row: int, mend: Mend | None) -> tuple[float, ...]:
        """A row's box once it is mended, in steps that are too small to matter."""
        box = np.array(self._box(row)).reshape(2, 2)
        if mend is not None and any(mend.swapped):
            box = np.sort(box, axis=0)
        if mend is not None and mend.limits is not None:
            box = np.clip(box, mend.limits.low, mend.limits.high)
        unit = np.ones(2) if self.fractions else self.objects.sizes[row]
        return tuple(np.round(box / unit / SAME).reshape(-1).tolist())


def _fits(box: FloatArray, size: FloatArray) -> bool:
    return bool(inside(box, size)[0] and (box[0, 2:] > box[0, :2]).all())
