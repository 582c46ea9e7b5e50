"""Trains the two small networks whose outputs are in `learnt.npz`: run it to make that file again (some minutes).

Each is a few convolutions over the photographs of `sample_data`, with SSD's heads, matching, mining and loss. What
they say is saved twice, half-trained and converged, beside what they say of photos that they never saw. The tests of
the hypotheses about a batch break these outputs in one way each.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from xml.etree.ElementTree import parse  # of our own files

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from ssdlossdbg.multibox.codec import encode
from ssdlossdbg.multibox.ground_truth import pad_ground_truth
from ssdlossdbg.multibox.matching import match
from ssdlossdbg.multibox.priors import generate_priors
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.rules import LevelSpec, PriorSpec

HERE = Path(__file__).parent
# What is added to photos that the networks are asked about, which they know too well.
NOISE = 0.12
PHOTOS = HERE.parents[1] / "sample_data"
CLASSES = ("cat", "coin", "cup", "emblem", "person", "spoon")
# Parts of the photos, (photo, x1, y1, x2, y2) as fractions, mirrored or not: six to learn from, and four others.
SEEN = (
    ("cat", 0, 0, 1, 1, False),
    ("coffee", 0, 0, 1, 1, False),
    ("coins", 0, 0, 1, 1, False),
    ("astronaut", 0, 0, 1, 1, False),
    ("coins", 0.3, 0.35, 1, 1, False),
    ("coffee", 0.2, 0, 1, 0.9, True),
)
UNSEEN = (
    ("cat", 0, 0.1, 0.9, 1, True),
    ("coins", 0, 0, 0.6, 0.6, True),
    ("coffee", 0, 0.05, 0.9, 1, True),
    ("astronaut", 0.1, 0, 1, 1, True),
)


@dataclass(frozen=True)
class Recipe:
    """A network: its name, input (width, height), logit columns, the sides of its squares a level, updates a stage."""

    name: str
    size: tuple[int, int]
    columns: int
    sides: tuple[tuple[float, float], ...]
    stages: tuple[int, int]


RECIPES = (
    Recipe("seven", (128, 128), 7, ((14, 20), (28, 40), (56, 75), (105, 120)), (14, 150)),
    Recipe("two", (160, 96), 2, ((13, 18), (26, 36), (52, 70)), (12, 60)),
)


def grid(recipe: Recipe) -> PriorSpec:
    """Two squares, a wide and a tall shape in every cell of a level."""
    levels, (width, height) = [], recipe.size
    for step, (side, larger) in zip((8, 16, 32, 64), recipe.sides, strict=False):
        long, short = side * 2**0.5, side / 2**0.5
        shapes = ((side, side), (larger, larger), (long, short), (short, long))
        levels.append(LevelSpec((width // step, height // step), (float(step), float(step)), shapes))
    return PriorSpec(image_size=recipe.size, levels=tuple(levels))


def scene(part: tuple[str, float, float, float, float, bool], recipe: Recipe) -> tuple[Tensor, Tensor, Tensor]:
    """Photo `[3, H, W]`, boxes `[n, 4]` xyxy as fractions and labels `[n]` of a part of a photograph."""
    name, *area, mirrored = part
    photo = Image.open(PHOTOS / f"{name}.jpg").convert("RGB")
    root = parse(PHOTOS / f"{name}.xml").getroot()
    size = np.array(photo.size * 2)
    low, high = np.array(area[:2] * 2), np.array(area[2:] * 2)
    boxes, labels = [], []
    for each in root.iter("object"):
        stated = [float(each.findtext(f"bndbox/{key}")) for key in ("xmin", "ymin", "xmax", "ymax")]  # type: ignore[arg-type]
        whole = ((np.array(stated) - 1) / size - low) / (high - low)
        box = whole.clip(0, 1)
        sides, before = box[2:] - box[:2], whole[2:] - whole[:2]
        if (before > 0.02).all() and (sides > 0).all() and sides.prod() > 0.6 * before.prod():
            boxes.append(box)
            labels.append(1 if recipe.columns == 2 else 1 + CLASSES.index(each.findtext("name") or ""))
    x1, y1, x2, y2 = (np.array(area) * size).round().astype(int).tolist()
    pixels = torch.from_numpy(np.array(photo.crop((x1, y1, x2, y2)).resize(recipe.size))).float().permute(2, 0, 1)
    goal = torch.tensor(np.array(boxes), dtype=torch.float32)
    if mirrored:
        pixels, goal = pixels.flip(-1), torch.stack((1 - goal[:, 2], goal[:, 1], 1 - goal[:, 0], goal[:, 3]), 1)
    return pixels / 128 - 1, goal, torch.tensor(labels)


class Network(nn.Module):
    """A convolution a step, and on each of the last ones SSD's two heads of four shapes."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        widths = (3, 16, 32, 48, 64, 64, 64)[: 3 + len(recipe.sides)]
        blocks = []
        for before, after in pairwise(widths):
            blocks.append(nn.Sequential(nn.Conv2d(before, after, 3, 2, 1), nn.BatchNorm2d(after), nn.ReLU()))
        self.blocks, self.columns = nn.ModuleList(blocks), recipe.columns
        self.heads = nn.ModuleList(nn.Conv2d(width, 4 * (4 + recipe.columns), 3, 1, 1) for width in widths[3:])

    def forward(self, photos: Tensor) -> tuple[Tensor, Tensor]:
        """`[B, P, 4]` and `[B, P, C]` of `[B, 3, H, W]`."""
        rows, here = [], photos
        for index, block in enumerate(self.blocks):
            here = block(here)
            if index >= 2:
                made = self.heads[index - 2](here).permute(0, 2, 3, 1)
                rows.append(made.reshape(len(photos), -1, 4 + self.columns))
        both = torch.cat(rows, 1)
        return both[..., :4], both[..., 4:]


def loss_of(loc: Tensor, conf: Tensor, labels: Tensor, goals: Tensor) -> Tensor:
    """SSD's loss, three negatives to a positive."""
    positive = labels > 0
    costs = F.cross_entropy(conf.flatten(0, 1), labels.flatten(), reduction="none").view(labels.shape)
    hardest = costs.detach().masked_fill(positive, 0).sort(1, descending=True).indices.argsort(1)
    chosen = positive | (hardest < 3 * positive.sum(1, keepdim=True))
    return (F.smooth_l1_loss(loc[positive], goals[positive], reduction="sum") + costs[chosen].sum()) / positive.sum()


def train(recipe: Recipe) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]]:
    """What is saved of a network, by name."""
    torch.manual_seed(0)
    rules, priors = load_dialect("ssd.pytorch"), generate_priors(grid(recipe)).boxes
    seen, unseen = ([scene(part, recipe) for part in parts] for parts in (SEEN, UNSEEN))
    gt = pad_ground_truth([boxes for _, boxes, _ in seen], [labels for *_, labels in seen])
    matching = match(gt, priors, rules.match)
    goals = encode(gt.boxes.gather(1, matching.gt_index[..., None].expand(-1, -1, 4)), priors, rules.codec)
    photos, network = torch.stack([pixels for pixels, *_ in seen]), Network(recipe)
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)
    saved = {"priors": priors.numpy(), "size": np.array(recipe.size)}
    for kind, scenes in (("seen", seen), ("unseen", unseen)):
        for index, (_, boxes, labels) in enumerate(scenes):
            saved |= {f"{kind}_boxes_{index}": boxes.numpy(), f"{kind}_labels_{index}": labels.numpy()}
    for update in range(1, recipe.stages[1] + 1):
        optimizer.param_groups[0]["lr"] = 2e-3 if update < 0.7 * recipe.stages[1] else 3e-4
        loc, conf = network.train()(photos)
        loss = loss_of(loc, conf, matching.labels, goals)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if update % 20 == 0 or update in recipe.stages:
            print(recipe.name, update, float(loss.detach()))
        if update in recipe.stages:
            stage = "half" if update == recipe.stages[0] else "done"
            with torch.no_grad():
                saved |= _halves(stage, network.train()(photos + NOISE * torch.randn_like(photos)))
                if stage == "done":
                    saved |= _halves("unseen", network.eval()(torch.stack([pixels for pixels, *_ in unseen])))
    return saved


def _halves(stage: str, made: tuple[Tensor, Tensor]) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]]:
    # In steps, which are compressed to a third.
    return {
        f"{stage}_{name}": (part * 32).round().div(32).half().numpy()
        for name, part in zip(("loc", "conf"), made, strict=True)
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    everything = {f"{recipe.name}_{key}": value for recipe in RECIPES for key, value in train(recipe).items()}
    np.savez_compressed(HERE / "learnt.npz", allow_pickle=False, **everything)
