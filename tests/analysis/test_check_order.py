"""`check` tells of files with errors before it warns of whole folders."""

from __future__ import annotations

from pathlib import Path

import pytest

import ssdlossdbg

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
