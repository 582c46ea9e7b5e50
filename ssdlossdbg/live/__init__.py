"""What runs inside a user's training: it looks on, saves the batch that went wrong, and never breaks a step.

It may use `results` for plain data and `multibox` for maths, imports torch and safetensors where they are needed, and
knows no readers and no reports. `cli` and users call it.

The way of a batch: `attach` puts hooks on a criterion or wraps a function; `recipes` takes loc, conf, priors and
targets out of the arguments; `recorder` holds the last few by reference, judges their losses by `history`, and hands
the guilty one to `folder`, which writes it whole or not at all.
"""
