"""What `check` is to look at: the annotation files and saved batches that a list of files and folders amounts to.

A file that is named is checked, whatever it is called. In a folder, and the folders in it that are not hidden, it is:

- `.xml` unless its root is another element than Pascal VOC's <annotation>;
- `.json` that speaks of images, annotations and categories, as COCO does;
- `.csv` that begins with the titles of Open Images;
- `.txt` if there are class names, and if it lies in a folder `labels`, or is empty or begins as a YOLO row does, with
  three columns or more of which the first two are numbers: so lists of classes or photos and READMEs are passed over;
- `.pt`, `.pth`, `.npz`, `.npy` and `.safetensors` with the word preds, predictions or targets in the name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations import FORMATS
from ssdlossdbg.readers.annotations.folders import is_folder, walk
from ssdlossdbg.readers.files import is_file, read_bytes
from ssdlossdbg.readers.saved.pairing import role_word
from ssdlossdbg.readers.saved.tensor_files import TENSOR_ENDINGS


@dataclass(frozen=True)
class Inputs:
    """What there is to check.

    Attributes:
        annotations: files of annotated objects.
        tensors: files of saved tensors.
    """

    annotations: tuple[Path, ...]
    tensors: tuple[Path, ...]


def find_inputs(paths: Sequence[Path], class_names: bool) -> Inputs:
    """What a list of files and folders amounts to, folders in the order of their names.

    Args:
        paths: files and folders.
        class_names: whether there are names for YOLO's classes; without them a folder's `.txt` files are passed over.

    Raises:
        InputError: a path does not exist, or a folder holds nothing to check.
    """
    files = list(dict.fromkeys(file for path in paths for file in _files(path, class_names)))
    tensors = [file.suffix.lower() in TENSOR_ENDINGS for file in files]
    annotations = (file for file, is_tensors in zip(files, tensors, strict=True) if not is_tensors)
    return Inputs(tuple(annotations), tuple(compress(files, tensors)))


def _files(path: Path, class_names: bool) -> list[Path]:
    if is_file(path):
        return [path]
    if not is_folder(path):
        read_bytes(path)  # says what is wrong with the path
    found = sorted(file for file in walk(path) if _belongs(file, class_names))
    if not found:
        fix = "Name a folder with VOC .xml, COCO .json or saved tensors (preds.pt, targets.pt), or the files."
        fix += "" if class_names else " YOLO .txt need --classes."
        raise InputError(path, "holds nothing to check", fix)
    return found


def _belongs(file: Path, class_names: bool) -> bool:
    """Whether a file that was not itself named is one to check."""
    ending = file.suffix.lower()
    if ending in TENSOR_ENDINGS:
        return role_word(file) is not None
    formats = [each for each in FORMATS.values() if ending in each.endings]
    if not any(class_names or not each.numbered for each in formats):
        return False
    try:
        data = read_bytes(file)
    except InputError:
        return True  # to be named as one that cannot be read
    return any(each.may_be(file, data) for each in formats)
