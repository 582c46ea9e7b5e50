"""Several processes that audit one dataset together."""

from __future__ import annotations

import json
import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ssdlossdbg.analysis.audit import together
from ssdlossdbg.cli.app import app
from ssdlossdbg.errors import LostRankError
from tests import warm

SAMPLE = Path(__file__).parents[3] / "sample_data"
AUDIT = ("audit", str(SAMPLE), "--format", "json", "--fail-on", "never", "--device", "cpu")
MORE = (*AUDIT, "--augment", "2", "--seed", "5")  # reported beside what is without
SECONDS = 120
NEXT = "--- next ---"
# What each of the processes does: in the end, one joins the other and is gone before it has done its share.
COMMANDS = """
import json, os, sys
from ssdlossdbg.analysis.audit import together
from ssdlossdbg.cli.process import run

for port, *words in json.loads(sys.argv[1]):
    os.environ["MASTER_PORT"] = port
    if words == ["desert"]:
        with together():
            os._exit(7)
    sys.argv = ["ssdlossdbg", *words]
    print(run(), end="--- next ---", flush=True)
    print(end="--- next ---", file=sys.stderr, flush=True)
"""


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@dataclass(frozen=True)
class Ended:
    """What one of two processes printed of each command after the other, and its exit code."""

    out: list[str]
    err: list[str]
    code: int


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[Ended]:
    """Two processes as torchrun starts them: no such folder, an audit, and one that one of them leaves."""
    ports, folder = [free_port() for _ in range(3)], tmp_path_factory.mktemp("ranks")
    children = []
    for rank, last in enumerate((AUDIT, ("desert",))):
        place = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
        words = [[port, *each] for port, each in zip(ports, (("audit", "nowhere"), MORE, last), strict=True)]
        command = [sys.executable, "-c", COMMANDS, json.dumps(words)]
        said = folder / f"out{rank}", folder / f"err{rank}"
        with Path(os.devnull).open() as nothing, said[0].open("w") as prints, said[1].open("w") as says:
            children.append((warm.Process(command, (nothing, prints, says), env={**os.environ, **place}), said))
    ended = []
    for child, said in children:
        code = child.wait(SECONDS)
        out, err = (stream.read_text(encoding="utf-8").split(NEXT) for stream in said)
        ended.append(Ended(out, err, code))
    return ended


def test_two_ranks_report_what_one_process_does(ranks: list[Ended]) -> None:
    alone = CliRunner().invoke(app, MORE)
    assert json.loads(alone.stdout)["totals"]["ground_truth"] > 0
    assert ranks[0].out[1] == f"{alone.stdout}0"
    assert ranks[1].out[1] == "0", "rank 0 reports, and the other one says nothing"


def test_a_rank_that_dies_ends_the_other_with_a_clear_error(ranks: list[Ended]) -> None:
    first, second = ranks
    assert (first.out[2], second.code) == ("2", 7)
    assert "rank 0: lost another process of this audit" in first.err[2]
    assert "Traceback" not in first.err[2]


def test_one_error_message_for_all_ranks(ranks: list[Ended]) -> None:
    assert [rank.out[0] for rank in ranks] == ["2", "2"]
    assert "nowhere" in ranks[0].err[0]
    assert ranks[1].err[0] == ""


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
