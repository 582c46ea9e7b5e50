"""What files of an annotation format are called and what their boxes mean, however they are told and read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Notation:
    """How a format writes objects.

    Attributes:
        name: what options call it.
        title: what reports call it.
        endings: of its files, in lower case, the usual one first.
        folder: what the folders are called that annotations lie in; files elsewhere count only where there are none.
        many_in_file: whether a file holds many images, so that it takes a name to tell one.
        mark: what `Table.difficult` means in it: "difficult", "crowd", "group"; or "ignored", which nobody trains on.
        layout: how a box is written: "xyxy", "xywh" or "cxcywh".
        one_based: whether pixel coordinates count from 1, so that a dialect's offset applies.
        fractions: whether boxes are fractions of the photo.
        numbered: whether classes have numbers only, for which something else must have the names.
    """

    name: str
    title: str
    endings: tuple[str, ...]
    folder: str = ""
    many_in_file: bool = False
    mark: str = "difficult"
    layout: str = "xyxy"
    one_based: bool = False
    fractions: bool = False
    numbered: bool = False
