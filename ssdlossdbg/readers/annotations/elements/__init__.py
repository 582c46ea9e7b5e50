"""Where each object stands in its annotation file, as the file writes it: its extent, its numbers, what it says.

A file for each family of formats mirrors the reader of the same formats: objects have the places in their image's list
that the reader gives them. May use the readers of the formats; what is edited, `edit.py` says.
"""
