"""`check` tells of files with errors before it warns of whole folders."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import ssdlossdbg
from ssdlossdbg.analysis.check import by_file
from ssdlossdbg.results import Severity

OBJECT = (
    "<object><name>{name}</name><difficult>0</difficult><bndbox><xmin>{x}</xmin><ymin>20</ymin>"
    "<xmax>160</xmax><ymax>180</ymax></bndbox></object>"
)


def write(path: Path, name: str, x: str) -> None:
    """A Pascal VOC file of one object."""
    size = "<size><width>200</width><height>200</height></size>"
    path.write_text(f"<annotation>{size}{OBJECT.format(name=name, x=x)}</annotation>", "utf-8")


@pytest.mark.parametrize(("x", "codes"), [("20.5", ["LDR001", "LBL010"]), ("20", ["LBL010"])])
def test_an_error_in_a_file_stands_before_a_warning_of_its_folder(tmp_path: Path, x: str, codes: list[str]) -> None:
    for number in range(25):
        write(tmp_path / f"{number:02}.xml", "platelet", "20")
    write(tmp_path / "25.xml", "plateelt", x)
    found = ssdlossdbg.check([tmp_path], device="cpu").findings
    assert [finding.code for finding in found if finding.code in ("LDR001", "LBL010")] == codes


def test_the_cause_of_notes_in_files_stands_behind_errors_of_files(tmp_path: Path) -> None:
    for number in range(25):
        write(tmp_path / f"{number:02}.xml", "platelet", "20")
    write(tmp_path / "25.xml", "plateelt", "20.5")
    found = {finding.code: finding for finding in ssdlossdbg.check([tmp_path], device="cpu").findings}
    error, warning = found["LDR001"], found["LBL010"]
    elsewhere = replace(error.cases[0], where=replace(error.where, file=f"{tmp_path}/00.xml"))
    note = replace(error, code="MAT005", severity=Severity.NOTE, cases=(elsewhere,), follows_from=("LBL010",))
    assert [each.code for each in by_file([note, warning, error])] == ["LDR001", "LBL010", "MAT005"]
