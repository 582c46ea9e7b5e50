"""A training over time: what a sampled batch leaves, and what all of them together tell."""
