"""The documentation lists every check, and no other."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[4] / "docs" / "howto" / "datasets_validation.md"


def test_every_check_is_documented(clean):
    listed = re.findall(r"^\| `([a-z -]+)` \|", DOCS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    made = [check.name for check in clean.validate(scores=clean.scores).checks]
    assert [name for name in listed if name not in ("reading", "rows")] == made
