"""The base-model pass: reference to blocks, blocks to tiles, tiles to scores, scores to tables."""
