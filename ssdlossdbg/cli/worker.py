"""What torch's launchers start for each rank in the place of a script: `ssdlossdbg run` of that script.

`python -m torch.distributed.launch` puts an argument of its own before all others; it is the script's.
"""

from __future__ import annotations

import sys

from ssdlossdbg.__main__ import main

RANK_OPTIONS = ("--local-rank=", "--local_rank=")


def rearranged(args: list[str]) -> list[str]:
    """The arguments of `ssdlossdbg run`, with what a launcher put first behind the name of the script."""
    first = [word for word in args[:1] if word.startswith(RANK_OPTIONS)]
    rest = args[len(first) :]
    script = rest.index("--") + 2
    return ["run", *rest[:script], *first, *rest[script:]]


if __name__ == "__main__":
    sys.argv[1:] = rearranged(sys.argv[1:])
    main()
