"""Whose loss is it? Rules are held against what a criterion returned, on cases that are made to tell them apart.

`cases` makes the inputs, `trials` computes what rules give for them, `changes` lists what a rule may be instead, and
`search` looks for the rules that explain every number. What runs a user's own code is in `probing`, not here.
"""
