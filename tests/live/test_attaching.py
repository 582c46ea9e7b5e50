"""A criterion that is looked at behaves as before, and so do its copies; what is detached leaves no trace."""

from __future__ import annotations

import copy
import io
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.optim.optimizer import _global_optimizer_pre_hooks

import ssdlossdbg
from ssdlossdbg.errors import InputError
from tests.live.conftest import Batches, MultiBoxLoss, header, reasons, steps


def state(module: nn.Module) -> dict[str, Any]:
    return {name: copy.copy(value) for name, value in vars(module).items()}


def test_all_is_as_before_once_it_is_closed(batches: Batches, tmp_path: Path) -> None:
    criterion, before_hooks = MultiBoxLoss(), len(_global_optimizer_pre_hooks)
    before = state(criterion)
    loader: Any = torch.utils.data.DataLoader(range(4), 2)  # type: ignore[arg-type]
    loader_before = dict(vars(loader))
    run = ssdlossdbg.capture(criterion, tmp_path, loader=loader)
    assert state(criterion) != before
    criterion(batches.predictions(), batches.targets())
    run.close()
    run.close()
    assert state(criterion) == before
    assert vars(loader) == loader_before
    assert len(_global_optimizer_pre_hooks) == before_hooks
    criterion(batches.predictions(), batches.targets())
    assert steps(tmp_path) == [0]


def test_a_second_capture_takes_the_place_of_the_first(batches: Batches, tmp_path: Path) -> None:
    criterion = MultiBoxLoss()
    ssdlossdbg.capture(criterion, tmp_path / "one")
    ssdlossdbg.capture(criterion, tmp_path / "two", every=1)
    assert len(criterion._forward_hooks) == 1
    criterion(batches.predictions(), batches.targets())
    assert steps(tmp_path / "two") == [0]
    assert not (tmp_path / "one").exists()


def test_what_an_earlier_run_left_is_put_aside(batches: Batches, tmp_path: Path) -> None:
    criterion = MultiBoxLoss()
    for _ in range(3):
        with ssdlossdbg.capture(criterion, tmp_path):
            criterion(batches.predictions(), batches.targets())
    assert steps(tmp_path) == steps(tmp_path / "earlier-1") == steps(tmp_path / "earlier-2") == [0]
    assert (tmp_path / "earlier-2/run.json").exists()


@pytest.mark.parametrize("way", ["deepcopy", "saved", "averaged"])
def test_copies_are_not_looked_at(batches: Batches, tmp_path: Path, way: str) -> None:
    model = nn.ModuleDict({"criterion": MultiBoxLoss()})
    ssdlossdbg.capture(model["criterion"], tmp_path, every=1)
    if way == "saved":
        file = io.BytesIO()
        torch.save(model, file)
        assert b"ssdlossdbg.live" not in file.getvalue()
        file.seek(0)
        twin = torch.load(file, weights_only=False)
    else:
        twin = copy.deepcopy(model) if way == "deepcopy" else torch.optim.swa_utils.AveragedModel(model).module
    predictions, targets = batches.predictions(), batches.targets()
    said = twin["criterion"](predictions, targets)
    assert not steps(tmp_path)
    assert said == model["criterion"](predictions, targets)
    assert steps(tmp_path) == [0]


@pytest.mark.filterwarnings("ignore")  # of torch's own, where it looks at tensors
def test_a_compiled_criterion_has_no_graph_break(batches: Batches, tmp_path: Path) -> None:
    class Small(nn.Module):
        def forward(self, predictions: Any, targets: Any) -> tuple[Tensor, Tensor]:
            loc, conf, _ = predictions
            return loc.square().mean() + targets[0].sum(), conf.square().mean()

    compiled = torch.compile(Small(), backend="eager", fullgraph=True)
    with ssdlossdbg.capture(compiled, tmp_path / "outer", every=1):
        compiled(batches.predictions(), batches.targets())
        compiled(batches.predictions(), batches.targets())
    assert steps(tmp_path / "outer") == [0, 1]
    assert header(tmp_path / "outer/step0000000.safetensors")["criterion"].endswith("Small (compiled)")


def test_a_criterion_that_is_compiled_afterwards_is_said_not_to_be_seen(
    batches: Batches, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    criterion = MultiBoxLoss()
    with ssdlossdbg.capture(criterion, tmp_path / "run"):
        criterion.forward(batches.predictions(), batches.targets())
    assert "was never called: attach to the compiled object" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_threads_of_data_parallel_do_not_mix(tmp_path: Path) -> None:
    class Slow(nn.Module):
        def forward(self, predictions: Any, targets: Any) -> Any:
            barrier.wait(10)
            return predictions[0].mean() + 0 * targets[0].sum()

    barrier = threading.Barrier(2)
    criterion: Any = Slow()
    ssdlossdbg.capture(criterion, tmp_path, every=1, ring=4)
    replicas = [criterion._replicate_for_data_parallel() for _ in range(2)]

    def call(replica: nn.Module, number: float) -> None:
        loc = torch.full((1, 8, 4), number, requires_grad=True)
        replica((loc, torch.zeros(1, 8, 3), torch.rand(16, 4)), [torch.zeros(1, 5)])

    threads = [threading.Thread(target=call, args=each) for each in zip(replicas, (1.0, 2.0), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for file in tmp_path.glob("step*"):
        assert header(file)["recorded"]["total"] == float(load_file(file)["loc"].mean())
        assert load_file(file)["priors"].shape == (8, 4)  # cut where DataParallel gathered one from each device
    assert steps(tmp_path) == [0, 1]


def test_a_function(batches: Batches, tmp_path: Path) -> None:
    def loss_of(predictions: Any, targets: Any) -> tuple[Tensor, Tensor]:
        """Both parts."""
        said: tuple[Tensor, Tensor] = MultiBoxLoss()(predictions, targets)
        return said

    captured: Any = ssdlossdbg.capture(loss_of, tmp_path / "a")
    assert captured.__name__ == "loss_of"
    predictions, targets = batches.predictions(), batches.targets()
    assert captured(predictions, targets) == loss_of(predictions, targets)
    assert copy.deepcopy(captured) is loss_of
    again: Any = ssdlossdbg.capture(captured, tmp_path / "b")
    assert reasons(tmp_path / "a") == {0: "exit"}
    with pytest.raises(IndexError):
        again(predictions, [torch.zeros((0, 5))] * 2)
    assert reasons(tmp_path / "b") == {0: "raised"}


def test_a_module_that_never_called_its_own_init(batches: Batches, tmp_path: Path) -> None:
    class Bare(nn.Module):
        def __init__(self) -> None:
            self.neg_pos_ratio = 3.0

        def forward(self, predictions: Any, targets: Any) -> Any:
            return predictions[0].mean() + 0 * targets[0].sum()

    criterion = Bare()
    with ssdlossdbg.capture(criterion, tmp_path, every=1):
        criterion.forward(batches.predictions(), batches.targets())
        twin = copy.deepcopy(criterion)
        twin.forward(batches.predictions(), batches.targets())
    assert steps(tmp_path) == [0]
    assert vars(criterion) == {"neg_pos_ratio": 3.0}


def test_gradient_accumulation_and_mixed_precision(batches: Batches, tmp_path: Path) -> None:
    criterion = MultiBoxLoss()
    ssdlossdbg.capture(criterion, tmp_path, every=1)
    optimiser = torch.optim.SGD([batches.weight], lr=1e-3)
    for step in range(4):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loc, conf, priors = batches.predictions()
            loss: Any = sum(criterion((loc.bfloat16(), conf.bfloat16(), priors), batches.targets()))
        loss.backward()
        if step % 2:
            optimiser.step()
    assert steps(tmp_path) == [0, 1, 2, 3]
    result = ssdlossdbg.loss(tmp_path / "step0000003.safetensors")
    assert result.dtype == "bfloat16"
    assert "REC001" not in [finding.code for finding in result.findings]


def test_failures_of_its_own_never_reach_the_training(
    batches: Batches, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    criterion = MultiBoxLoss()

    def adapter(*_: Any) -> dict[str, Any]:
        raise ZeroDivisionError("of the adapter")

    ssdlossdbg.capture(criterion, tmp_path / "run", adapter=adapter)
    for _ in range(5):
        criterion(batches.predictions(), batches.targets())
    said = capsys.readouterr().err
    assert said.count("of the adapter") == 3
    assert said.count("stands aside") == 1
    assert not (tmp_path / "run").exists()


def test_a_folder_that_cannot_be_written_stops_nothing(
    batches: Batches, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run").write_text("a file")
    criterion = MultiBoxLoss()
    with ssdlossdbg.capture(criterion, tmp_path / "run", every=1):
        for _ in range(5):
            criterion(batches.predictions(), batches.targets())
    assert "stands aside" in capsys.readouterr().err
    assert (tmp_path / "run").read_text() == "a file"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"spike": 0.5}, "spike: is 0.5"),
        ({"ring": 0}, "ring: is 0"),
        ({"every": -1}, "every: is -1"),
        ({"on_error": "stop"}, "on_error: is 'stop'"),
    ],
)
def test_options_that_mean_nothing(asked: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        ssdlossdbg.capture(MultiBoxLoss(), tmp_path, **asked)
    with pytest.raises(InputError, match="cannot be called"):
        ssdlossdbg.capture(3, tmp_path)
