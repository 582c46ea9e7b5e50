"""Results to terminal reports, PNG pictures and JSON.

A renderer takes a result of `results/` (for `explain`, the checks themselves) and returns text, a rich
renderable or an image; it never prints, writes or reads files, and never imports torch.
"""
