"""Questions and their answers: one file a question, which runs the maths once and hands on plain data.

May use `readers` (for what was read), `multibox` and `results`, whose frozen dataclasses have left the device. `evidence/` makes what the checks look at.
"""
