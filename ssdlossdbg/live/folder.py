"""The folder of a run: captured batches and run.json, each written whole or not at all, bounded in bytes."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ssdlossdbg.results.captured import (
    CAPTURED_NAME,
    EVERY,
    HEADER_KEY,
    OTHER_RANK,
    Captured,
    plain_json,
)
from ssdlossdbg.whole_files import replace_whole

if TYPE_CHECKING:
    from torch import Tensor

# A file of this name asks for the batch at hand, and is taken away when it was saved.
REQUEST = "CAPTURE"
# How often, in seconds, it is looked for: folders may be far away.
LOOK_EVERY = 1.0
# What the rank that found a batch leaves for the others.
MARK = ".save-the-same-step"


class FolderFullError(Exception):
    """There is no room for a batch, and nothing that may make room for it."""


@dataclass(frozen=True)
class Mark:
    """Another rank's wish that all save the same step."""

    step: int
    rank: int
    reason: str


@dataclass
class RunFolder:
    """Where the batches of one run and rank go.

    Attributes:
        path: made when the first file is written.
        most_bytes: how much the captured files of this rank may hold.
        rank, world: of this process.
        every: how many steps are between two that are saved for no other reason; doubled whenever the folder is full.
        written: what was written, by file name, as run.json lists it.
        notes: what went wrong, in words.
    """

    path: Path
    most_bytes: int
    rank: int = 0
    world: int = 1
    every: int = 0
    about: dict[str, Any] = field(default_factory=dict)
    written: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    _looked: float = 0.0
    _marked: int = 0

    @property
    def suffix(self) -> str:
        """What tells this rank's files from those of the others."""
        return f".rank{self.rank}" if self.world > 1 else ""

    def name(self, step: int) -> str:
        """The file name of a step."""
        return f"step{step:07d}{self.suffix}.safetensors"

    def save(self, tensors: Mapping[str, Tensor], header: Captured) -> Path:
        """Write a batch.

        Raises:
            FolderFullError: there is no room for it.
            OSError: it cannot be written.
        """
        from safetensors.torch import save

        replaced = self.written.get(self.name(header.step), {}).get("bytes", 0)
        self._make_room(sum(tensor.numel() * tensor.element_size() for tensor in tensors.values()) - replaced)
        data = save(_on_cpu(tensors), {HEADER_KEY: header.to_json()})
        file = self.path / self.name(header.step)
        write_whole(file, data)
        self.written[file.name] = {
            "file": file.name,
            "step": header.step,
            "reason": header.reason,
            "detail": header.detail,
            "because": header.because,
            "recorded": asdict(header.recorded),
            "bytes": len(data),
        }
        self.write_summary()
        return file

    def write_summary(self) -> None:
        """Write run.json, which lists what this run saved.

        Raises:
            OSError: it cannot be written.
        """
        document = {
            **self.about,
            "rank": self.rank,
            "world": self.world,
            "every": self.every,
            "batches": list(self.written.values()),
            "notes": self.notes,
        }
        write_whole(self.path / f"run{self.suffix}.json", plain_json(document).encode())

    def put_earlier_aside(self) -> None:
        """Move what an earlier run of any rank left in the folder into one of its own, so that no two runs mix.

        Raises:
            OSError: it cannot be moved.
        """
        if not self.path.is_dir():
            return
        left = [file for file in self.path.iterdir() if _is_of_a_run(file.name)]
        with contextlib.suppress(OSError):
            (self.path / MARK).unlink()
        if not left:
            return
        number = 1
        while (aside := self.path / f"earlier-{number}").exists():
            number += 1
        aside.mkdir()
        for file in left:
            file.replace(aside / file.name)
        self.notes.append(f"what an earlier run left here is in {aside.name}")

    def requested(self) -> bool:
        """Whether somebody asks for the batch at hand; looked for once a second."""
        now = time.monotonic()
        if now - self._looked < LOOK_EVERY:
            return False
        self._looked = now
        return (self.path / REQUEST).exists()

    def grant(self) -> None:
        """Take the request away; another rank may have done so."""
        with contextlib.suppress(OSError):
            (self.path / REQUEST).unlink()

    def leave_mark(self, step: int, reason: str) -> None:
        """Ask the other ranks for the same step.

        Raises:
            OSError: it cannot be written.
        """
        if self.world > 1:
            write_whole(self.path / MARK, json.dumps([step, self.rank, reason]).encode())

    def mark(self) -> Mark | None:
        """What another rank asks for that was not seen yet."""
        if self.world == 1:
            return None
        try:
            changed = (self.path / MARK).stat().st_mtime_ns
            if changed == self._marked:
                return None
            self._marked = changed
            step, rank, reason = json.loads((self.path / MARK).read_bytes())
        except (OSError, ValueError, TypeError):
            return None
        return None if rank == self.rank else Mark(int(step), int(rank), str(reason))

    def room(self, size: int, loader: Any) -> tuple[str, bool]:
        """How much room the batches of one pass over a loader take, in words, and whether there is so much.

        Args:
            size: bytes of one batch.
            loader: of the batches; nothing is said of one whose length is not known.
        """
        try:
            batches = -(-len(loader) // self.every)
            free = shutil.disk_usage(self.path).free
        except (TypeError, OSError, NotImplementedError):
            return "", True
        need = size * batches
        words = f"every={self.every}: a pass over the loader saves {batches} batches, about {_in_words(need)}"
        if need > self.most_bytes:
            lack = f"most_bytes allows {_in_words(self.most_bytes)}, so ever fewer of them will be kept"
            return f"{words}, and {lack}; say most_bytes={need * 11 // 10} to keep all", False
        if need > free:
            return f"{words}, and the disk has {_in_words(free)} left", False
        return words, True

    def _make_room(self, size: int) -> None:
        """Thin what was saved at every so many steps until a batch fits.

        Raises:
            FolderFullError: it does not, even so.
        """
        while self.every and size + self._bytes > self.most_bytes:
            spare = [name for name, entry in self.written.items() if entry["reason"] == EVERY]
            if not spare:
                break
            self.every *= 2
            for name in spare[1::2] or spare:
                with contextlib.suppress(FileNotFoundError):
                    (self.path / name).unlink()
                del self.written[name]
        if size + self._bytes > self.most_bytes:
            most = f"{self.most_bytes / 1e9:.2g} GB"
            raise FolderFullError(f"{self.path} is full ({most}); most_bytes of capture says how much may be in it")

    @property
    def _bytes(self) -> int:
        return sum(entry["bytes"] for entry in self.written.values())


def _in_words(size: int) -> str:
    unit, of = next((pair for pair in ((10**9, "GB"), (10**6, "MB")) if size >= pair[0]), (1000, "kB"))
    return f"{size / unit:.3g} {of}"


def _is_of_a_run(name: str) -> bool:
    return re.fullmatch(rf"{CAPTURED_NAME}|run(\.rank\d+)?\.json", name) is not None


def _on_cpu(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors as a file can hold them: dense, on the CPU, none of them a part of another."""
    made: dict[str, Tensor] = {}
    seen: set[int] = set()
    for key, tensor in tensors.items():
        own = tensor.detach().cpu().contiguous()
        # safetensors refuses tensors that share memory, as views of one padded batch do.
        shared = own.untyped_storage().data_ptr() in seen or own.untyped_storage().nbytes() != own.nbytes
        made[key] = own.clone() if shared else own
        seen.add(made[key].untyped_storage().data_ptr())
    return made


def write_whole(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, with the mode that the umask gives, and its folder where there is none.

    Raises:
        OSError: it cannot be written; nothing of it is left then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_whole(path, [data], lasting=True)


__all__ = ["EVERY", "OTHER_RANK", "FolderFullError", "Mark", "RunFolder", "write_whole"]
