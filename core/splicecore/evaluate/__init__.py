"""How good predictions are: metrics over labelled positions."""
