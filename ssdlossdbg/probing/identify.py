"""`ssdlossdbg.identify` and `assert_same_loss`: whose loss is a criterion's?"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ssdlossdbg.analysis.identity.search import Search
from ssdlossdbg.analysis.identity.told import dialects_found, differs, inseparable
from ssdlossdbg.default_device import on_cpu_by_default
from ssdlossdbg.errors import InputError
from ssdlossdbg.live.capture import method_of, qualified, unwrapped
from ssdlossdbg.live.plain import rules_of
from ssdlossdbg.live.recipes import parameter_names
from ssdlossdbg.multibox.threads import one_thread
from ssdlossdbg.probing.runs import Runs, criterion_of
from ssdlossdbg.readers.dialects import dialect_names, load_dialect
from ssdlossdbg.results import IdentifyResult, Probed, in_words
from ssdlossdbg.rules import Dialect

# What the attributes of criteria are, among rules.
NAMED = {"threshold": "match.threshold", "neg_pos": "mining.ratio", "alpha": "loss.localization_weight"}
UNSEEN_NOTE = "gradients were not asked for: rules that change them alone are not told"
USUAL = "ssd.pytorch"


@on_cpu_by_default
def identify(
    criterion: Any,
    *,
    adapter: Callable[..., Any] | None = None,
    classes: int | None = None,
    dialects: Sequence[str] | None = None,
    most_changes: int = 2,
    seconds: float = 60.0,
) -> IdentifyResult:
    """Whose loss a criterion is: the dialect, and which of its rules are others.

    The criterion is run, as a copy, on some thirty small batches, each of which a rule or two is decided by; then the
    rules are looked for that give all it returned. Nothing of a training changes by it: no gradient, no random number,
    no attribute.

    Args:
        criterion: a module or a function; a network of torchvision's, whose loss is a method.
        adapter: of a criterion that is called in a way of its own: f(loc, conf, priors, targets) with `[B, P, 4]`,
            `[B, P, C]`, `[P, 4]` cxcywh and rows `[n, 5]` (x1, y1, x2, y2, label), all fractions of the image; returns
            the criterion's arguments, a tuple or a mapping by name.
        classes: columns of conf, background included, where the criterion takes no other number and no attribute
            (`num_classes`) says it.
        dialects: whose it may be, by names or files; all shipped ones if None.
        most_changes: rules of a dialect that may be others.
        seconds: that it may take.

    Returns:
        What explains every number, and what nothing that was tried tells apart.

    Raises:
        InputError: it could not be called, or returned no loss.
    """
    start = time.monotonic()
    with one_thread():
        asked = [load_dialect(each, "dialects") for each in (dialect_names() if dialects is None else dialects)]
        among = [each for each in asked if not each.refine.first_step]
        if not among:
            what = f"names {asked[0].name}, which has two steps" if asked else "is empty"
            raise InputError("dialects", what, "A criterion is one step; name a dialect of one.")
        name, runs, search = begun(criterion, adapter, classes, among, start + seconds)
        found = search.run(most_changes)
        shipped = search.dialects
        rest = inseparable(search, found.explanations) if found.explanations else ()
        names = [case.name for case in runs.cases]
        return IdentifyResult(
            subject=name,
            dialects=dialects_found(found, shipped),
            inseparable=rest,
            probed=Probed(
                called=runs.call.like,
                said="",
                cases=len(runs.cases),
                returned=sum(not each.error for each in runs.returned),
                raised=runs.raised,
                left_out=tuple(filter(None, (runs.call.note, UNSEEN_NOTE))),
                complete=found.complete and time.monotonic() < search.until,
            ),
            nearest=None if found.explanations else differs(search, names),
        )


@on_cpu_by_default
def assert_same_loss(
    criterion: Any,
    dialect: Dialect | str,
    *,
    adapter: Callable[..., Any] | None = None,
    classes: int | None = None,
) -> None:
    """Fail unless a criterion has the loss of a dialect, on every case: a line for a test of your own.

        def test_my_loss():
            ssdlossdbg.assert_same_loss(MultiBoxLoss(21, 0.5), "ssd.pytorch")

    Args:
        criterion: as for `identify`.
        dialect: whose loss it is to be: a name, a file, or what `load_dialect` returned.
        adapter: as for `identify`.
        classes: as for `identify`.

    Raises:
        AssertionError: it has another; with the case, both values, and the rule.
        InputError: it could not be called, or there is no such dialect.
    """
    rules = dialect if isinstance(dialect, Dialect) else load_dialect(dialect, "dialect")
    if rules.refine.first_step:
        raise InputError(
            "dialect", f"is {rules.name}, which has two steps", "A criterion is one; name a dialect of one."
        )
    with one_thread():
        name, runs, search = begun(criterion, adapter, classes, [rules], time.monotonic() + ASSERTING)
        found = search.run(most_changes=1)
        if found.explanations and not found.explanations[0].changes:
            return
        wrong = search.failing(rules)[0]
        losses = search.trials[wrong].losses(rules)
        assert losses is not None
        yours = runs.returned[wrong].recorded
        rule = "no single rule explains it"
        if found.explanations:
            rule = f"it is {in_words(dialects_found(found, [rules])[0])}"
    own = rules.name or "the dialect"
    theirs = type(yours)(sum(losses), *(losses if yours.localization is not None else (None, None)))
    raise AssertionError(
        f"{name} has another loss than {own}. Case: {runs.cases[wrong].name}. It returned {yours.words('.6g')}, and "
        f"{own} gives {theirs.words('.6g')}; {rule}."
    )


ASSERTING = 30.0


def begun(
    criterion: Any, adapter: Callable[..., Any] | None, classes: int | None, among: Sequence[Dialect], until: float
) -> tuple[str, Runs, Search]:
    """The criterion's name, what it did with every case, and the search for rules that explain it.

    Args:
        criterion: as for `identify`.
        adapter: as for `identify`.
        classes: as for `identify`.
        among: dialects that it may be of.
        until: when to stop, in the time of `time.monotonic`.

    Raises:
        InputError: it could not be called, or returned no loss.
    """
    target = unwrapped(criterion)
    if not callable(target):
        raise InputError(
            "criterion", f"is a {type(target).__name__}, which cannot be called", "Give a module or a function."
        )
    method = method_of(target)
    inner = getattr(target, "_orig_mod", target)
    names = parameter_names(getattr(inner, method or "forward", inner))
    ready = criterion_of(target, method, names, load_dialect(USUAL), classes)
    runs = ready.run(adapter, until)
    if not any(each.recorded.known for each in runs.returned):
        what = "returned no loss: neither one number, nor two, nor a mapping of such"
        raise InputError("criterion", what, "Return what training minimises, or its two parts.")
    search = Search(
        trials=runs.trials,
        observed=runs.returned,
        dialects=among,
        named=_named(ready.owner),
        without=runs.call.left_out,
        delicate=frozenset(place for place, case in enumerate(runs.cases) if case.delicate),
        seconds=max(0.0, until - time.monotonic()),
    )
    return qualified(target, method), runs, search


def _named(owner: Any) -> Mapping[str, tuple[float, ...]]:
    """Numbers that a criterion has in its attributes, by the rules that they may be of."""
    return {NAMED[field]: (value,) for field, value in rules_of(owner).items() if field in NAMED}
