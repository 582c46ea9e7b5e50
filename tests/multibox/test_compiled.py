"""The loss core under torch.compile, as other devices than a CPU run it: in one graph, with the same numbers."""

from __future__ import annotations

from types import ModuleType

import pytest
import torch
from torch import Tensor

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
