"""The tables of ``docs/reference/features.md`` are those of the declared schemas.

python tests/core/features/test_docs.py    # writes them anew
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from splicecore.features.configs import FeatureConfig
from splicecore.features.pipeline import FeaturePipeline
from splicecore.features.presets import MENDED, PRESETS
from splicecore.plugins.host import PluginHost

DOCS = Path(__file__).parents[3] / "docs" / "reference" / "features.md"
SETS = ("probability", "context", "partners", "sequence", "structural")


def columns_of(name):
    schema = FeaturePipeline.open(FeatureConfig(sets=(name,)), PluginHost(), ["primary"]).schema
    lines = ["| column | type | formula | unit | range | near label |", "| --- | --- | --- | --- | --- | --- |"]
    for field in schema:
        words = re.fullmatch(r"3mer_([ACGT]+)", field.name)
        if words and words[1] != "AAA":
            continue
        said = {key.decode(): value.decode() for key, value in field.metadata.items()}
        column, text = field.name, said["description"]
        if words:
            column, text = "3mer_*", text.replace("AAA", "the word")
        dtype = f"{field.type}{' or null' if field.nullable else ''}"
        near = "yes" if said["near_label"] == "true" else "no"
        lines.append(f"| `{column}` | {dtype} | {text} | {said['unit']} | {said['range']} | {near} |")
    return "\n".join(lines)


def mended():
    lines = ["| columns | what is different |", "| --- | --- |"]
    return "\n".join(
        [*lines, *(f"| {', '.join(f'`{n}`' for n in names)} | {text} |" for names, text in MENDED.items())]
    )


def presets():
    lines = ["| preset | columns | content |", "| --- | --- | --- |"]
    for name, preset in PRESETS.items():
        count = len(FeaturePipeline.open(preset.config, PluginHost(), ["primary"]).schema)
        lines.append(f"| `{name}` | {count} | {preset.summary} |")
    return "\n".join(lines)


TABLES = {**{name: lambda name=name: columns_of(name) for name in SETS}, "mended": mended, "presets": presets}


def written(text, name):
    found = re.search(rf"<!-- {name} -->\n(.*?)\n<!-- end -->", text, re.DOTALL)
    return found[1] if found else None


@pytest.mark.parametrize("name", TABLES)
def test_tables(name):
    assert written(DOCS.read_text(encoding="utf-8"), name) == TABLES[name]()


if __name__ == "__main__":
    page = DOCS.read_text(encoding="utf-8")
    for table, render in TABLES.items():
        replacement = f"<!-- {table} -->\n{render()}\n<!-- end -->"
        page = re.sub(rf"<!-- {table} -->\n.*?<!-- end -->", lambda _: replacement, page, flags=re.DOTALL)  # noqa: B023
    DOCS.write_text(page, encoding="utf-8")
