"""An object whose class the network rules out has a probability, 0; one without a positive has none."""

from __future__ import annotations

import torch

import ssdlossdbg


def test_a_probability_of_nothing_is_known() -> None:
    """Two objects want one prior, which is the second one's."""
    cells = torch.tensor([[0.25, 0.5, 0.5, 1.0], [0.75, 0.5, 0.5, 1.0]])
    conf = torch.tensor([[[0.0, -1e4, 1e4], [0.0, 0.0, 0.0]]])
    rows = [torch.tensor([[0.0, 0.0, 0.5, 0.9, 1.0], [0.0, 0.0, 0.5, 1.0, 0.0]])]
    predictions = {"loc": torch.zeros(1, 2, 4), "conf": conf, "priors": cells}
    found = {item.index: item for item in ssdlossdbg.loss(predictions, rows, device="cpu").ground_truth}
    assert [found[index].positives for index in (0, 1)] == [0, 1]
    assert (found[0].probability, found[0].own_probability) == (None, None)
    assert (found[1].probability, found[1].own_probability) == (1.0, 0.0)
