"""The timing loop that the benchmarks share."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

import torch

# Runs that only warm up.
WARM_UP = 2


def median_times(
    steps: Mapping[str, Callable[[], object]],
    repeats: int,
    device: str = "cpu",
    clock: Callable[[], float] = time.perf_counter,
    rest: float = 0.0,
) -> dict[str, float]:
    """Median seconds of each step, all run in turn, so that a machine whose speed drifts slows all of them alike.

    By a clock: `time.process_time` counts what the processor did, whoever else wanted it. Each step starts after some
    seconds of rest: for as long as ten milliseconds after an operation that torch shared, its threads keep their cores.
    """
    times: dict[str, list[float]] = {name: [] for name in steps}
    for repeat in range(repeats + WARM_UP):
        for name, step in steps.items():
            if device != "cpu":
                torch.cuda.synchronize()
            time.sleep(rest)
            start = clock()
            step()
            if device != "cpu":
                torch.cuda.synchronize()
            if repeat >= WARM_UP:
                times[name].append(clock() - start)
    return {name: statistics.median(values) for name, values in times.items()}
