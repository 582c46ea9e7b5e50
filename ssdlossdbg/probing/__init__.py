"""Runs a user's own criterion on small cases, to see whose loss it is.

It knows how the codebases call theirs (`live` knows the same the other way round), and asks `analysis.identity` which
rules explain what was returned. `live` reaches it by name alone, when a training begins.
"""
