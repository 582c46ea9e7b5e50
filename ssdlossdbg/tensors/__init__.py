"""The SSD maths for tensors of your own: a codebase by its name, inputs checked once, a criterion that trains.

`multibox` takes specs and checks nothing. Here rules may be named, units are converted, and what does not fit together
is refused in the sentences that files get. Uses `readers` (for dialects and prior configs) and `multibox`; `analysis`
and `api`, which work on whole saved batches, do without it.
"""
