"""What a codebase's way of calling its criterion comes down to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

Arguments = Mapping[str, Any]
Tensors = dict[str, "Tensor"]


@dataclass(frozen=True)
class Taken:
    """What was found in the arguments of one call.

    Attributes:
        tensors: by the keys that they have in the file, or by those that `Recipe.finish` makes such of.
        called: mappings or texts that say what each image is called.
        header: fields of the file's header that the arguments decide.
    """

    tensors: Tensors
    called: Sequence[Any] = ()
    header: Mapping[str, Any] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """What there is of tensors: an entry each, those of one kind together."""
        shown: dict[str, list[list[int]]] = {}
        for key, tensor in self.tensors.items():
            shown.setdefault(key.rstrip("0123456789").rstrip("_"), []).append(list(tensor.shape))
        parts = [f"{key} {shapes[0]}" if len(shapes) == 1 else f"{len(shapes)} {key}" for key, shapes in shown.items()]
        return ", ".join(parts)


@dataclass(frozen=True)
class Recipe:
    """How one codebase's criterion is called.

    Attributes:
        dialect: whose it is; empty if that is not known.
        take: what to hold of the criterion's object and its arguments by name: references and views only.
        finish: what to save of it, computed when it is saved.
        header: fields of the file's header that are the codebase's.
        loss: of what the criterion returned, what training makes of it.
    """

    dialect: str
    take: Callable[[Any, Arguments], Taken]
    finish: Callable[[Tensors], Tensors] = dict
    header: Mapping[str, Any] = field(default_factory=dict)
    loss: Callable[[Any], Any] = lambda output: output
