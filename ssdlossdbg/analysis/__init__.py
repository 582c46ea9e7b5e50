"""Questions and their answers: one file a question, which takes a `Scene` and hands on plain data.

A scene is a photo or batch under one dialect; each of its stages is computed once, when it is asked for. `evidence/`
makes what the checks look at. May use `readers` (for what was read), `multibox` and `results`, whose frozen
dataclasses have left the device.
"""
