"""Edit the package a little, many times, and say which edits no test notices.

`python -m tests.mutation multibox --sample 150 --seed 1`: each mutant is run by the tests that run its lines, the
quickest first, until one fails, and then by those that may depend on them though others have them run. What the tests
run is learnt first, which takes as long as the suite.
"""

from __future__ import annotations

import argparse
import importlib
import os
import random
import sys
import tomllib
from collections import Counter
from itertools import chain, groupby
from pathlib import Path

import pytest

from tests.mutation.contexts import PACKAGE, Contexts, Learner, behind, file_of, hash_of, load, made_of, naming, save
from tests.mutation.mutants import Mutant, mutants_of, siblings
from tests.mutation.runs import KILLED, NOT_RUN, SURVIVED, Job, run_cold, warm

ROOMS = ("multibox", "checks", "readers", "analysis", "report")
LEARNT = Path("build/mutation.pickle")
EQUIVALENT = Path(__file__).with_name("equivalent.toml")
# Their tests start processes, which know nothing of a mutant, or take minutes to be traced.
STARTS_PROCESSES = {"tests/cli/test_app.py", "tests/analysis/audit/test_ranks.py", "tests/test_manual.py"}
# What the package imports, and the forks need not import again.
HEAVY = ("torch", "numpy", "PIL.Image", "typer", "rich.table", "msgspec", "yaml", "safetensors.torch", "typer.testing")


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("room", help=f"{', '.join(ROOMS)}, or a file or folder below ssdlossdbg/")
    parser.add_argument("--sample", type=int, default=150, help="how many mutants, drawn at random")
    parser.add_argument("--seed", type=int, default=1, help="of the draw")
    parser.add_argument("--budget", type=float, default=12, help="seconds of CPU time of tests a mutant")
    parser.add_argument("--again", type=Path, help="what it printed before: only what no test noticed then")
    parser.add_argument("--tests", nargs="*", default=["tests"], help="files or folders; those known are used as well")
    chosen = parser.parse_args()
    os.nice(19)
    contexts = learn(tuple(chosen.tests))
    every = mutants_in(PACKAGE / chosen.room)
    if chosen.again:
        lines = chosen.again.read_text().splitlines()
        listed = {line.partition(": ")[2] for line in lines if line.startswith((f"{SURVIVED}: ", f"{NOT_RUN}: "))}
        drawn = [mutant for mutant in every if str(mutant) in listed]
    else:
        drawn = random.Random(chosen.seed).sample(every, min(chosen.sample, len(every)))
    results = run([job_of(mutant, contexts, chosen.budget) for mutant in drawn])
    report(results)


def learn(wanted: tuple[str, ...]) -> Contexts:
    """What every test runs: known of those whose file is as it was."""
    contexts = load(LEARNT)
    stale = [path for path in contexts.stale() if path.startswith(wanted) and path not in STARTS_PROCESSES]
    for folder, files in groupby(stale, lambda path: path.split("/")[1]):
        print(f"Learning what tests/{folder} runs ...", file=sys.stderr)
        in_process(list(files), contexts)
        contexts = load(LEARNT)
    return contexts


def in_process(files: list[str], contexts: Contexts) -> None:
    """In a process of its own, for this one must not import the package."""
    child = os.fork()
    if child == 0:
        pytest.main(["-q", "-p", "no:cacheprovider", *files], [Learner(contexts, LEARNT)])
        contexts.files |= {file: hash_of(file) for file in files}
        save(contexts, LEARNT)
        os._exit(0)
    os.waitpid(child, 0)


def mutants_in(room: Path) -> list[Mutant]:
    """Every mutant of a room, a folder of it, or a file."""
    fields = siblings(sorted(PACKAGE.rglob("*.py")))
    paths = sorted(room.rglob("*.py")) if room.is_dir() else [room.with_suffix(".py")]
    return [mutant for path in paths for mutant in mutants_of(path, fields)]


def job_of(mutant: Mutant, contexts: Contexts, budget: float) -> Job:
    """The tests that may notice it, of those that run it: its own file's, one of each function, and others.

    After them come tests that may depend on what it does, though others have it run.
    """
    lines = range(mutant.first, mutant.last + 1)
    if mutant.names:
        running, later = (contexts.of_units(set().union(*map(of, mutant.names))) for of in (naming, made_of))
    else:
        running = contexts.of_lines(mutant.path, lines)
        later = contexts.of_units(set().union(*(behind(str(mutant.path), line) for line in lines)))
    later = [test for test in (*later, *contexts.beside(running)) if test not in set(running)]
    seconds = {test: contexts.tests[test].seconds for test in (*running, *later)}
    running, later = (sorted(set(some), key=lambda test: (seconds[test], test)) for some in (running, later))
    place = {test: number for number, test in enumerate((*running, *later))}
    own = [test for test in running if mutant.path.stem in Path(file_of(test)).stem]
    of_each = {function_of(test): test for test in reversed(running)}
    by_function = sorted(of_each.values(), key=place.__getitem__)
    kept, spent = dict[str, None](), 0.0
    for part, some in ((0.3, own), (0.6, by_function), (0.8, running), (1.0, later)):
        for test in (test for test in some if test not in kept):
            if kept and spent + seconds[test] > part * budget:
                break
            kept[test] = None
            spent += seconds[test]
    return Job(mutant, tuple(sorted(kept, key=place.__getitem__)), spent)


def function_of(test: str) -> str:
    """The function of a case."""
    return test.split("[")[0]


def run(jobs: list[Job]) -> list[tuple[Mutant, str]]:
    """What becomes of each, told as it comes."""
    for name in HEAVY:
        importlib.import_module(name)
    importlib.import_module("torch").set_num_threads(1)
    ready = [job for job in jobs if job.tests]
    live, on_import = ([job for job in ready if bool(job.mutant.names) is named] for named in (False, True))
    found = chain(warm(live), ((job.mutant, run_cold(job)) for job in on_import))
    results = [(job.mutant, NOT_RUN) for job in jobs if not job.tests]
    for mutant, result in found:
        results.append((mutant, result))
        print(f"{len(results)} of {len(jobs)}: {result}: {mutant}", file=sys.stderr, flush=True)
    if len(results) < len(jobs):
        raise SystemExit("Some were not run: pytest ended before, or could not begin.")
    return results


def report(results: list[tuple[Mutant, str]]) -> None:
    """Those that no test noticed, and the share that was."""
    same = {
        (each["file"], each["line"], each["edit"], each.get("column"))
        for each in tomllib.loads(EQUIVALENT.read_text())["mutant"]
    }
    counted = Counter[str]()
    for mutant, result in sorted(results, key=lambda each: str(each[0])):
        key = (mutant.path.relative_to(PACKAGE).as_posix(), mutant.source, mutant.edit)
        if result != KILLED and not same.isdisjoint({(*key, None), (*key, mutant.column)}):
            counted["equivalent"] += 1
            continue
        counted[result] += 1
        if result != KILLED:
            print(f"{result}: {mutant}")
    told = counted[KILLED] + counted[SURVIVED] + counted[NOT_RUN]
    print(f"{counted[KILLED]} of {told} killed ({counted[KILLED] / max(told, 1):.1%});", end=" ")
    print(f"{counted[SURVIVED]} survived, {counted[NOT_RUN]} run by no test, {counted['equivalent']} equivalent.")


if __name__ == "__main__":
    main()
