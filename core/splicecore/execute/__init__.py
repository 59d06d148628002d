"""Shards, and who runs them."""
