"""What `check` is to look at: the annotations and saved batches that a list of files and folders amounts to.

A path that is named is read as `audit` reads it: a folder, a file of objects, or one that leads to such files. In a
folder, and the folders in it that are not hidden, there may be annotations of several formats, and saved batches:

- `.xml` unless its root is another element than Pascal VOC's <annotation>;
- `.json` that speaks of images, annotations and categories, as COCO does;
- `.csv` that begins with the titles of Open Images;
- whatever begins as files of labelme, CVAT, KITTI, WIDER FACE or VisDrone do, and where there is nothing else, what
  RetinaFace, TensorFlow, bubbliiiing and Hugging Face read;
- `.txt` if it lies in a folder `labels`, or is empty or begins as a YOLO row does, with three columns or more of which
  the first two are numbers, unless it is neither in such a folder nor alone, and there are no class names;
- `.pt`, `.pth`, `.npz`, `.npy` and `.safetensors` with the word preds, predictions or targets in the name;
- captured batches, `step0000341.safetensors`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations import Part, parts_of
from ssdlossdbg.readers.annotations.folders import is_folder, walk
from ssdlossdbg.readers.annotations.recognise import nothing_in
from ssdlossdbg.readers.files import is_file, read_bytes
from ssdlossdbg.readers.saved.captured import is_captured
from ssdlossdbg.readers.saved.pairing import role_word
from ssdlossdbg.readers.saved.tensor_files import TENSOR_ENDINGS


@dataclass(frozen=True)
class Inputs:
    """What there is to check.

    Attributes:
        annotations: files and folders of annotated objects.
        tensors: files of saved tensors.
    """

    annotations: tuple[Part, ...]
    tensors: tuple[Path, ...]


def find_inputs(paths: Sequence[Path], class_names: bool) -> Inputs:
    """What a list of files and folders amounts to, tensors of folders in the order of their names.

    Args:
        paths: files and folders.
        class_names: whether there are names for YOLO's classes.

    Raises:
        InputError: a path does not exist, or a folder holds nothing to check.
    """
    annotations: list[Part] = []
    tensors: list[Path] = []
    for path in paths:
        if is_folder(path):
            tensor_files = walk(path, tuple(TENSOR_ENDINGS))
            saved = sorted(file for file in tensor_files if role_word(file) is not None or is_captured(file))
            parts = parts_of(path, class_names, alone=not saved)
            if not saved and not parts:
                raise _nothing(path)
            tensors += saved
            annotations += parts
        elif not is_file(path):
            read_bytes(path)  # says what is wrong with the path
        elif path.suffix.lower() in TENSOR_ENDINGS:
            tensors.append(path)
        else:
            annotations.append(Part(path))
    return Inputs(tuple(dict.fromkeys(annotations)), tuple(dict.fromkeys(tensors)))


def _nothing(folder: Path) -> InputError:
    """The error for a folder with nothing to check; where it is known what else it holds, that is said."""
    error = nothing_in(folder)
    if error.where != str(folder):
        return error
    fix = "Name a folder with VOC .xml, COCO .json or saved tensors (preds.pt, targets.pt), or the files."
    return InputError(folder, "holds nothing to check", f"{fix} YOLO .txt need --classes.")
