"""What an audit is asked for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AuditSpec:
    """What is asked beside the dataset, the priors and the rules.

    Attributes:
        letterbox: whether photos are scaled as a whole and padded, rather than stretched.
        worst: how many images to name.
        draws: how often to draw each image as training would, by random crops; 0 for not at all.
        seed: of the draws.
        device: auto, cpu, cuda, cuda:N or mps.
    """

    letterbox: bool = False
    worst: int = 10
    draws: int = 0
    seed: int = 0
    device: str = "auto"


def unheard(images: int) -> None:
    """Nobody wants to know how far it is."""
