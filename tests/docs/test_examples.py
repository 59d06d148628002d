"""Every example of these pages runs, in order, and prints what the page says."""

from __future__ import annotations

import importlib.metadata
import shutil
import sys
from pathlib import Path

import pytest

PAGES = (
    "tutorial/first_run.md",
    "howto/embedding.md",
    "howto/base_model_pass.md",
    "concepts/coordinates.md",
    "concepts/prevalence.md",
    "plugins/index.md",
)
LONG = 600  # seconds, on a machine that has other work too


@pytest.fixture
def place(runner, tmp_path):
    """Return a function that makes a place where a page's examples run; skips where its plugins are not installed."""
    modules = set(sys.modules)

    def make(page):
        wanted = runner.PAGES[page]
        for plugin in wanted:
            try:
                importlib.metadata.distribution(f"splicecore-{plugin}")
            except importlib.metadata.PackageNotFoundError:
                pytest.skip(f"splicecore-{plugin} is not installed")
        if shutil.which("bash") is None or not Path(sys.executable).with_name("splicecore").exists():
            pytest.skip("needs bash and the installed command")
        return runner.Place.make(tmp_path, ",".join(wanted))

    yield make
    for name in set(sys.modules) - modules:
        if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in str(sys.modules[name].__file__):
            del sys.modules[name]


@pytest.mark.timeout(LONG)
@pytest.mark.parametrize("page", PAGES)
def test_the_examples_print_what_the_page_says(page, docs, runner, place):
    found = list(runner.examples((docs / page).read_text(encoding="utf-8")))
    assert found
    where = place(page)
    for example in found:
        printed = runner.run_example(example, where)
        if example.output is not None:
            assert runner.same_output(example.output, printed), f"{page}, line {example.line}:\n{printed}"


def test_every_page_of_the_tool_is_tested(runner):
    assert set(runner.PAGES) == set(PAGES)


def test_the_notebook_is_that_of_the_page(notebooks):
    written = notebooks.notebook_path(notebooks.PAGE).read_text(encoding="utf-8")
    made = notebooks.notebook(notebooks.PAGE.read_text(encoding="utf-8"))
    assert written == made, "python docs/tools/notebook.py writes it anew"


def test_the_cells_of_the_notebook_are_the_examples(docs, runner, notebooks):
    import json

    text = (docs / "howto" / "embedding.md").read_text(encoding="utf-8")
    cells = [cell for cell in json.loads(notebooks.notebook(text))["cells"] if cell["cell_type"] == "code"]
    wanted = [example.code.strip("\n") for example in runner.examples(text)]
    assert ["".join(cell["source"]) for cell in cells] == wanted
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)


PAGE = """# Page

```console
$ echo one \\
    two
one two
$ printf '%s\\n' 1.5 gone 3
1.51
...
3
```

<!-- not run -->
```python
raise AssertionError
```

```python
value = 1
print(value)
```

```text
1
```
"""


def test_examples_are_found_with_their_output_and_line(runner):
    found = list(runner.examples(PAGE))
    assert [(example.language, example.line) for example in found] == [("console", 4), ("console", 7), ("python", 19)]
    assert [example.output for example in found] == ["one two\n", "1.51\n...\n3\n", "1\n"]
    for example in found:
        start, end = example.span
        assert PAGE[start:end] == example.output


def test_examples_run(runner, tmp_path):
    where = runner.Place.make(tmp_path, "")
    printed = [runner.run_example(example, where) for example in runner.examples(PAGE)]
    assert printed == ["one two\n", "1.5\ngone\n3\n", "1\n"]
    outputs = [example.output for example in runner.examples(PAGE)]
    assert all(map(runner.same_output, outputs, printed))


def test_a_command_that_fails_is_told(runner, tmp_path):
    where = runner.Place.make(tmp_path, "")
    (example,) = runner.examples("```console\n$ echo bad >&2; false\n```\n")
    with pytest.raises(RuntimeError, match=r"line 2.*\nended with 1\nbad"):
        runner.run_example(example, where)


@pytest.mark.parametrize(
    ("said", "found", "same"),
    [
        ("a  b", "a b", True),
        ("a b", "a c", False),
        ("a", "a\nb", False),
        ("a\n...", "a\nb\nc", True),
        ("...\nc", "a\nb\nc", True),
        ("...\nb", "a\nb\nc", False),
        ("1.00", "1.01", True),
        ("1.00", "1.05", False),
        ("(0.50%)", "(0.505%)", True),
        ("0.5 x", "0.5x", False),
        ("12", "13", False),
        ("SIM1.5", "SIM2.5", False),
    ],
)
def test_outputs_are_compared(runner, said, found, same):
    assert runner.same_output(said, found) is same
