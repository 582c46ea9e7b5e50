"""What a criterion's plain attributes say: a threshold, a ratio, variances."""

from __future__ import annotations

from typing import Any

# The names that codebases give to what a dialect's own setting is overruled by.
SETTINGS = {
    "threshold": ("threshold", "iou_threshold", "overlap_thresh"),
    "neg_pos": ("negpos_ratio", "neg_pos_ratio", "neg_to_pos_ratio"),
    "alpha": ("alpha", "loc_weight"),
}
MOST_ITEMS, MOST_CHARACTERS = 16, 200


def attributes_of(owner: Any) -> dict[str, Any]:
    """The numbers, short texts and short lists of numbers among the attributes of an object."""
    owner = getattr(owner, "_orig_mod", owner)  # of what torch.compile returns
    own = vars(owner) if hasattr(owner, "__dict__") else {}
    return {name: value for name, value in own.items() if not name.startswith("_") and _is_plain(value)}


def rules_of(owner: Any) -> dict[str, float]:
    """The settings of a criterion's rules, by the names of the header's fields."""
    found = {}
    for field, names in SETTINGS.items():
        values = [getattr(owner, name, None) for name in names] if owner is not None else []
        number = next((value for value in values if isinstance(value, (int, float)) and value is not True), None)
        if number is not None:
            found[field] = float(number)
    return found


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return len(value) <= MOST_ITEMS and all(isinstance(item, (int, float)) for item in value)
    if isinstance(value, str):
        return len(value) <= MOST_CHARACTERS
    return value is None or isinstance(value, (bool, int, float))
