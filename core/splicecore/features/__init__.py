"""Features of positions: functions of a gene's sequence and base scores, the same for training and inference."""
