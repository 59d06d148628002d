"""Make the notebook of a page: text as cells of Markdown, Python blocks as cells of code, without outputs.

python docs/tools/notebook.py      # writes embedding.ipynb beside its page
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

__all__ = ["PAGE", "notebook", "notebook_path"]

PAGE = Path(__file__).parents[1] / "howto" / "embedding.md"

_CODE = re.compile(r"^```python\n(.*?)^```$(?:\n\n?```text\n.*?^```$)?", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[([^\]]+)\]\((?!https?:)[^)]*\)")
_ROLE = re.compile(r"; \{download\}`[^`]*` has them as a notebook")


def _cell(kind: str, number: int, text: str) -> dict[str, Any]:
    source = text.strip("\n").splitlines(keepends=True)
    cell: dict[str, Any] = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}, "source": source}
    return {**cell, "execution_count": None, "outputs": []} if kind == "code" else cell


def notebook(page: str) -> str:
    """Return the notebook of a page's text as JSON."""
    parts = _CODE.split(_ROLE.sub("", page))
    cells = [
        _cell("code" if number % 2 else "markdown", number, text if number % 2 else _LINK.sub(r"\1", text))
        for number, text in enumerate(parts)
        if text.strip()
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    content = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def notebook_path(page: Path) -> Path:
    """Return where the notebook of a page is."""
    return page.with_suffix(".ipynb")


if __name__ == "__main__":
    notebook_path(PAGE).write_text(notebook(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
