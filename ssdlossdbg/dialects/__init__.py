"""Dialects as data: one TOML file a codebase, each line with its source in a comment."""
