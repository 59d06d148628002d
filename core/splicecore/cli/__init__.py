"""The command line: one module a command; the only place that prints, draws progress or sets up logging."""
