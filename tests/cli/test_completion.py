"""Names that the shell completes, which takes no import of what is heavy."""

from __future__ import annotations

from ssdlossdbg.cli import names
from ssdlossdbg.readers.dialects import dialect_names
from tests.cli.test_explain import LIGHT, completing, in_a_process

# What is typed, what is offered, and what is not.
TYPED = (
    ("loss a.pt --dialect refi", ["refinedet"], ["retinaface", "all"]),
    ("match a.jpg a.xml --dialect tf2", ["tf2-mobilenet-v2", "tf2-object-detection"], ["torchvision"]),
    ("match a.jpg a.xml --dialects caffe,refi", ["caffe,refinedet"], ["retinaface"]),
    ("compare a.pt --reference mm", ["mmdetection"], ["mxnet-ssd"]),
    ("dialects caf", ["caffe"], ["chainercv"]),
    ("anchors --config refine", ["refinedet-320", "refinedet-512"], ["rfbnet"]),
    ("manual co", ["compare", "contributing"], ["audit"]),
    ("explain BOX00", ["BOX001"], ["LBL"]),
)


def test_names_are_completed() -> None:
    answers = in_a_process(*(completing(typed) for typed, *_ in TYPED))
    for (typed, offered, others), (out, heavy) in zip(TYPED, answers, strict=True):
        assert all(name in out for name in offered), typed
        assert not any(name in out for name in others), typed
        assert heavy <= LIGHT, typed


def test_none_is_offered_twice_in_a_list() -> None:
    assert names.some_dialects("") == [*dialect_names(), "all"]
    offered = names.some_dialects("caffe,d2l,")
    assert all(name.startswith("caffe,d2l,") for name in offered)
    assert {name.rpartition(",")[2] for name in offered} == set(dialect_names()) - {"caffe", "d2l"}
