"""A batch under one dialect, for its loss alone."""

from __future__ import annotations

from ssdlossdbg.analysis.scene import Scene
from ssdlossdbg.multibox.matching import Matching
from ssdlossdbg.multibox.overlaps import Tied


class QuickScene(Scene):
    """A batch whose matching holds of overlaps no more than decides about the roles of priors."""

    def _match(self) -> tuple[Matching, Tied | None]:
        return super()._match() if self.batch.encoded else (self.few_overlaps, None)
