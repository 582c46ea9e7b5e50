"""Files to ground truth, predictions, prior configs and dialects.

Every error raised here names the file, the place in it, what is wrong and what to do. Uses `rules`, `multibox` (for its
tensors) and the data folders `dialects` and `prior_configs`; prints nothing.
"""
