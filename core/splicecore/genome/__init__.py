"""Contigs, reference sequence, annotation, splice sites: everything with a coordinate. 0-based, half-open."""
