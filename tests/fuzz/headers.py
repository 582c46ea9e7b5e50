"""Captured files, and what changes the header of a safetensors file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from random import Random

import msgspec
import numpy as np
from safetensors.torch import save
from torch import Tensor

from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.results.captured import HEADER_KEY, Captured, Recorded
from ssdlossdbg.results.history_rows import PARTS_KNOWN, TABLES, TOTAL_KNOWN
from tests.fuzz.mutators import SAVED_DTYPES, change, of_words


def history_file(name: str) -> bytes:
    """A file of a run's history: rows of sixty steps, every other of which was sampled, or the names of its images."""
    if name == "images":
        return b"".join(b'{"image": %d, "name": "%d.jpg"}\n' % (number, number) for number in range(4))
    table = next(each for each in TABLES if each.name == name)
    numbers = np.random.default_rng(len(name))
    rows = np.zeros(60, table.dtype)
    for field in rows.dtype.names or ():
        rows[field] = numbers.random(rows[field].shape) if rows[field].dtype.kind == "f" else 1
    rows["step"] = np.arange(60) // (1 if name == "steps" else 4)
    if name == "steps":
        rows["marks"] = TOTAL_KNOWN | PARTS_KNOWN
    if name == "groups":
        rows["kind"] = np.arange(60) % 4
    if name == "objects":
        rows["image"] = np.arange(60) % 4
    return table.head({"criterion": "MultiBoxLoss", "dialect": "caffe", "rank": 0, "world": 1}) + rows.tobytes()


def captured_file(step: int, tensors: Mapping[str, Tensor]) -> bytes:
    """A captured file of that step, of whose header every field says something."""
    header = Captured(
        step,
        "spike" if step == 1 else "every",
        detail="3 times the median",
        because=2,
        recorded=Recorded(1.5, 0.5, 1.0),
        precision=0.001,
        dialect="caffe",
        image_size=(64, 64),
        threshold=0.5,
        neg_pos=3.0,
        alpha=1.0,
        rules=msgspec.to_builtins(load_dialect("caffe")) if step == 1 else {},
        target_units="normalized",
        indices=(3, 4),
        names=("a.jpg", "b.jpg"),
        criterion="MultiBoxLoss",
        attributes={"threshold": 0.5, "priors": "Tensor"},
        epoch_time=1e9,
        lr=(0.001, 0.01),
        gradient_norm=2.0,
        gradient_norm_step=step,
        median=0.5,
        rank=0,
        world=2,
    )
    return save(dict(tensors), {HEADER_KEY: header.to_json()})


def of_header(rng: Random, data: bytes) -> bytes:
    """The header of a safetensors file, its length kept true; of a captured one mostly what it says of the batch."""
    length = int.from_bytes(data[:8], "little")
    header = data[8 : 8 + length]
    document = json.loads(header)
    said = document.get("__metadata__", {}).get(HEADER_KEY)
    if said is not None and rng.random() < 0.8:
        document["__metadata__"][HEADER_KEY] = json.dumps(change(rng, json.loads(said)))
        header = json.dumps(document).encode()
    else:
        header = re.sub(rb'"(F32|I64)"', lambda _: f'"{rng.choice(SAVED_DTYPES)}"'.encode(), header, count=1)
        if rng.random() < 0.5:
            header = of_words(rng, header)
    return len(header).to_bytes(8, "little") + header + data[8 + length :]
