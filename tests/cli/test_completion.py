"""Names that the shell completes, which takes no import of what is heavy."""

from __future__ import annotations

import pytest

from ssdlossdbg.cli import names
from ssdlossdbg.readers.dialects import dialect_names
from tests.cli.test_explain import in_a_process


@pytest.mark.parametrize(
    ("typed", "offered", "others"),
    [
        ("loss a.pt --dialect refi", ["refinedet"], ["retinaface", "all"]),
        ("match a.jpg a.xml --dialect tf2", ["tf2-mobilenet-v2", "tf2-object-detection"], ["torchvision"]),
        ("match a.jpg a.xml --dialects caffe,refi", ["caffe,refinedet"], ["retinaface"]),
        ("compare a.pt --reference mm", ["mmdetection"], ["mxnet-ssd"]),
        ("dialects caf", ["caffe"], ["chainercv"]),
        ("anchors --config refine", ["refinedet-320", "refinedet-512"], ["rfbnet"]),
    ],
)
def test_names_are_completed(typed: str, offered: list[str], others: list[str]) -> None:
    completing = {"_SSDLOSSDBG_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": f"ssdlossdbg {typed}"}
    out, heavy = in_a_process(["x"], **completing)
    assert all(name in out for name in offered)
    assert not any(name in out for name in others)
    assert heavy == set()


def test_none_is_offered_twice_in_a_list() -> None:
    assert names.some_dialects("") == [*dialect_names(), "all"]
    offered = names.some_dialects("caffe,d2l,")
    assert all(name.startswith("caffe,d2l,") for name in offered)
    assert {name.rpartition(",")[2] for name in offered} == set(dialect_names()) - {"caffe", "d2l"}
