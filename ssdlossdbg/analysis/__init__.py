"""Questions and their answers: one file a question, which runs the maths once and hands on plain data.

May use `readers` (for what was read) and `multibox`. Results are the frozen dataclasses of `results/`, which have left
the device and import no torch, so that whatever renders them needs none. `evidence/` makes what the checks look at.
"""
