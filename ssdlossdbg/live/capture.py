"""`ssdlossdbg.capture`: one line in a training script."""

from __future__ import annotations

import atexit
import functools
import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, Unpack

from ssdlossdbg.errors import InputError
from ssdlossdbg.live.attach import MethodCover, ModuleHooks, seen
from ssdlossdbg.live.folder import RunFolder
from ssdlossdbg.live.options import Asked, Options
from ssdlossdbg.live.ranks import rank_and_world
from ssdlossdbg.live.recipes import is_torchvision_ssd, parameter_names
from ssdlossdbg.live.recorder import Recorder
from ssdlossdbg.live.say import say
from ssdlossdbg.results.captured import EXIT, INTERRUPTED

# The captures that are not closed yet.
_open: list[Capture] = []


class Attachment(Protocol):
    """What can be taken off again."""

    def close(self) -> None:
        """Take it off."""


class Capture:
    """A criterion that is being looked at, until `close` or the end of the process; use it in `with` for Ctrl-C.

    Attributes:
        path: the folder of the run.
        target: what was given to `capture`.
    """

    def __init__(self, target: Any, path: Path, options: Options) -> None:
        self.target, self.path = target, path
        method = method_of(target)
        rank, world = rank_and_world()
        folder = RunFolder(path, options.most_bytes, rank, world, options.every)
        inner = getattr(target, "_orig_mod", target)  # of what torch.compile returns
        called = getattr(inner, method or "forward", inner)
        self._recorder = Recorder(options, folder, qualified(target, method), parameter_names(called))
        self._process = os.getpid()
        self._attachment: Attachment | None = None
        if method:
            self._attachment = MethodCover(target, method, self._recorder)
        elif hasattr(target, "register_forward_pre_hook"):
            self._attachment = ModuleHooks(target, self._recorder)
        _open.append(self)

    @property
    def saved(self) -> tuple[Path, ...]:
        """The captured files, in the order in which they were written."""
        return tuple(self.path / name for name in self._recorder.folder.written)

    def close(self, reason: str = EXIT, detail: str = "") -> None:
        """Save the last batch, and leave everything as it was.

        Args:
            reason: why the training ended.
            detail: more of it, in words.
        """
        if self not in _open:
            return
        _open.remove(self)
        if self._attachment is not None:
            self._attachment.close()
        if os.getpid() == self._process:
            if not self._recorder.steps:
                say(f"{self._recorder.criterion} was {self._never}")
            self._recorder.finish(reason, detail)

    @property
    def _never(self) -> str:
        """That no call was looked at, and why, in words."""
        passed_by = self._recorder.passed_by
        if passed_by:
            return f"called {passed_by} times, always without gradients: validation=True, or every=1, looks at that"
        return f"never called: {_why_never(self.target)}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if kind is None:
            self.close()
        elif issubclass(kind, KeyboardInterrupt):
            self.close(INTERRUPTED, "Ctrl-C")
        else:
            self.close(INTERRUPTED, f"{kind.__name__}: {error}"[:200])


class CapturedFunction(Capture):
    """A loss function that is looked at when it is called, and is that function in all else."""

    def __init__(self, target: Callable[..., Any], path: Path, options: Options) -> None:
        super().__init__(target, path, options)
        functools.update_wrapper(self, target)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the function returns."""
        return seen(self._recorder, None, self.target, args, kwargs)

    def __deepcopy__(self, _: Any) -> Any:
        return self.target

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (self.target, "__call__")


def capture(criterion: Any, run: str | os.PathLike[str], **asked: Unpack[Asked]) -> Capture:
    """Look on while a criterion is trained with, and save the batch that went wrong.

    A batch is saved, with those before it, when the loss is first inf or nan, when it jumps above `spike` times the
    running median, and when the criterion raises; a batch alone every so many steps, when a file CAPTURE appears in
    the folder, and at the end. Nothing is copied and no device is waited for until then, and nothing that goes wrong
    in here reaches the training. Calls under `no_grad` are none of a training;
    where there are no others and `every` is given, they pass over a data set, for `ssdlossdbg loss RUN`.

    Args:
        criterion: a module, which is looked at in place, torchvision's SSD and MMDetection's SSDHead too; attach to the
            compiled object where it is compiled. Or a plain function: use what this returns in its place.
        run: the folder to write to. What an earlier run left there is moved into a folder in it.
        asked: loader: the DataLoader of the training, for the names of images that its targets do not tell.
            names: of the images of the loader's dataset, in order, or a function of an index.
            spike: how many times the running median a loss is to be saved from; 0 for never. every: save each so
            manyth step. ring: how many batches are held. on_error: "save" or "ignore" the batch on which the criterion
            raises. adapter: called as the criterion is, returns a mapping with loc, conf and targets, and perhaps
            priors, names, dialect. copy: hold copies from the first step on, for code that changes predictions in
            place, or outputs of CUDA graphs, whose memory the next step uses again. validation: whether to look at
            calls under `no_grad`, too, and mark them so; if None, where `every` is given, until a call has gradients.
            most_bytes: that the files of the folder may have together.
            identify: whether a copy of the criterion is run on small cases at the first step, so that the files say
            whose rules it follows, as `ssdlossdbg.identify` does; of a module alone, in a training of one process. None
            for where nobody can notice but by the time that it takes, half a second at the first step, and then what
            fits into the share of the time that `history` may take: where it is called as a codebase's is, can be
            copied whole, and nothing in it prints, logs, writes or changes anything outside. True asks any, at once.
            history: keep a row of each step, and of sampled batches all objects, for `ssdlossdbg history`; as many as
            take 2 % of the time, or the share that is said instead of True. A history in the folder is gone on with.
            None is sampled before it is known whose rules are followed, where that is asked.

    Raises:
        InputError: an option out of its range, or nothing that can be called.
    """
    options = Options(**asked)
    target = unwrapped(criterion)
    if not callable(target):
        raise InputError(
            "criterion", f"is a {type(target).__name__}, which cannot be called", "Give a module or a function."
        )
    for other in [each for each in _open if each.target is target]:
        other.close()
    is_object = method_of(target) or hasattr(target, "register_forward_pre_hook")
    return (Capture if is_object else CapturedFunction)(target, Path(run), options)


def method_of(target: Any) -> str:
    """The method that is called in the place of the object itself; empty where it is the object."""
    if is_torchvision_ssd(target):
        return "compute_loss"
    if hasattr(target, "loss_by_feat") and hasattr(target, "prior_generator"):
        return "loss_by_feat"
    is_module = hasattr(target, "register_forward_pre_hook")
    if is_module and "_forward_hooks" not in vars(target):
        return "forward"  # its class never called the __init__ of modules, so there is nothing to hang hooks on
    return ""


def unwrapped(criterion: Any) -> Any:
    """What is called inside: of a capture, its function; of a parallel network, the network whose method is meant."""
    if isinstance(criterion, CapturedFunction):
        return criterion.target
    inner = vars(criterion).get("_modules", {}).get("module") if hasattr(criterion, "__dict__") else None
    return inner if inner is not None and method_of(inner) else criterion


def qualified(target: Any, method: str) -> str:
    """The class or function of a criterion by its full name, with the method that is called in its place."""
    kind = target if hasattr(target, "__qualname__") else type(target)
    inner = getattr(target, "_orig_mod", None)
    if inner is not None:
        return f"{type(inner).__module__}.{type(inner).__qualname__} (compiled)"
    module = f"{kind.__module__}." if kind.__module__ else ""  # of what a notebook or exec made there may be none
    return f"{module}{kind.__qualname__}" + (f".{method}" if method and method != "forward" else "")


def _why_never(target: Any) -> str:
    if hasattr(target, "register_forward_pre_hook"):
        return "attach to the compiled object where it is compiled, and call it, not its forward"
    return "use what capture returns in its place"


@atexit.register
def _close_all() -> None:
    while _open:
        _open[-1].close()
