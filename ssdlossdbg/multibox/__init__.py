"""The SSD maths on tensors, and nothing else: boxes, priors, codec, matching, mining, loss.

Functions here take tensors and the small frozen specs of `rules`, work on batches with any number of
objects per image, and run on any device. They know nothing of files, dialect names or reports, and use no
other room but `rules`.
"""
