"""Two ranks, of which one is hit: both save the same step, and neither waits for the other."""

from __future__ import annotations

import os
import socket
import sys
import textwrap
from pathlib import Path

import pytest
import torch

from tests import warm
from tests.live.conftest import header, reasons

SCRIPT = """
    import sys, time, warnings
    warnings.simplefilter("ignore")
    import torch, torch.distributed as dist
    import ssdlossdbg

    rank, port, folder = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)

    class Criterion(torch.nn.Module):
        def forward(self, predictions, targets):
            loc, conf, priors = predictions
            return loc.square().mean() + 0 * targets[0].sum(), conf.square().mean()

    criterion = Criterion()
    run = ssdlossdbg.capture(criterion, folder)
    weight = torch.nn.Parameter(torch.ones(1))
    for step in range(12):
        loc, conf = torch.randn(2, 8, 4) * weight, torch.randn(2, 8, 3) * weight
        targets = [torch.rand(1, 5), torch.rand(1, 5)]
        if rank == 1 and step == 5:
            targets[0][0, 0] = float("nan")
        loss = sum(criterion((loc, conf, torch.rand(8, 4)), targets))
        loss.backward()
        dist.all_reduce(weight.grad)  # as DistributedDataParallel does
        weight.grad = None
    run.close()
    dist.destroy_process_group()
"""


@pytest.mark.skipif(not torch.distributed.is_available(), reason="torch without distributed")
def test_the_rank_that_is_hit_tells_the_other(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT)]
    with Path(os.devnull).open("r+") as nowhere:
        words = [[*command, str(rank), str(port), str(tmp_path)] for rank in range(2)]
        ranks = [warm.Process(each, (nowhere, nowhere, nowhere)) for each in words]
    assert [rank.wait(120) for rank in ranks] == [0, 0]
    names = {file.name for file in tmp_path.glob("step*")}
    assert {f"step0000005.rank{rank}.safetensors" for rank in range(2)} <= names
    assert header(tmp_path / "step0000005.rank1.safetensors")["reason"] == "not finite"
    other = header(tmp_path / "step0000005.rank0.safetensors")
    assert (other["reason"], other["detail"], other["world"]) == ("another rank", "rank 1: not finite", 2)
    assert {"run.rank0.json", "run.rank1.json"} <= {file.name for file in tmp_path.glob("run*")}
    assert reasons(tmp_path)[11] == "exit"
