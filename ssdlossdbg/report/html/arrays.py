"""Arrays as text that a page reads back: in the order of their columns, deflated, in base 64."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

# What a page knows how to read: JavaScript has no integers of 64 bits that are numbers.
KEPT = ("float32", "float64", "int32", "uint8")


def packed(array: NDArray[Any]) -> dict[str, Any]:
    """An array, `[N]` or `[N, K]`, as `arrays.js` unpacks it: column after column, which deflates far better.

    Floats keep their bits; half precision becomes float32, integers int32, truth values uint8.
    """
    name = array.dtype.name
    if name not in KEPT:
        name = "float32" if array.dtype.kind == "f" else "uint8" if array.dtype.kind == "b" else "int32"
    columns = np.ascontiguousarray(array.astype(np.dtype(name).newbyteorder("<"), copy=False).T)
    data = base64.b64encode(zlib.compress(columns.tobytes(), 6)).decode("ascii")
    return {"dtype": name, "columns": 1 if array.ndim == 1 else array.shape[1], "data": data}
