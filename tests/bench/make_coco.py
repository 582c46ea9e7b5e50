"""Write a COCO file of the size of instances_train2017.json, with made-up content and a fixed seed.

    python tests/bench/make_coco.py coco.json [--images 118287] [--objects 860001] [--seed 0]

What is made up is like COCO's own: ids with gaps, annotations in no order of their images, an image in a hundred
without any, polygons of 6 to 15 points, one object in a hundred a crowd with run lengths. By default 80 categories,
118,287 images and 860,001 objects, about 290 MB. To see what reading it costs beside the standard library, in turn:

    python tests/bench/make_coco.py coco.json --time 9
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

CATEGORIES = 80
CATEGORY_IDS = np.delete(np.arange(1, 91), [11, 25, 28, 29, 44, 65, 67, 68, 70, 82])  # those that COCO left out
SIZES = np.array([(640, 480), (480, 640), (640, 427), (500, 375)])
POINTS = 15  # of the longest polygon
CHUNK = 20_000

OTHER = "import json, sys; json.load(open(sys.argv[1]))"
OURS = "import sys, ssdlossdbg; ssdlossdbg.load_dataset(sys.argv[1])"
PEAK = "; import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"


def make_images(count: int, generator: np.random.Generator) -> list[dict[str, Any]]:
    """The entries of `images`."""
    ids = np.sort(generator.choice(5 * count + 1, count, replace=False))
    sizes = SIZES[generator.integers(len(SIZES), size=count)]
    return [
        {
            "license": 1 + number % 8,
            "file_name": f"{number:012d}.jpg",
            "coco_url": f"http://images.cocodataset.org/train2017/{number:012d}.jpg",
            "height": height,
            "width": width,
            "date_captured": "2013-11-14 17:02:52",
            "id": number,
        }
        for number, (width, height) in zip(ids.tolist(), sizes.tolist(), strict=True)
    ]


def make_objects(images: list[dict[str, Any]], count: int, generator: np.random.Generator) -> list[dict[str, Any]]:
    """Entries of `annotations`, without ids; most objects are small, as COCO's are."""
    owners = generator.integers(len(images) // 100, len(images), count)  # so that the first hundredth has none
    sides = np.array([(image["width"], image["height"]) for image in images])[owners]
    sizes = sides * np.exp(generator.uniform(np.log(0.02), 0, (count, 2)))
    low = generator.uniform(0, sides - sizes)
    boxes = np.concatenate((low, sizes), axis=1).round(2).tolist()
    points = (low[:, None] + sizes[:, None] * generator.uniform(0, 1, (count, POINTS, 2))).round(2)
    polygons = points.reshape(count, -1).tolist()
    lengths = (2 * generator.integers(6, POINTS + 1, count)).tolist()
    categories = CATEGORY_IDS[generator.integers(CATEGORIES, size=count)].tolist()
    runs = generator.integers(1, 400, (count // 100, 100)).tolist()
    objects = []
    for place, owner in enumerate(owners.tolist()):
        crowd = place % 100 == 0 and place // 100 < len(runs)
        height, width = images[owner]["height"], images[owner]["width"]
        outline = {"counts": runs[place // 100], "size": [height, width]} if crowd else None
        objects.append(
            {
                "segmentation": outline or [polygons[place][: lengths[place]]],
                "area": round(0.7 * boxes[place][2] * boxes[place][3], 5),
                "iscrowd": int(crowd),
                "image_id": images[owner]["id"],
                "bbox": boxes[place],
                "category_id": categories[place],
            }
        )
    return objects


def write_coco(path: Path, images: int, objects: int, seed: int) -> None:
    """Write the file piece by piece, so that making it takes little memory."""
    generator = np.random.default_rng(seed)
    entries = make_images(images, generator)
    categories = [{"supercategory": "thing", "id": int(number), "name": f"class {number}"} for number in CATEGORY_IDS]
    order = [entries[place] for place in generator.permutation(images)]
    with path.open("w") as file:
        file.write(f'{{"info": {{"year": 2017}}, "images": {json.dumps(entries)}, "annotations": [')
        for start in range(0, objects, CHUNK):
            chunk = make_objects(order, min(CHUNK, objects - start), generator)
            numbered = [{**entry, "id": 1_000 + start + place} for place, entry in enumerate(chunk)]
            file.write((", " if start else "") + json.dumps(numbered)[1:-1])
        file.write(f'], "categories": {json.dumps(categories)}}}')


def run(code: str, path: Path) -> tuple[float, float]:
    """Wall seconds and peak MiB of a Python that runs the code."""
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code + PEAK, str(path)], check=True, capture_output=True, text=True)
    return time.perf_counter() - start, int(done.stdout) / 1024


def compare(path: Path, repeats: int) -> None:
    """Print medians of `load_dataset` and `json.load`, each in a Python of its own, in turn after one warm-up."""
    runs = [(run(OURS, path), run(OTHER, path)) for _ in range(repeats + 1)][1:]
    ours, other = (np.median(np.array(column), axis=0) for column in zip(*runs, strict=True))
    print(f"load_dataset {ours[0]:6.2f} s {ours[1]:6.0f} MiB")
    print(f"json.load    {other[0]:6.2f} s {other[1]:6.0f} MiB")
    print(f"ratio        {statistics.median(a[0] / b[0] for a, b in runs):6.2f}   {ours[1] / other[1]:6.2f}")


def main() -> None:
    """Parse, write, time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--images", type=int, default=118_287)
    parser.add_argument("--objects", type=int, default=860_001)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--time", type=int, metavar="N", help="time reading N times; an existing file is kept")
    options = parser.parse_args()
    if options.time is None or not options.path.exists():
        write_coco(options.path, options.images, options.objects, options.seed)
        print(f"{options.path}: {options.path.stat().st_size / 1e6:.0f} MB")
    if options.time:
        compare(options.path, options.time)


if __name__ == "__main__":
    main()
