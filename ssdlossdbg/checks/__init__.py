"""Checks: results and what they were computed from -> findings; a family a file, a function a finding.

A check's docstring is what `ssdlossdbg explain CODE` prints. May use `results` and the plain settings of
`rules`; never torch, so that `explain` starts at once. A check prints nothing.
"""
