"""Whose rules a training's criterion follows: asked at the first step, and found out as its time allows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ssdlossdbg.live.budget import Budget
from ssdlossdbg.live.probe import Probe

# Seconds that are saved up before it is gone on with, and what it may take at a time at most: less than most steps.
LEAST, MOST = 0.02, 0.1


class Whose:
    """What is known of the rules.

    Args:
        budget: of what looking on may cost.
        learnt: called once when they are known, where that was not so at the first step.

    Attributes:
        fields: of headers; empty where the rules are not known.
        called_as: whose it is taken for by the way in which it is called; empty if that is not known.
    """

    def __init__(self, budget: Budget, learnt: Callable[[], object]) -> None:
        self.fields: dict[str, Any] = {}
        self.called_as = ""
        self._budget, self._learnt = budget, learnt
        self._probe: Probe | None = None

    @property
    def open(self) -> bool:
        """Whether more may be known later on."""
        return self._probe is not None

    @property
    def dialect(self) -> str:
        """Whose they are, as far as that is known; empty if it is not."""
        return str(self.fields.get("dialect", self.called_as))

    @property
    def words(self) -> str:
        """The same, as of a criterion."""
        if not self.dialect:
            return "whose dialect is not known"
        own = ", with rules of its own" if self.fields.get("rules") else ""
        more = ", some of whose rules are others (which, is being found out)" if self.open else ""
        return f"as {self.dialect}{own}{more}"

    @property
    def words_later(self) -> str:
        """What was learnt of them after the first step, as of a criterion."""
        if self.fields:
            return f"follows {self.dialect}, with rules of its own: what is saved from here on says so"
        return f"is read as {self.dialect}, some of whose rules it does not follow"

    def ask(self, owner: Any, insisted: bool) -> None:
        """Begin: of a dialect as it is, that is enough; of all else, where it is insisted.

        Args:
            owner: the criterion.
            insisted: whether the user asked for it.
        """
        self._probe = Probe(owner, self.called_as, insisted)
        self._probe.go_on(*(() if insisted else (0.0,)))
        self._take(at_once=True)

    def go_on(self) -> None:
        """Go on as far as the training has paid for it."""
        if self._probe is not None and self._budget.left >= LEAST:
            with self._budget.spending(counts=False):
                self._probe.go_on(min(self._budget.left, MOST))
                self._take()

    def know(self) -> None:
        """Go on to the end, as something is to be said of the rules that cannot be said later."""
        if self._probe is not None:
            with self._budget.spending(counts=False):
                self._probe.go_on()
                self._take()

    def _take(self, at_once: bool = False) -> None:
        assert self._probe is not None
        if self._probe.found is not None:
            self.fields, self._probe = self._probe.found, None
            if not at_once:
                self._learnt()
