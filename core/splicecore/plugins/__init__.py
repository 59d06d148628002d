"""Hooks, the descriptors they yield, the protocols behind them, and the host that loads plugins."""
