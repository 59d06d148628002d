"""Signal tracks and splice-junction tables of the user, as values at genomic positions."""
