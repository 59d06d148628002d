"""Resources that models and workflows need: where they are and how they are found."""
