"""Checks: results and what they were computed from -> findings; a function a finding, a family a file or a folder.

A check's docstring is what `ssdlossdbg explain CODE` prints. May use `results` and the plain settings of
`rules`; never torch, so that `explain` starts at once. A check prints nothing.
"""
