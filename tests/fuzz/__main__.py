"""`python -m tests.fuzz`: run seeded cases, and say which of them broke a promise, with what reproduces it."""

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, TextIO

from tests.fuzz.cases import Case, make_case
from tests.fuzz.kinds import KINDS
from tests.fuzz.oracle import Limits, broken_promises, command_of
from tests.fuzz.sandbox import ROOT, run_apart, run_here, state, write_files


def arguments(words: list[str]) -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cases", type=int, default=1000, help="how many")
    parser.add_argument("--start", type=int, default=0, help="number of the first")
    parser.add_argument("--case", type=int, help="run this one alone, and keep its files")
    parser.add_argument("--kinds", default=",".join(KINDS), help="of input, between commas; part of what a seed means")
    parser.add_argument(
        "--keep", type=Path, default=Path(tempfile.gettempdir()) / "fuzz-found", help="files of failures"
    )
    parser.add_argument("--memory", type=int, default=Limits.memory, help="MiB that a case may take")
    parser.add_argument("--seconds", type=float, default=20, help="of a processor that a case may take; 0: any")
    parser.add_argument("--patience", type=int, default=300, help="seconds until a case is taken to hang")
    parser.add_argument("--apart", type=int, default=500, help="run each so many-th case in a process of its own, too")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(words)


def faults_of(case: Case, limits: Limits, apart: bool = False) -> tuple[int | None, list[str]]:
    """Run a case in a folder that is thrown away; its exit code, and the promises that it broke."""
    with tempfile.TemporaryDirectory() as name:
        work = write_files(case, Path(name))
        before = state(work)
        outcome = run_here(case.line, work)
        faults = broken_promises(case, outcome, before, state(work), limits)
        faults += [f"files: tmp/{each.name} was left" for each in (Path(name) / "tmp").iterdir()]
        if (work.parent / "outside").read_text() != "not given":
            faults.append("files: what a link leads to is changed")
    if apart and not outcome.raised:
        with tempfile.TemporaryDirectory() as other:
            alone = run_apart(case.line, write_files(case, Path(other)))
        if (alone.code, alone.out.replace(other.encode(), name.encode())) != (outcome.code, outcome.out):
            faults.append(f"apart: a process of its own ends with {alone.code}, or prints something else")
    return outcome.code, faults


def label(fault: str) -> str:
    """What two faults share that are the same but for their input."""
    kind, _, what = fault.partition(": ")
    return f"{kind}: {what.rpartition(' at ')[2]}" if kind == "raised" else f"{kind}: {what[:16]}"


def smaller(case: Case, fault: str, limits: Limits) -> Case:
    """The case with all left out that the fault does not need."""
    wanted, best = label(fault), case
    tries: list[tuple[str, Any]] = [("option", option) for option in case.options] + [
        ("file", name) for name in case.files
    ]
    for what, part in tries:
        less = deepcopy(best)
        if what == "option":
            less.options.remove(part)
        elif part in less.sound:
            less.files[part] = less.sound[part]
        else:
            del less.files[part]
        if any(label(each) == wanted for each in faults_of(less, limits)[1]):
            best = less
    return best


def work(options: argparse.Namespace, report: TextIO) -> None:
    """Run the cases one after the other, and write a line of JSON about each."""
    limits, kinds = Limits(options.memory, options.seconds), options.kinds.split(",")
    space = 6 * 2**30
    resource.setrlimit(resource.RLIMIT_AS, (space, space))
    seen: set[str] = set()
    for number in range(options.start, options.start + options.cases):
        faulthandler.dump_traceback_later(options.patience, exit=True)
        case = make_case(options.seed, number, kinds)
        code, faults = faults_of(case, limits, bool(options.apart) and number % options.apart == options.apart - 1)
        said: dict[str, Any] = {
            "case": number,
            "kind": case.kind,
            "faults": faults,
            "code": code,
            "command": command_of(case),
        }
        for fault in faults:
            if label(fault) not in seen:
                seen.add(label(fault))
                faulthandler.dump_traceback_later(10 * options.patience, exit=True)
                least = smaller(case, fault, limits)
                home = options.keep / f"seed-{options.seed}-case-{number}"
                if not home.exists():
                    write_files(least, home)
                said.update(command=command_of(least), home=str(home / "a/b/work"))
        report.write(json.dumps(said) + "\n")
        report.flush()
    faulthandler.cancel_dump_traceback_later()


def results(options: argparse.Namespace, words: list[str]) -> Iterator[dict[str, Any]]:
    """What workers say of each case; one that dies or hangs is a fault, and another goes on behind it."""
    start, end = options.start, options.start + options.cases
    while start < end:
        command = [
            sys.executable,
            "-m",
            "tests.fuzz",
            *words,
            "--worker",
            "--start",
            str(start),
            "--cases",
            str(end - start),
        ]
        with (
            tempfile.TemporaryFile("w+") as err,
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=err, text=True, cwd=ROOT) as child,
        ):
            assert child.stdout is not None
            for line in child.stdout:
                yield json.loads(line)
                start = json.loads(line)["case"] + 1
            code = child.wait()
            err.seek(0)
            if start < end:
                case = make_case(options.seed, start, options.kinds.split(","))
                fault = f"died: with {code}, or hung: {err.read()[-1500:]}"
                yield {"case": start, "kind": case.kind, "faults": [fault], "command": command_of(case)}
                start += 1
            elif code:
                raise RuntimeError(f"the last worker ended with {code}")


def main(words: list[str]) -> int:
    """Run what the command line says; 1 where a promise was broken."""
    options = arguments(words)
    if options.case is not None:
        options.start, options.cases = options.case, 1
        words = [*words, "--start", str(options.case), "--cases", "1"]
    if options.worker:
        work(options, os.fdopen(os.dup(1), "w"))
        return 0
    began, counts, failed = time.monotonic(), Counter[str](), Counter[str]()
    codes = Counter[str]()
    for said in results(options, words):
        counts[said["kind"]] += 1
        codes[str(said.get("code"))] += 1
        if counts.total() % 500 == 0:
            print(f"... {counts.total():,} cases", file=sys.stderr, flush=True)
        for fault in said["faults"]:
            failed[label(fault)] += 1
            if failed[label(fault)] <= 2:
                print(f"\nseed {options.seed} case {said['case']} ({said['kind']}): {fault}")
                print(f"    cd {said.get('home', '.')} && {said['command']}")
                kinds = "" if options.kinds == ",".join(KINDS) else f" --kinds '{options.kinds}'"
                print(f"    python -m tests.fuzz --seed {options.seed} --case {said['case']}{kinds}", flush=True)
    print(
        f"\n{counts.total():,} cases of {len(counts)} kinds, seed {options.seed}, {time.monotonic() - began:.0f} s: ",
        end="",
    )
    print("no promise broken" if not failed else f"{failed.total():,} broken promises")
    print("exit codes: " + ", ".join(f"{code} {count:,} times" for code, count in sorted(codes.items())))
    for name, count in failed.most_common():
        print(f"{count:6,}  {name}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
