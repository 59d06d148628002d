"""The example of ``docs/concepts/training_concepts.md`` runs and does what it says."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs" / "concepts" / "training_concepts.md"


def test_the_example_runs():
    code = re.search(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)[1]
    names = {}
    exec(compile(code, str(DOCS), "exec"), names)
    chosen = [int(gene[1:]) for gene in names["genes"].column("gene_id").take(names["fold"].test).to_pylist()]
    assert len(names["splits"].folds) == 5
    assert sorted(chosen) == [4 * block + i for block in sorted({gene // 4 for gene in chosen}) for i in range(3)]
