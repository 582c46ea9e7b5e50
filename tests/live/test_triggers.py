"""Which batches are saved, and what their files say."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import ssdlossdbg
from ssdlossdbg.live.spikes import ENOUGH, Spikes
from ssdlossdbg.results.captured import Recorded
from tests.live.conftest import Batches, MultiBoxLoss, header, reasons, steps


def train(criterion: nn.Module, batches: Batches, number: int, odd: int | None = None, scale: float = 1.0) -> None:
    optimiser = torch.optim.SGD([batches.weight], lr=1e-3)
    for step in range(number):
        targets = batches.targets()
        if step == odd and scale == 1.0:
            targets[1][0, 2] = targets[1][0, 0]  # no width
        predictions = batches.predictions(scale if step == odd else 1.0)
        loss = sum(criterion(predictions, targets))
        optimiser.zero_grad()
        loss.backward()
        batches.weight.grad = torch.ones(1)
        optimiser.step()


def test_the_first_batch_that_is_not_finite_is_saved_with_those_before_it(batches: Batches, tmp_path: Path) -> None:
    criterion = MultiBoxLoss()
    run = ssdlossdbg.capture(criterion, tmp_path / "run")
    train(criterion, batches, 12, odd=7)
    assert reasons(tmp_path / "run") == {5: "before", 6: "before", 7: "not finite"}
    said = header(tmp_path / "run/step0000007.safetensors")
    assert said["recorded"]["localization"] == "Infinity"
    assert said["recorded"]["total"] == "Infinity"
    assert header(tmp_path / "run/step0000006.safetensors")["because"] == 7
    run.close()
    assert steps(tmp_path / "run") == [5, 6, 7, 11]


def test_only_the_edge_counts(batches: Batches, tmp_path: Path) -> None:
    criterion = MultiBoxLoss()
    ssdlossdbg.capture(criterion, tmp_path, ring=1)
    with torch.no_grad():
        batches.weight.fill_(math.nan)
    train(criterion, batches, 5)
    assert steps(tmp_path) == [0]


def test_a_spike_is_saved_once_there_are_enough_losses(batches: Batches, tmp_path: Path) -> None:
    criterion = MultiBoxLoss()
    ssdlossdbg.capture(criterion, tmp_path, spike=2.0)
    train(criterion, batches, 30, odd=25, scale=12.0)
    assert reasons(tmp_path) == {23: "before", 24: "before", 25: "spike"}
    said = header(tmp_path / "step0000025.safetensors")
    assert said["recorded"]["total"] > 2 * said["median"]
    assert "against a median of" in said["detail"]


def test_spikes_need_a_history_and_a_jump_beyond_the_usual_noise() -> None:
    spikes = Spikes(2.0)
    for loss in (1.0, 9.0) * (ENOUGH // 2):
        assert spikes.judge(Recorded(loss)) == ("", "")
    assert spikes.median == 9.0
    assert spikes.judge(Recorded(20.0))[0] == ""  # within 6 deviations of losses as noisy as these
    assert spikes.judge(Recorded(200.0))[0] == "spike"
    assert spikes.judge(Recorded(300.0))[0] == ""  # the first of a row
    assert spikes.judge(Recorded(1.0))[0] == ""
    assert spikes.judge(Recorded(300.0))[0] == "spike"
    assert Spikes(0.0).judge(Recorded(1e9)) == ("", "")


def test_losses_that_stay_high_are_one_spike() -> None:
    spikes = Spikes(2.0)
    calm = [1.0 + 0.01 * (step % 7) for step in range(40)]
    high = [8.0 + 0.1 * (step % 5) for step in range(25)]
    judged = [spikes.judge(Recorded(loss))[0] for loss in (*calm, *high, *calm[:5], 8.0)]
    assert [step for step, reason in enumerate(judged) if reason] == [40, 70]
    early = Spikes(2.0)
    falling = [9.0 - 0.1 * step for step in range(20)]
    judged = [early.judge(Recorded(loss))[0] for loss in (*calm[:12], *falling)]
    assert [step for step, reason in enumerate(judged) if reason] == [12]


@pytest.mark.parametrize(
    ("number", "loss", "saved"), [(7, 1e6, False), (8, 5.1, True), (8, 4.9, False), (19, 2.2, True)]
)
def test_the_fewer_losses_there_are_the_further_out_one_must_lie(number: int, loss: float, saved: bool) -> None:
    spikes = Spikes(2.0)
    for step in range(number):
        spikes.judge(Recorded(1.0 - 1e-6 * step))
    assert (spikes.judge(Recorded(loss))[0] == "spike") is saved


def test_early_losses_must_be_the_highest_to_be_a_spike() -> None:
    spikes = Spikes(2.0)
    for loss in (9.0, 3.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0):
        spikes.judge(Recorded(loss))
    assert spikes.judge(Recorded(8.9))[0] == ""
    assert spikes.judge(Recorded(9.1))[0] == "spike"


def test_the_criterion_raises(batches: Batches, tmp_path: Path) -> None:
    criterion = MultiBoxLoss()
    ssdlossdbg.capture(criterion, tmp_path)
    train(criterion, batches, 2)
    empty = [torch.zeros((0, 5)), batches.targets()[1]]
    with pytest.raises(IndexError):
        criterion(batches.predictions(), empty)
    assert reasons(tmp_path) == {0: "before", 1: "before", 2: "raised"}
    said = header(tmp_path / "step0000002.safetensors")
    assert said["error"].startswith("IndexError")
    assert said["recorded"] == {"total": None, "localization": None, "confidence": None}
    assert load_file(tmp_path / "step0000002.safetensors")["targets_0"].shape == (0, 5)


def test_errors_are_ignored_where_asked_for(batches: Batches, tmp_path: Path) -> None:
    criterion = MultiBoxLoss()
    ssdlossdbg.capture(criterion, tmp_path / "run", on_error="ignore")
    with pytest.raises(IndexError):
        criterion(batches.predictions(), [torch.zeros((0, 5))] * 2)
    assert not (tmp_path / "run").exists()


def test_every_so_many_steps_thinned_where_the_folder_is_full(batches: Batches, tmp_path: Path) -> None:
    criterion = MultiBoxLoss()
    size = 2 * 2 * len(batches.priors) * 4 * 4 + 5000
    ssdlossdbg.capture(criterion, tmp_path, every=2, most_bytes=4 * size)
    train(criterion, batches, 20)
    kept = steps(tmp_path)
    assert kept[0] == 0
    assert len(kept) <= 4
    assert kept[-1] >= 8
    assert all(step % 4 == 0 for step in kept)
    assert sum(file.stat().st_size for file in tmp_path.glob("step*")) <= 4 * size


def test_a_full_folder_keeps_what_was_guilty(
    batches: Batches, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    criterion = MultiBoxLoss()
    ssdlossdbg.capture(criterion, tmp_path, ring=1, most_bytes=9000)
    train(criterion, batches, 3, odd=1)
    assert steps(tmp_path) == [1]
    with pytest.raises(IndexError):
        criterion(batches.predictions(), [torch.zeros((0, 5))] * 2)
    assert steps(tmp_path) == [1]
    assert "is full" in capsys.readouterr().err


def test_a_file_asks_for_the_batch_at_hand(batches: Batches, tmp_path: Path) -> None:
    criterion = MultiBoxLoss()
    ssdlossdbg.capture(criterion, tmp_path)
    (tmp_path / "CAPTURE").touch()
    train(criterion, batches, 1)
    assert reasons(tmp_path) == {0: "asked"}
    assert not (tmp_path / "CAPTURE").exists()


def test_the_last_batch_is_saved_at_the_end_and_on_ctrl_c(batches: Batches, tmp_path: Path) -> None:
    criterion = MultiBoxLoss()
    with ssdlossdbg.capture(criterion, tmp_path / "calm"):
        train(criterion, batches, 3)
    assert reasons(tmp_path / "calm") == {2: "exit"}
    with pytest.raises(KeyboardInterrupt), ssdlossdbg.capture(criterion, tmp_path / "stopped"):  # noqa: PT012
        train(criterion, batches, 3)
        raise KeyboardInterrupt
    assert reasons(tmp_path / "stopped") == {2: "interrupted"}


def test_nothing_under_no_grad_or_in_eval_mode_unless_asked_for(batches: Batches, tmp_path: Path) -> None:
    criterion = MultiBoxLoss()
    with ssdlossdbg.capture(criterion, tmp_path / "run"):
        train(criterion, batches, 1)
        with torch.no_grad():
            criterion(batches.predictions(), batches.targets())
        criterion.eval()
        criterion(batches.predictions(), batches.targets())
        criterion.train()
    assert reasons(tmp_path / "run") == {0: "exit"}
    with ssdlossdbg.capture(criterion, tmp_path / "both", validation=True), torch.no_grad():
        criterion(batches.predictions(), batches.targets())
    assert header(tmp_path / "both/step0000000.safetensors")["validation"] is True


def test_what_the_header_says(batches: Batches, tmp_path: Path) -> None:
    criterion = MultiBoxLoss()
    criterion.threshold = 0.4
    ssdlossdbg.capture(criterion, tmp_path, every=1)
    train(criterion, batches, 2)
    said = header(tmp_path / "step0000001.safetensors")
    assert (said["step"], said["dialect"], said["threshold"], said["neg_pos"]) == (1, "ssd.pytorch", 0.4, 3.0)
    assert said["criterion"].endswith(".MultiBoxLoss")
    assert said["attributes"]["variance"] == [0.1, 0.2]
    assert said["lr"] == [1e-3]
    assert (said["gradient_norm"], said["gradient_norm_step"]) == (1.0, 0)
    assert math.isclose(said["recorded"]["total"], said["recorded"]["localization"] + said["recorded"]["confidence"])
    listed = json.loads((tmp_path / "run.json").read_text())
    assert [each["step"] for each in listed["batches"]] == [0, 1]
    assert set(load_file(tmp_path / "step0000001.safetensors")) == {"loc", "conf", "priors", "targets_0", "targets_1"}


def test_what_was_changed_in_place_is_said_to_be_lost(
    batches: Batches, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    criterion = MultiBoxLoss()
    run = ssdlossdbg.capture(criterion, tmp_path)
    loc, conf, priors = batches.predictions()
    criterion((loc, conf, priors), batches.targets())
    with torch.no_grad():
        conf.zero_()
    run.close()
    assert not steps(tmp_path)
    assert "step 0 is lost: conf changed in place" in capsys.readouterr().err
    with ssdlossdbg.capture(criterion, tmp_path, copy=True):
        loc, conf, priors = batches.predictions()
        criterion((loc, conf, priors), batches.targets())
        before = conf.detach().clone()
        with torch.no_grad():
            conf.zero_()
    assert torch.equal(load_file(tmp_path / "step0000000.safetensors")["conf"], before)


class Graphed(nn.Module):
    """A network whose outputs stand in the same memory at each step, as those of a CUDA graph: nothing counts that."""

    def __init__(self, batches: Batches) -> None:
        super().__init__()
        self.batches = batches
        self.places = [torch.zeros_like(part) for part in batches.predictions()[:2]]

    def forward(self) -> tuple[torch.Tensor, ...]:
        """(loc, conf, priors)."""
        *fresh, priors = self.batches.predictions()
        for place, tensor in zip(self.places, fresh, strict=True):
            place.data.copy_(tensor)  # as a replay does: the version stays
        shown = [Replayed.apply(place, self.batches.weight) for place in self.places]  # type: ignore[no-untyped-call]
        return *shown, priors


class Replayed(torch.autograd.Function):
    """What `torch.cuda.make_graphed_callables` hands on: a new tensor on the old memory, that has a gradient."""

    @staticmethod
    def forward(_: object, place: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """The place itself."""
        del weight
        return place.detach()

    @staticmethod
    def backward(_: object, *gradients: torch.Tensor) -> tuple[None, torch.Tensor]:
        """To the weight."""
        return None, gradients[0].sum().reshape(1)


def test_outputs_of_graphs_are_copied_from_the_second_step_on(
    batches: Batches, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    criterion, network = MultiBoxLoss(), Graphed(batches)
    run = ssdlossdbg.capture(criterion, tmp_path, ring=3)
    seen = []
    for step in range(4):
        predictions, targets = network(), batches.targets()
        seen.append(predictions[0].detach().clone())
        if step == 3:
            targets[1][0, 2] = targets[1][0, 0]  # no width
        sum(criterion(predictions, targets)).backward()
    run.close()
    said = [line for line in capsys.readouterr().err.splitlines() if "as by CUDA graphs" in line]
    assert len(said) == 1
    assert "of those of step 0" in said[0]
    assert steps(tmp_path) == [1, 2, 3]
    for step in (1, 2, 3):
        assert torch.equal(load_file(tmp_path / f"step{step:07d}.safetensors")["loc"], seen[step])


def test_a_batch_that_a_graph_overwrote_is_not_saved_as_if_it_were_sound(
    batches: Batches, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    criterion, network = MultiBoxLoss(), Graphed(batches)
    run = ssdlossdbg.capture(criterion, tmp_path)
    criterion(network(), batches.targets())
    targets = batches.targets()
    targets[1][0, 2] = targets[1][0, 0]
    criterion(network(), targets)
    run.close()
    assert reasons(tmp_path) == {1: "not finite"}
    assert "step 0 is lost" in capsys.readouterr().err


def test_the_same_predictions_under_two_losses_are_no_graphs(
    batches: Batches, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    criterion = MultiBoxLoss()
    run = ssdlossdbg.capture(criterion, tmp_path)
    constant = tuple(part.detach() for part in batches.predictions())
    for predictions in (batches.predictions(), batches.predictions()):
        for _ in range(2):
            criterion(predictions, batches.targets())
            criterion(constant, batches.targets())
    assert all(not held.overwritten for held in run._recorder._ring)
    run.close()
    assert "CUDA" not in capsys.readouterr().err


def test_batches_that_are_lost_are_said_once_and_counted(
    batches: Batches, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A training that overwrites its predictions after each step, until the loss is nan, and then goes on."""
    criterion = MultiBoxLoss()
    run = ssdlossdbg.capture(criterion, tmp_path)
    for scale in (1, 1, 1, math.nan):
        loc, conf, priors = batches.predictions(scale)
        criterion((loc, conf, priors), batches.targets())
        if scale == 1:
            with torch.no_grad():
                loc.zero_()
    said = [line for line in capsys.readouterr().err.splitlines() if "are lost" in line]
    assert len(said) == 1
    assert "2 batches of steps 1 to 2 are lost: loc changed in place" in said[0]
    loc, conf, priors = batches.predictions()
    criterion((loc, conf, priors), batches.targets())
    with torch.no_grad():
        conf.zero_()
    run.close()
    said = [line for line in capsys.readouterr().err.splitlines() if "are lost" in line]
    assert len(said) == 1
    assert "3 batches of steps 1 to 4 are lost in all: " in said[0]
    notes = json.loads((tmp_path / "run.json").read_text())["notes"]
    assert sum("is lost: conf changed" in note for note in notes) == 1
    assert sum("is lost: loc changed" in note for note in notes) == 2


def test_memory_is_the_ring_and_nothing_is_copied(batches: Batches, tmp_path: Path) -> None:
    criterion = MultiBoxLoss()
    run = ssdlossdbg.capture(criterion, tmp_path, ring=2)
    shown = [batches.predictions() for _ in range(4)]
    for predictions in shown:
        criterion(predictions, batches.targets())
    held = list(run._recorder._ring)
    assert [each.step for each in held] == [2, 3]
    assert [each.tensors["loc"].data_ptr() for each in held] == [loc.data_ptr() for loc, _, _ in shown[2:]]
    assert not any(tensor.requires_grad for each in held for tensor in each.tensors.values())


def test_values_that_come_late_are_judged_late(
    batches: Batches, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on CUDA, where a value is there some steps after its batch."""
    ready: list[bool] = [False]
    monkeypatch.setattr("ssdlossdbg.live.held.Readout.ready", property(lambda _: ready[0]))
    criterion = MultiBoxLoss()
    ssdlossdbg.capture(criterion, tmp_path)
    train(criterion, batches, 3, odd=1)
    assert not steps(tmp_path)
    ready[0] = True
    train(criterion, batches, 1)
    assert reasons(tmp_path)[1] == "not finite"


def test_the_loss_is_the_one_that_was_returned_whatever_becomes_of_it(batches: Batches, tmp_path: Path) -> None:
    criterion = MultiBoxLoss()
    with ssdlossdbg.capture(criterion, tmp_path):
        parts = criterion(batches.predictions(), batches.targets())
        said = [float(part.detach()) for part in parts]
        with torch.no_grad():
            parts[0].div_(4)  # as for gradients that are accumulated
    recorded = header(tmp_path / "step0000000.safetensors")["recorded"]
    assert [recorded["localization"], recorded["confidence"]] == said
