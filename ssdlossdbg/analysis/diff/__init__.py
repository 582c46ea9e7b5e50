"""What changed from A to B, and which input or rule explains it: a file each for what can be compared."""
