"""Writing files: whole or not at all, never over what the command read, and over others' files only when told."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ssdlossdbg.cli.places import STDOUT
from ssdlossdbg.cli.streams import write_to_stdout
from ssdlossdbg.errors import InputError
from ssdlossdbg.whole_files import add_whole, replace_whole

PHOTOS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
ANNOTATIONS = (".xml", ".json", ".txt", ".yaml", ".yml")
# What tells a file of ours from others': in pictures and pages the program named near their beginning, and how
# fitted configs begin. An array says of nobody that he wrote it.
PNG = b"\x89PNG\r\n"
SOFTWARE = b"Software\0ssdlossdbg"
PAGE = b'<meta name="generator" content="ssdlossdbg">'
# Pictures that say it in Exif, which in WebP stands at the end.
JPEG, WEBP, EXIF = b"\xff\xd8\xff", b"RIFF", b"ssdlossdbg\0"
# TensorBoard's files say so at once, and ours name the program in their first text.
EVENTS, TRACKED = b"brain.Event:", b"ssdlossdbg/findings"
FITTED = b"# Fitted by `ssdlossdbg "
BASELINE = b'{\n  "ssdlossdbg_baseline":'
HEAD = 512
# Bytes; of the 255 that a name may have, prefix, number and ending need some.
LONGEST_STEM = 150


@dataclass
class Writer:
    """Writes the files of a command, none over one that the command was given or has read.

    Attributes:
        inputs: files that the command was given; those that it read are known to `readers.files`.
        datasets: folders or files of annotations that it was given.
        overwrite: replace what this program did not write, too, if it is no input.
        written: the names of the files written, for the report.
        failed: what could not be written, for the end: a full disk must not take the report away, too.
        made: folders that were made for files, the outer first; those that none got into go again in the end.
    """

    inputs: list[Path] = field(default_factory=list)
    datasets: list[Path] = field(default_factory=list)
    overwrite: bool = False
    written: list[str] = field(default_factory=list)
    failed: list[InputError] = field(default_factory=list)
    made: list[Path] = field(default_factory=list)

    def check(self, path: Path) -> None:
        """Refuse a file that the user named but that cannot be written, before the work that is to fill it.

        Raises:
            InputError: `path` is an input, part of a dataset, somebody else's file, or a folder, or its folder does not
                exist.
        """
        if path == STDOUT:
            return
        if self._in_dataset(path):
            raise _overwritten(path)
        self._check(path)
        check_folder(path.parent)
        if foreign := self._foreign(path):
            raise foreign

    def write(self, path: Path, data: bytes | Iterable[bytes]) -> None:
        """Write a file whole or not at all; what a link leads to, where it is one.

        What the system does not let it write is raised once the report is out, by `telling_last`.

        Args:
            path: where to.
            data: what, at once or in chunks.

        Raises:
            InputError: `path` is an input or a folder.
        """
        if path == STDOUT:
            write_to_stdout(_chunks(data))
            return
        self._check(path)
        if foreign := self._foreign(path, data):  # a name of our own making in the user's folder
            self.failed.append(foreign)
            return
        self.folder(path.parent)
        with self._failing(path):
            if path.exists() and not path.is_file():  # a pipe or a device takes bytes, and must not become a file
                with path.open("wb") as sink:
                    sink.writelines(_chunks(data))
            else:
                replaced = _status(path)
                mode = stat.S_IMODE(replaced.st_mode) if replaced else None
                replace_whole(path.resolve(), _chunks(data), mode=mode)
            self.written.append(str(path))

    def folder(self, path: Path, *, new: bool = False) -> Path:
        """A folder for files, made where it does not exist yet.

        Args:
            path: of it.
            new: whether it must not have existed; a number is added where it did.

        Raises:
            InputError: it cannot be made or written to, or is a file.
        """
        missing = [each for each in (path, *path.parents) if _status(each) is None]
        folder = make_new_folder(path) if new else make_folder(path)
        self.made += [*missing[:0:-1], folder] if new else missing[::-1]
        return folder

    def write_new(self, path: Path, data: bytes | Iterable[bytes], mark: str = "") -> None:
        """Write a file that the user did not name: a number is added where one exists.

        Args:
            path: where to, if nothing is there.
            data: what.
            mark: what the file says of itself; an earlier one of ours that says the same is replaced.

        Raises:
            InputError: as `write`.
        """
        for earlier in itertools.takewhile(Path.exists, _candidates(path) if mark else ()):
            if _is_ours(head := _head(earlier)) and mark.encode() in head and not self._is_input(earlier):
                self.write(earlier, data)
                return
        self._check(path)
        with self._failing(path):
            self.written.append(str(add_whole(_candidates(path), _chunks(data))))

    @contextlib.contextmanager
    def telling_last(self) -> Iterator[None]:
        """Raise at the end what could not be written, and leave no folder empty that was made for it.

        Raises:
            InputError: at least one file could not be written.
        """
        try:
            yield
        finally:
            for folder in reversed(self.made):
                with contextlib.suppress(OSError):  # something is in it
                    folder.rmdir()
            if self.failed:
                first, *more = self.failed
                others = f", nor can {len(more):,} more" if more else ""
                raise InputError(first.where, first.what + others, first.fix) from None

    @contextlib.contextmanager
    def _failing(self, path: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            what = f"cannot be written ({error.strerror})"
            self.failed.append(InputError(path, what, "Choose another place for it."))

    def _check(self, path: Path) -> None:
        if self._is_input(path) or (path.is_symlink() and self._in_dataset(path)):
            raise _overwritten(path)
        if path.is_dir():
            raise InputError(path, "is a folder", "Name a file in it.")

    def _is_input(self, path: Path) -> bool:
        """Whether the file that is there was given or read, whatever it is called."""
        from ssdlossdbg.readers.files import was_read

        found = _status(path)
        if found is None or not stat.S_ISREG(found.st_mode):
            return False
        inputs = map(_status, self.inputs)
        if any(source is not None and os.path.samestat(found, source) for source in inputs):
            return True
        # A table or baseline of ours beside annotations is opened to see what it is, and nobody takes it for more.
        return was_read(found) and not _head(path).startswith((BASELINE, *_headings()))

    def _foreign(self, path: Path, data: bytes | Iterable[bytes] = BASELINE) -> InputError | None:
        """What is to be said of a file that is there and is not for this program to replace; None where it may go.

        Args:
            path: of it.
            data: what would take its place: of a baseline, which its user keeps, nothing but another may.
        """
        if self.overwrite or not path.is_file():
            return None
        head = _head(path)
        if head.startswith(BASELINE) and not (isinstance(data, bytes) and data.startswith(BASELINE)):
            return InputError(path, "is a baseline of known findings", "Choose another output, or give --overwrite.")
        if not head or _is_ours(head):
            return None
        return InputError(path, "exists and is no file of ssdlossdbg's", "Choose another, or give --overwrite.")

    def _in_dataset(self, path: Path) -> bool:
        """Whether the file that is there looks like a part of a dataset that was given, be it read or not."""
        if not path.is_file():
            return False
        real = path.resolve()
        ending = real.suffix.lower()
        homes = (given if given.is_dir() else given.parent for given in (given.resolve() for given in self.datasets))
        return any(
            (ending in ANNOTATIONS and home in real.parents)
            or (ending in PHOTOS and home.parent in real.parents)  # photos are looked for beside their folder, too
            for home in homes
        )


def make_folder(path: Path) -> Path:
    """The folder, made where it does not exist yet.

    Raises:
        InputError: it cannot be made, or is a file.
    """
    try:
        if not path.is_dir():  # nothing of a folder that is there, as /dev, is ours to touch
            path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _no_folder(path, error) from None
    if not os.access(path, os.W_OK):
        raise InputError(path, "cannot be written to", "Choose another folder with -o.")
    return path


def check_folder(path: Path) -> None:
    """Refuse, before the work that is to fill it, a folder that `make_folder` will refuse; nothing is made yet.

    Raises:
        InputError: it cannot be made, or is a file.
    """
    whole = path.absolute()
    try:
        # A link that leads nowhere is in the way of a folder, too.
        above = next(each for each in (whole, *whole.parents) if each.exists() or each.is_symlink())
    except OSError as error:  # a name too long for the file system
        raise _no_folder(path, error) from None
    if not above.is_dir():
        number = errno.EEXIST if above == whole else errno.ENOTDIR
        raise _no_folder(path, OSError(number, os.strerror(number)))
    if not os.access(above, os.W_OK):
        raise InputError(above if above != whole else path, "cannot be written to", "Choose another folder with -o.")


def make_new_folder(path: Path) -> Path:
    """A folder of that name that did not exist yet, with a number added where it did.

    Raises:
        InputError: it cannot be made.
    """
    for candidate in _candidates(path):
        try:
            candidate.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise _no_folder(path, error) from None
        return candidate
    raise AssertionError  # there is no end of numbers


def safe_stem(name: str) -> str:
    """The part of an output's name that says which image it is of, by what a file of anybody's calls that image.

    Letters, digits, dots and dashes of its last part, without the ending; at most so long that every system takes it.
    """
    last = name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    safe = re.sub(r"[^\w.-]+", "_", last.rsplit(".", 1)[0] or last)
    return safe.encode(errors="replace")[:LONGEST_STEM].decode(errors="ignore")


def _overwritten(path: Path) -> InputError:
    return InputError(path, "is an input and would be overwritten", "Choose another output.")


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except (OSError, ValueError):  # a list of names may be longer than the name of a file can be
        return None


def _head(path: Path) -> bytes:
    """How a file begins; what is nothing of ours where it cannot be read, as nobody knows what would be lost."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
            if head.startswith(WEBP):
                file.seek(-min(HEAD, path.stat().st_size), os.SEEK_END)
                head += file.read(HEAD)
            return head
    except OSError:
        return b"?"


def _is_ours(head: bytes) -> bool:
    """Whether a file that begins so is a picture, a page, a config, a baseline or a table that this program wrote."""
    if head.startswith((JPEG, WEBP)):
        return EXIF in head
    if (head.startswith(PNG) and SOFTWARE in head) or PAGE in head or (EVENTS in head and TRACKED in head):
        return True
    return head.startswith((FITTED, BASELINE, *_headings()))


def _headings() -> tuple[bytes, ...]:
    """How our tables begin."""
    from ssdlossdbg.report.audit.as_csv import HEADINGS
    from ssdlossdbg.report.history.tables import headings
    from ssdlossdbg.report.records import headings as of_losses

    whole = (f"{each}\n" for each in (",".join(HEADINGS), *headings()))
    return tuple(each.encode()[:HEAD] for each in (*whole, *of_losses()))


def _no_folder(path: Path, error: OSError) -> InputError:
    return InputError(path, f"cannot be made a folder ({error.strerror})", "Choose another place.")


def _chunks(data: bytes | Iterable[bytes]) -> Iterable[bytes]:
    return [data] if isinstance(data, bytes) else data


def _candidates(path: Path) -> Iterator[Path]:
    """The path, then with a number added, two and up."""
    yield path
    yield from (path.with_name(f"{path.stem}-{number}{path.suffix}") for number in itertools.count(2))
