"""The manual as data: one Markdown file a page. `ssdlossdbg manual PAGE` prints it, and a test runs its examples."""
