"""Settings of the documentation site: ``make docs`` builds it, with warnings as errors."""

from __future__ import annotations

import importlib.metadata

project = "splicecore"
author = "The splicecore developers"
copyright = author  # noqa: A001
release = version = importlib.metadata.version("splicecore")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_click",
]
exclude_patterns = ["_build", "tools"]
suppress_warnings = ["ref.python"]  # `Attributes` sections look for the attribute of that name in every class

html_theme = "furo"
html_title = f"splicecore {release}"
html_copy_source = False
html_show_sphinx = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4

autodoc_typehints = "none"  # shapes and dtypes are in the docstrings; signatures have the types
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": False}
autosummary_generate = True
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
