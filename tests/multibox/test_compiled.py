"""The loss core under torch.compile: on other devices than a CPU in one graph, everywhere with the same numbers."""

from __future__ import annotations

from types import ModuleType

import pytest
import torch
from torch import Tensor

from ssdlossdbg import MultiBoxLoss, generate_priors
from ssdlossdbg.multibox import threads, tiles
from ssdlossdbg.multibox.ground_truth import pad_ground_truth
from ssdlossdbg.multibox.loss import multibox_loss
from ssdlossdbg.readers.dialects import load_dialect


@pytest.mark.parametrize("name", ["ssd.pytorch", "chainercv"])
def test_one_graph_gives_the_same(name: str, reference: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "on_host", lambda tensor: False)  # noqa: ARG005
    monkeypatch.setattr(threads, "WORTH_SHARING", 0)  # or one thread would be asked for in between
    rules, batch = load_dialect(name), reference.random_batch(3, torch.float32)
    gt = pad_ground_truth(batch.boxes, batch.labels)

    def core(loc: Tensor, conf: Tensor) -> tuple[Tensor, Tensor]:
        specs = rules.match, rules.codec, rules.mining, rules.loss
        terms = multibox_loss(loc, conf, batch.priors, gt, *specs)
        return terms.localization, terms.confidence

    torch.compiler.reset()
    compiled = torch.compile(core, backend="eager", fullgraph=True)
    for scale in (1.0, 2.0):
        found, expected = compiled(scale * batch.loc, batch.conf), core(scale * batch.loc, batch.conf)
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


# Dynamo looks at the gradient of whatever it is given.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
@pytest.mark.parametrize("name", ["ssd.pytorch", "tf-object-detection"])
def test_a_compiled_criterion_on_a_cpu_trains_as_without(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a batch that several threads would share, whose work no graph can hold."""
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    rng = torch.Generator().manual_seed(0)
    low = torch.rand((2, 6, 2), generator=rng) * 0.6
    boxes = torch.cat((low, low + 0.1 + 0.2 * torch.rand((2, 6, 2), generator=rng)), -1)
    targets = [{"boxes": each, "labels": torch.randint(1, 21, (6,), generator=rng)} for each in boxes]
    priors = generate_priors("ssd300")
    loc = torch.randn((2, len(priors.boxes), 4), generator=rng)
    logits = torch.randn((2, len(priors.boxes), 21), generator=rng)
    assert logits.numel() > tiles.TILE_OF_LOGITS
    criterion = MultiBoxLoss(name, priors=priors, units="normalized", image_size=300)
    torch.compiler.reset()
    totals, gradients = list[Tensor](), list[Tensor]()
    for each in (torch.compile(criterion, backend="eager"), criterion):
        conf = logits.clone().requires_grad_()
        total = torch.stack(each(loc, conf, targets)).sum()
        totals.append(total.detach())
        gradients += torch.autograd.grad(total, conf)
    torch.testing.assert_close(*totals)
    torch.testing.assert_close(*gradients)
    assert float(gradients[1].abs().sum()) > 0.1
