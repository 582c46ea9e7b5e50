"""The paragraph at the end of a run: what was saved, why, and how to have it explained; or why nothing was."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ssdlossdbg.live.summaries import Summaries
from ssdlossdbg.live.watch import Watch
from ssdlossdbg.results.captured import (
    ASKED,
    BEFORE,
    EVERY,
    EXIT,
    INTERRUPTED,
    NOT_FINITE,
    OTHER_RANK,
    RAISED,
    REASONS,
    SPIKE,
)

GUILTY = (RAISED, NOT_FINITE, SPIKE)
STRANGE = (*GUILTY, OTHER_RANK)
# So many guilty batches of a criterion are told of, so many classes that were looked at, so many warnings.
MOST_BATCHES, MOST_LOOKS, MOST_WARNINGS = 3, 4, 3
NEVER = "never called"
FUNCTION = (
    "A loss that is a plain function, or of a class that is no torch.nn.Module, cannot be seen from outside. In the "
    "script, `loss_fn = ssdlossdbg.capture(loss_fn, {path!r})` sees any; `ssdlossdbg manual saving` says more"
)


def closing(watch: Watch | None, new: Summaries, path: Path, place: Path, ended: str = "") -> str:
    """The paragraph.

    Args:
        watch: of this process; None where torch was imported only in others.
        new: what was written in this run, by this process and those that it started.
        path: the folder of the run, as it is to be shown.
        place: the same, as it is wherever the script has gone.
        ended: what ended the script before its end, in words.
    """
    runs = [(file.parent, said) for file, (_, said) in new.items() if said.get("batches")]
    if not runs:
        sentences = _nothing(watch, path, ended)
    else:
        runs.sort(key=lambda run: min(_gravity(batch) for batch in run[1]["batches"]))
        sentences = [_saved(folder, place, path, said) for folder, said in runs]
        sentences.append(_explained(runs[0][0], place, path, runs[0][1]["batches"]))
    more = list(dict.fromkeys(watch.warnings if watch else ()))
    sentences += [
        *more[:MOST_WARNINGS],
        *([f"{len(more) - MOST_WARNINGS} more warnings"] * (len(more) > MOST_WARNINGS)),
    ]
    return ". ".join(sentence.rstrip(".") for sentence in sentences) + "."


def _saved(folder: Path, base: Path, shown: Path, said: Mapping[str, Any]) -> str:
    """What one run.json says."""
    batches = said["batches"]
    whose = f"{said.get('criterion')}, {'as ' + said['dialect'] if said.get('dialect') else 'dialect unknown'}"
    rank = f", rank {said['rank']}" if said.get("world", 1) > 1 else ""
    steps = f", {said['steps']} steps" if said.get("steps") else ""
    calm = "" if any(batch["reason"] in STRANGE for batch in batches) else ", no loss inf, nan or far above the usual"
    return f"{_shown(folder, base, shown)} ({whose}{rank}{steps}{calm}) holds {'; '.join(_listed(batches))}"


def _listed(batches: Sequence[Mapping[str, Any]]) -> list[str]:
    """What was saved, in words."""
    guilty = sorted((batch for batch in batches if batch["reason"] in GUILTY), key=lambda batch: batch["step"])
    words = []
    for batch in guilty[:MOST_BATCHES]:
        before = sum(other["because"] == batch["step"] and other["reason"] == BEFORE for other in batches)
        words.append(f"step {batch['step']}, {_why(batch)}" + (f", and {before} before it" if before else ""))
    if len(guilty) > MOST_BATCHES:
        words.append(f"{len(guilty) - MOST_BATCHES} more such steps")
    regular = [batch for batch in batches if batch["reason"] == EVERY]
    words += [f"{len(regular)} at regular steps"] if regular else []
    rest = [batch for batch in batches if batch["reason"] in (OTHER_RANK, ASKED, INTERRUPTED, EXIT)]
    return words + [f"step {batch['step']}, {_why(batch)}" for batch in rest]


def _why(batch: Mapping[str, Any]) -> str:
    detail = str(batch.get("detail", ""))
    return {
        RAISED: f"where the loss raised {detail}",
        NOT_FINITE: f"where {detail}",
        SPIKE: f"where the loss jumps to {detail}",
        OTHER_RANK: f"as {detail}",
        ASKED: "as a file CAPTURE asked for it",
        INTERRUPTED: f"the last before {detail}",
        EXIT: "the last",
    }[str(batch["reason"])]


def _gravity(batch: Mapping[str, Any]) -> tuple[int, int]:
    return REASONS.index(batch["reason"]), batch["step"]


def _explained(folder: Path, base: Path, shown: Path, batches: Sequence[Mapping[str, Any]]) -> str:
    guilty = [batch for batch in batches if batch["reason"] in STRANGE]
    if not guilty and sum(batch["reason"] == EVERY for batch in batches) > 1:
        return f"ssdlossdbg loss {shlex.quote(_shown(folder, base, shown))} says which images and objects cost most"
    asked = min(guilty, key=_gravity) if guilty else max(batches, key=lambda batch: batch["step"])
    file = Path(_shown(folder, base, shown)) / asked["file"]
    verb = f"explains step {asked['step']}" if guilty else "says what its loss is made of"
    return f"ssdlossdbg loss {shlex.quote(str(file))} {verb}"


def _shown(folder: Path, base: Path, shown: Path) -> str:
    """A folder of the run as its user may name it."""
    return os.path.normpath(shown / folder.relative_to(base))


def _nothing(watch: Watch | None, path: Path, ended: str) -> list[str]:
    """Why nothing was saved, and what to do."""
    if watch is None:
        return []
    called = [slot.recorder for slot in watch.slots if slot.placed]
    if called:
        steps = sum(recorder.steps for recorder in called)
        return [f"{called[0].criterion} was seen in {steps} steps, but nothing could be saved in {path}"]
    looks = {name: look for name, look in watch.looks.items() if look.others or look.validation or not look.is_library}
    words = [f"{name} ({_looked(look)})" for name, look in looks.items()]
    words.sort(key=lambda text: NEVER in text)
    more = f", and {len(words) - MOST_LOOKS} more" if len(words) > MOST_LOOKS else ""
    seen = [f"Looked at: {', '.join(words[:MOST_LOOKS])}{more}"] if words else []
    end = f" before {ended}" if ended else ""
    return [f"no SSD loss was seen{end}, and nothing is saved", *seen, FUNCTION.format(path=str(path))]


def _looked(look: Any) -> str:
    if look.others:
        return f"called with {look.arguments}, which are no loc [B, P, 4] beside conf [B, P, C] and targets"
    if look.validation:
        return f"called {look.validation} times, never with gradients: --validation looks at that, too"
    return NEVER
