"""Weights: the trainable parameters of a network, from a saved state dict."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.tensors import keys_of, load_tensors

# Where checkpoints keep the state dict among other things: Lightning, MMEngine; ssd.pytorch's forks.
NESTED = ("state_dict", "model_state_dict", "model")
EXPECTED = "Expected a state dict: torch.save(model.state_dict(), ...), each parameter a float tensor under its name."
# What frameworks save among the parameters though nothing trains it: statistics of batch normalisation (PyTorch,
# TensorFlow and Keras) and TensorFlow's slots of the optimiser.
BUFFERS = re.compile(r"(?:running_mean|running_var|moving_mean|moving_variance|/Momentum|/RMSProp(?:_1)?)(?::\d+)?$")


def load_weights(path: Path) -> dict[str, Tensor]:
    """The trainable parameters of a state dict, by name.

    What is saved among them but never trained is left out: running statistics, slots of the optimiser, and counters,
    which are integers.

    Args:
        path: `.pt`, `.pth`, `.safetensors` or `.npz` with a mapping from names to tensors, or a checkpoint that holds
            one under `state_dict`, `model_state_dict` or `model`.

    Returns:
        Float tensors of any shape, on the CPU.

    Raises:
        InputError: the file cannot be loaded, or holds something else.
    """
    saved, where = load_tensors(path), str(path)
    if not isinstance(saved, Mapping):
        kind = f"one tensor of shape {list(saved.shape)}" if isinstance(saved, Tensor) else f"a {type(saved).__name__}"
        raise InputError(where, f"holds {kind}", EXPECTED)
    nested = next((key for key in NESTED if isinstance(saved.get(key), Mapping)), None)
    if nested is not None:
        saved, where = saved[nested], f"{path}, {nested}"
    for name, value in saved.items():
        if not isinstance(name, str):
            raise InputError(where, f"has the key {str(name)[:60]}, which is no name", EXPECTED)
        if not isinstance(value, Tensor):
            what = f"holds a {type(value).__name__} beside the keys {keys_of(saved)}"
            raise InputError(f"{where}, {name[:60]}", what, EXPECTED)
    weights = {name: value for name, value in saved.items() if value.is_floating_point() and not BUFFERS.search(name)}
    if not weights:
        raise InputError(where, f"holds no float parameter; its keys: {keys_of(saved)}", EXPECTED)
    return weights
