"""What the audit of a dataset looks like: on the terminal, as JSON, as CSV and as charts; a file each."""
