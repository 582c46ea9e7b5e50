"""The command line: one short file a command, which parses, calls, renders and exits.

May use every other room; the only one that prints and writes files. Nothing here imports torch at module level, so
that `--help`, `--version` and shell completion stay instant.
"""
