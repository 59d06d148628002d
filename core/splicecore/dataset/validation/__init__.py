"""Checks of a finished dataset: files, rows, sequence, structure, leakage, and a report of what they found."""
