"""What training needs beside a model: splits, pruning, weights, calibration, operating points and leakage alarms."""
