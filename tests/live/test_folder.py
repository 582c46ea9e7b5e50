"""Files are written whole or not at all, whatever happens meanwhile."""

from __future__ import annotations

import os
import signal
import sys
import textwrap
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import ssdlossdbg
from ssdlossdbg.live.folder import RunFolder
from ssdlossdbg.results.captured import Captured
from tests import warm
from tests.live.conftest import Batches, MultiBoxLoss, steps


def test_files_have_the_mode_of_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        file = RunFolder(tmp_path / "run", 10**9).save({"loc": torch.zeros(1, 2, 4)}, Captured(3, "exit"))
    finally:
        os.umask(before)
    assert file.name == "step0000003.safetensors"
    assert file.stat().st_mode & 0o777 == 0o640


def test_a_full_disk_leaves_nothing_half_written(
    batches: Batches, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    criterion = MultiBoxLoss()
    with ssdlossdbg.capture(criterion, tmp_path, every=1):
        monkeypatch.setattr("os.fsync", full)
        criterion(batches.predictions(), batches.targets())
        assert list(tmp_path.iterdir()) == []
        monkeypatch.undo()
        criterion(batches.predictions(), batches.targets())
    assert steps(tmp_path) == [1]
    assert "No space left on device" in capsys.readouterr().err


def test_tensors_that_share_memory_or_are_parts_of_others(tmp_path: Path) -> None:
    whole = torch.arange(24.0).reshape(1, 6, 4)
    tensors = {"loc": whole[:, ::2], "conf": whole, "again": whole, "turned": whole.mT}
    file = RunFolder(tmp_path, 10**9).save(tensors, Captured(0, "exit"))
    saved = load_file(file)
    assert all(torch.equal(saved[key], tensor) for key, tensor in tensors.items())


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_killed_while_saving(tmp_path: Path) -> None:
    script = """
        import sys, torch
        from pathlib import Path
        from ssdlossdbg.live.folder import RunFolder
        from ssdlossdbg.results.captured import Captured
        folder = RunFolder(Path(sys.argv[1]), 10**12)
        tensors = {"loc": torch.zeros(8, 8732, 4)}
        for step in range(10**6):
            folder.save(tensors, Captured(step % 5, "every"))
            print(step, flush=True)
    """
    reads, writes = (os.fdopen(end, mode) for end, mode in zip(os.pipe(), "rw", strict=True))
    process = warm.Process([sys.executable, "-c", textwrap.dedent(script), str(tmp_path)], (reads, writes, writes))
    writes.close()
    with reads:
        reads.readline()
        time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    found = list(tmp_path.glob("step*.safetensors"))
    assert found
    for file in found:
        assert load_file(file)["loc"].shape == (8, 8732, 4)
