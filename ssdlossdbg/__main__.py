"""The process of the command: `python -m ssdlossdbg`, and the console script."""

from __future__ import annotations


def main() -> None:
    """Run the command and end the process, by the contract of exit codes whatever happens and whenever.

    A script that the command is to run ends the process as it would without us.
    """
    try:  # Ctrl-C may come while the command is still being imported
        from ssdlossdbg.cli.process import end, run

        code = run()
    except KeyboardInterrupt:
        from ssdlossdbg.cli.process import end, interrupted

        code = interrupted()
    if not isinstance(code, int):
        code()
    else:
        end(code)


if __name__ == "__main__":
    main()
