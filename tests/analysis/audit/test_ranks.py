"""Several processes that audit one dataset together."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ssdlossdbg.analysis.audit import together
from ssdlossdbg.errors import LostRankError

SAMPLE = Path(__file__).parents[3] / "sample_data"
AUDIT = ("-m", "ssdlossdbg", "audit", str(SAMPLE), "--format", "json", "--fail-on", "never", "--device", "cpu")
SECONDS = 120
# A process that joins the others, and is gone before it has done its share.
DESERTER = """
from ssdlossdbg.analysis.audit import together
with together() as ranks:
    import os; os._exit(7)
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(rank: int, port: int, *words: str) -> subprocess.Popen[str]:
    """One of two processes, as torchrun starts them."""
    place = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2"}
    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    return subprocess.Popen(
        [sys.executable, *words],
        env={**os.environ, **place, **address},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_ranks_report_what_one_process_does() -> None:
    more = ("--augment", "2", "--seed", "5")  # reported beside what is without
    alone = subprocess.run([sys.executable, *AUDIT, *more], capture_output=True, text=True, timeout=SECONDS, check=True)
    torchrun = ("-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", str(free_port()))
    both = subprocess.run(
        [sys.executable, *torchrun, *AUDIT, *more], capture_output=True, text=True, timeout=SECONDS, check=True
    )
    assert json.loads(alone.stdout)["totals"]["ground_truth"] > 0
    assert both.stdout == alone.stdout, "rank 0 reports, and the other one says nothing"


def test_a_rank_that_dies_ends_the_other_with_a_clear_error() -> None:
    port = free_port()
    first, second = start(0, port, *AUDIT), start(1, port, "-c", DESERTER)
    _, error = first.communicate(timeout=SECONDS)
    second.communicate(timeout=SECONDS)
    assert (first.returncode, second.returncode) == (2, 7)
    assert "rank 0: lost another process of this audit" in error
    assert "Traceback" not in error


def test_one_error_message_for_all_ranks() -> None:
    port = free_port()
    ranks = [start(rank, port, "-m", "ssdlossdbg", "audit", "nowhere") for rank in (0, 1)]
    errors = [process.communicate(timeout=SECONDS)[1] for process in ranks]
    assert [process.returncode for process in ranks] == [2, 2]
    assert "nowhere" in errors[0]
    assert errors[1] == ""


@pytest.mark.parametrize("others", [{"WORLD_SIZE": "4"}, {"WORLD_SIZE": "all", "RANK": "0"}, {"WORLD_SIZE": "1"}])
def test_variables_that_torchrun_did_not_set_start_nothing(
    others: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER_ADDR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in others.items():
        monkeypatch.setenv(name, value)
    with together() as ranks:
        assert (ranks.rank, ranks.count) == (0, 1)


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ({"MASTER_PORT": "99999999"}, r"rank 0: cannot meet the other processes .*99999999.* unset WORLD_SIZE"),
        ({"MASTER_PORT": "http"}, r"rank 0: cannot meet the other processes .*http"),
        ({}, r"rank 0: cannot meet the other processes .*MASTER_PORT"),
        ({"RANK": "2", "MASTER_PORT": "29500"}, r"RANK: 2 is none of the 2 processes that WORLD_SIZE says"),
    ],
)
def test_variables_that_make_no_sense(others: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MASTER_PORT", raising=False)
    for name, value in {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", **others}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(LostRankError, match=said), together():
        pass
