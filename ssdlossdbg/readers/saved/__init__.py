"""Saved tensors: predictions, targets, priors and weights, recognised on values in memory whichever file they are from.

`files` alone opens files; everything else takes what it loaded, or what a user's own code holds.
"""
