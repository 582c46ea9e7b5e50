"""What the shell completes after options that take a name: of a dialect, of several, or of a preset."""

from __future__ import annotations


def dialects() -> list[str]:
    """The shipped dialects."""
    from ssdlossdbg.readers.dialects import dialect_names

    return dialect_names()


def some_dialects(incomplete: str) -> list[str]:
    """Those and `all`; after a comma, those that are not named yet.

    Args:
        incomplete: what is typed so far.
    """
    before, comma, _ = incomplete.rpartition(",")
    named = before.split(",")
    return [before + comma + name for name in (*dialects(), *([] if comma else ["all"])) if name not in named]


def presets() -> list[str]:
    """The shipped presets of priors."""
    from ssdlossdbg.readers.prior_configs import preset_names

    return preset_names()
