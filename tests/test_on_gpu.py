"""What is asked of a GPU, asked of what any machine has: it finds what is wrong, and goes on after that."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from ssdlossdbg.multibox import loss as core
from ssdlossdbg.readers.dialects import load_dialect

BENCH = Path(__file__).parent / "bench"


@pytest.fixture(scope="module")
def script() -> Any:
    """The script, which imports those beside it."""
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(str(BENCH))
        return importlib.import_module("on_gpu")


@pytest.fixture
def problems(script: Any) -> Any:
    """A batch on a device, and on the CPU."""
    return lambda device: (script.Problem(1, device, 4), script.Problem(1, "cpu", 4))


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("name", ["ssd.pytorch", "refinedet", "tf-object-detection"])
def test_what_is_as_it_is_to_be(name: str, device: str, script: Any, problems: Any) -> None:
    assert script.faults_of(load_dialect(name), *problems(device)) == []


def test_whoever_waits_for_values_is_told(script: Any, problems: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    combine = core.combine

    def asks(*given: Any) -> Any:
        assert bool(given[3].isfinite().all())
        return combine(*given)

    monkeypatch.setattr(core, "combine", asks)
    faults = script.faults_of(load_dialect("ssd.pytorch"), *problems("meta"))
    assert [fault.partition(":")[0] for fault in faults] == ["core", "criterion"]


def test_other_numbers_are_told(script: Any, problems: Any) -> None:
    other, plain = problems("cpu")
    other.conf[0, 5:9, 1] += 20
    faults = script.faults_of(load_dialect("ssd.pytorch"), other, plain)
    assert "mined" in faults
    assert any(fault.startswith("confidence_terms by ") for fault in faults)
    assert any(fault.startswith("gradient of logits by ") for fault in faults)
    assert not any("localization_terms" in fault for fault in faults)


def test_a_part_that_breaks_off_does_not_keep_the_next_from_running(script: Any, capsys: Any) -> None:
    def breaks(_: Any) -> list[str]:
        """The first."""
        raise RuntimeError("out of memory")

    def misses(_: Any) -> list[str]:
        """The second."""
        return ["too slow"]

    missed = script.all_missed(script.Run("cpu", 1, 1), [breaks, misses])
    assert missed == ["breaks broke off: RuntimeError('out of memory')", "misses: too slow"]
    assert "== The second\n" in capsys.readouterr().out


def test_what_is_asked_of_which_device(script: Any) -> None:
    names = [[part.__name__ for part in script.parts_of(script.Run(each, 1, 1))] for each in ("meta", "cpu", "cuda")]
    assert names[0] == ["numbers"]
    assert names[2] == [*names[1], "tests"]
