"""The CSV of `audit`: a row an object, whatever the names hold."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from ssdlossdbg.report.audit import as_csv as module
from ssdlossdbg.report.audit.as_csv import audit_csv
from ssdlossdbg.results import AuditResult


def rows(result: AuditResult) -> list[dict[str, str]]:
    text = b"".join(audit_csv(result)).decode()
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def test_the_first_object(audited: AuditResult) -> None:
    assert rows(audited)[0] == {
        "image": "a",
        "file": "x/a.xml",
        "object": "0",
        "class": "cat",
        "class_id": "1",
        "x1": "20.0",
        "y1": "20.0",
        "x2": "180.0",
        "y2": "180.0",
        "width": "80.0",
        "height": "80.0",
        "best_prior": "0",
        "level": "0",
        "best_iou": "0.9",
        "shape_iou": "1.0",
        "positives": "3",
        "forced": "0",
        "lost_to": "",
        "status": "matched",
    }


def test_all_objects(audited: AuditResult) -> None:
    table = rows(audited)
    statuses = ["matched", "forced-only", "forced-only", "unmatched", "matched", "invalid"]
    assert [row["status"] for row in table] == statuses
    assert [row["lost_to"] for row in table] == ["", "0", "", "3", "", ""], "an object of the image, not a row"
    assert [row["level"] for row in table] == ["0", "0", "0", "0", "1", "0"]
    assert [row["image"] for row in table] == ["a"] * 4 + ["b, c"] * 2
    assert table[5]["class"] == 'bird, "naïve"␊猫 [b]'


def test_an_image_is_called_what_its_file_calls_it(audited: AuditResult) -> None:
    images = tuple(
        replace(image, file="all.json", name=f"{place}.jpg") for place, image in enumerate(audited.objects.images)
    )
    table = rows(replace(audited, objects=replace(audited.objects, images=images)))
    assert (table[0]["image"], table[5]["image"], table[5]["file"]) == ("0.jpg", "1.jpg", "all.json")


@pytest.mark.parametrize("chunk", [1, 4, 6])
def test_chunks_are_the_same_text(audited: AuditResult, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = b"".join(audit_csv(audited))
    monkeypatch.setattr(module, "ROWS", chunk)
    chunks = list(audit_csv(audited))
    assert len(chunks) == 1 + -(-6 // chunk)
    assert b"".join(chunks) == whole


def test_half_a_surrogate_pair(audited: AuditResult) -> None:
    odd = replace(audited.objects, labels=("\udcff",) * 6)
    assert rows(replace(audited, objects=odd))[0]["class"] == r"\udcff"


def test_boxes_that_are_not_finite(audited: AuditResult) -> None:
    stated = audited.objects.stated.copy()
    stated[5, 0] = float("nan")
    assert rows(replace(audited, objects=replace(audited.objects, stated=stated)))[5]["x1"] == "nan"


def test_no_object(audited: AuditResult) -> None:
    none = replace(
        audited.objects,
        labels=(),
        **{
            name: getattr(audited.objects, name)[:0]
            for name in ("image", "index", "class_id", "stated", "boxes", "positives", "forced")
        },
    )
    assert rows(replace(audited, objects=none)) == []
