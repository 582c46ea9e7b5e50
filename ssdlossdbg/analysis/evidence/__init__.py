"""What the checks look at beside the results: a file a kind of thing, computed on the device, handed on as plain data.

The tables themselves are in `ssdlossdbg/results/`, where no torch is.
"""
