"""Weights: the trainable parameters of a network, from a saved state dict."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from ssdlossdbg.errors import InputError
from ssdlossdbg.multibox.weight_decay import decayed
from ssdlossdbg.readers.saved.tensor_files import Saved, keys_of
from ssdlossdbg.rules import Dialect

# Where checkpoints keep the state dict among other things: Lightning, MMEngine; ssd.pytorch's forks.
NESTED = ("state_dict", "model_state_dict", "model")
EXPECTED = "Expected a state dict: torch.save(model.state_dict(), ...), each parameter a float tensor under its name."
# What frameworks save among the parameters though nothing trains it: statistics of batch normalisation (PyTorch,
# TensorFlow and Keras) and TensorFlow's slots of the optimiser.
BUFFERS = re.compile(r"(?:running_mean|running_var|moving_mean|moving_variance|/Momentum|/RMSProp(?:_1)?)(?::\d+)?$")


def decayed_weights(saved: Saved, dialect: Dialect) -> dict[str, Tensor]:
    """The trainable parameters of a network, some of which the dialect's weight decay is over.

    Args:
        saved: a state dict, or a checkpoint with one; as of `recognise_weights`.
        dialect: whose loss the decay is part of.

    Raises:
        InputError: no weights, or none that the decay is over.
    """
    weights, decay = recognise_weights(saved), dialect.weight_decay
    if not decayed(weights, decay):
        only, skip = (" or ".join(map(repr, texts)) for texts in (decay.only, decay.skip))
        which = " and ".join(
            [*([f"have {only} in their names"] if only else []), *([f"do not have {skip}"] if skip else [])]
        )
        what = f"holds no parameter that the weight decay of {dialect.name} is over, those that {which}"
        fix = "Other names are a matter of [weight_decay] in a dialect file of your own."
        raise InputError(saved.where, what, f"Its names: {keys_of(weights)}. {fix}")
    return weights


def recognise_weights(saved: Saved) -> dict[str, Tensor]:
    """The trainable parameters of a state dict, by name.

    What is saved among them but never trained is left out: running statistics, slots of the optimiser, and counters,
    which are integers.

    Args:
        saved: a mapping from names to tensors, or a checkpoint that holds one under `state_dict`, `model_state_dict`
            or `model`.

    Returns:
        Float tensors of any shape, on the CPU.

    Raises:
        InputError: something else.
    """
    value, where = saved.value, saved.where
    if not isinstance(value, Mapping):
        kind = f"one tensor of shape {list(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
        raise InputError(where, f"holds {kind}", EXPECTED)
    nested = next((key for key in NESTED if isinstance(value.get(key), Mapping)), None)
    if nested is not None:
        value, where = value[nested], f"{where}, {nested}"
    for name, item in value.items():
        if not isinstance(name, str):
            raise InputError(where, f"has the key {str(name)[:60]}, which is no name", EXPECTED)
        if not isinstance(item, Tensor):
            what = f"holds a {type(item).__name__} beside the keys {keys_of(value)}"
            raise InputError(f"{where}, {name[:60]}", what, EXPECTED)
    weights = {name: item for name, item in value.items() if item.is_floating_point() and not BUFFERS.search(name)}
    if not weights:
        raise InputError(where, f"holds no float parameter; its keys: {keys_of(value)}", EXPECTED)
    return weights
