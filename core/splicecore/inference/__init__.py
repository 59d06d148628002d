"""Scoring positions with a trained meta-model."""
