"""What whole commands take for one image of very many objects, which nearly all overlap.

    python -m tests.bench.crowded [--objects 5000,20000,40000] [--commands check,audit,match] [-- --dialect caffe]

Prints the processor's seconds, those beyond `import torch, PIL.Image`, and the peak of memory. What follows `--` are
options of the commands, but of `check`.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from pathlib import Path

from PIL import Image

from tests.bench.audit import run

OURS = [sys.executable, "-m", "ssdlossdbg"]
MAKE = Path(__file__).with_name("make_coco.py")


def command(name: str, file: Path, photo: Path, options: list[str]) -> list[str]:
    """The command line that looks at the objects of one photo."""
    if name == "check":
        return [*OURS, name, str(file), "--fail-on", "never"]
    given = [str(photo), str(file), "--no-overlay"] if name == "match" else [str(file)]
    return [*OURS, name, *given, "--fail-on", "never", *options]


def photo_of(file: Path) -> Path:
    """The photo that a COCO file begins with, in black, beside the file."""
    with file.open() as text:
        head = text.read(1000)
    name, width, height = (re.findall(rf'"{key}": "?([\w.]+)', head)[0] for key in ("file_name", "width", "height"))
    photo = file.with_name(name)
    Image.new("RGB", (int(width), int(height))).save(photo)
    return photo


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", default="5000,20000,40000")
    parser.add_argument("--commands", default="check,audit,match")
    parser.add_argument("options", nargs="*")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for number in map(int, asked.objects.split(",")):
            file = Path(folder, "crowd.json")
            # In a process of its own: what this one held at most would count as the peak of those it starts.
            run([sys.executable, str(MAKE), str(file), "--images", "1", "--objects", str(number)])
            photo = photo_of(file)
            _, bare, _ = run([sys.executable, "-c", "import torch, PIL.Image"])
            for name in asked.commands.split(","):
                _, seconds, peak = run(command(name, file, photo, asked.options))
                beyond = f"{seconds - bare:6.2f} beyond import torch"
                print(f"{number:>7,} {name:6} {seconds:6.2f} s, {beyond}, {peak:6.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
