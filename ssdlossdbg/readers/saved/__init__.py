"""Saved tensors: predictions, targets and weights, recognised on values in memory, whichever file they are from.

`tensor_files` alone opens files; everything else takes the `Saved` value that it makes of a file, or of what a user's
own code holds, and names in its errors where that came from.
"""
