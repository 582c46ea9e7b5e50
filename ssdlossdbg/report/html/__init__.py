"""Results to pages: one HTML file each, which asks nothing of any network and runs in any browser of today.

`page.py` fills `page.html` in one pass, with the style, the scripts and the data beside it; a row of its table says
what the page of a kind of result is made of. Scripts make all that is seen from the JSON document of the result, so
that no number on a page can differ from it. What comes from files is text to them, never markup.
"""
