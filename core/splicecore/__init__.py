"""splicecore: one framework around the deep models that predict splice sites.

Import from :mod:`splicecore.api`; this package itself imports nothing, so that ``import splicecore`` stays cheap.
"""

__version__ = "0.1.0"

__all__ = ["__version__"]
