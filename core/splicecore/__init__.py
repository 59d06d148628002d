"""splicecore: one framework around the deep models that predict splice sites.

Import from :mod:`splicecore.api`; this package itself imports nothing of its own, so that ``import splicecore`` stays
cheap.
"""

import logging

__version__ = "0.1.0"

__all__ = ["__version__"]

logging.getLogger(__name__).addHandler(logging.NullHandler())  # whoever embeds the package decides what is shown
