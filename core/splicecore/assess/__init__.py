"""How the base model's scores of a gene compare with its annotation: labeled positions, errors, sequences, counts."""
