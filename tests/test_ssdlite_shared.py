"""The forced priors of torchvision's SSDLite320 on 364 annotated photos, where these lie beside the repository.

The corners of the priors, the resizing of boxes and their overlaps are written out as torchvision has them.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET  # of files that lie beside ours

import pytest
import torch
from torch import Tensor

from ssdlossdbg import api
from ssdlossdbg.results import Objects
from tests.multibox.test_rounding import SSDLITE, best_priors

BCCD = Path(__file__).parents[2] / "shared" / "data" / "bccd" / "Annotations"
pytestmark = pytest.mark.skipif(not BCCD.is_dir(), reason=f"no photos of blood cells in {BCCD}")
SIDE = 320


def resized(file: Path) -> Tensor:
    """`[n, 4]` float32 boxes of a file in an input of 320, as GeneralizedRCNNTransform's resize_boxes makes them."""
    root = ET.parse(file).getroot()
    sizes = [float(root.findtext(f"size/{tag}", "0")) for tag in ("width", "height")]
    ratios = [torch.tensor(SIDE, dtype=torch.float32) / torch.tensor(size, dtype=torch.float32) for size in sizes]
    corners = [
        [float(box.findtext(tag, "nan")) for tag in ("xmin", "ymin", "xmax", "ymax")] for box in root.iter("bndbox")
    ]
    boxes = torch.tensor(corners, dtype=torch.float32).reshape(-1, 4)
    return boxes * torch.stack((*ratios, *ratios))


def test_forced_priors_of_ssdlite320_on_all_of_bccd() -> None:
    result = api.audit(BCCD, "torchvision-ssdlite320", dialect="torchvision", device="cpu")
    (objects,) = (part for part in result.evidence if isinstance(part, Objects))
    assert len(objects.images) == 364
    priors = torch.from_numpy(SSDLITE)
    files = sorted(BCCD.glob("*.xml"))
    wanted = {str(file): best_priors(resized(file), priors).tolist() for file in files}
    found: dict[str, list[int]] = {str(file): [] for file in files}
    for row, image in enumerate(objects.image.tolist()):
        found[objects.images[image].file].append(int(objects.best_prior[row]))
    sound = {str(file) for file in files if bool((resized(file)[:, 2:] > resized(file)[:, :2]).all())}
    differing = [file for file in sorted(sound) if found[file] != wanted[file]]
    assert not differing
    assert sum(len(found[file]) for file in sound) > 4_800
