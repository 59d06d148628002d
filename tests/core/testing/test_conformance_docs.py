"""The page on conformance lists every check, class, fixture and option, and its example runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from splicecore.cli.plugins import command
from splicecore.testing import conformance
from splicecore.testing.conformance import checks
from splicecore.testing.conformance.executor_checks import EXECUTOR_CHECKS
from splicecore.testing.conformance.feature_checks import FEATURE_SET_CHECKS
from splicecore.testing.conformance.meta_checks import META_MODEL_CHECKS
from splicecore.testing.conformance.packaging_checks import PACKAGING_CHECKS
from splicecore.testing.conformance.uncertainty_checks import UNCERTAINTY_CHECKS

PAGE = (Path(__file__).parents[3] / "docs" / "plugins" / "conformance.md").read_text(encoding="utf-8")
GROUPS = {
    "Base models": checks.BASE_MODEL_CHECKS,
    "Feature sets": FEATURE_SET_CHECKS,
    "Uncertainty strategies": UNCERTAINTY_CHECKS,
    "Meta-models": META_MODEL_CHECKS,
    "Executors": EXECUTOR_CHECKS,
    "Packages": PACKAGING_CHECKS,
}


@pytest.mark.parametrize("title", GROUPS)
def test_every_check_is_listed_as_it_is(title):
    section = PAGE.partition(f"### {title}\n")[2].partition("\n### ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")][1:]
    expected = []
    for check in GROUPS[title]:
        name, summary, remedy = checks.describe_check(check)
        said = summary.removeprefix("Check that ").rstrip(".")
        expected.append(f"| {name.replace('_', ' ')} | {said} | {remedy.rstrip('.')} |")
    assert rows == expected


def test_every_class_and_its_fixtures_are_listed():
    for name in (name for name in conformance.__all__ if name.endswith("Conformance")):
        (row,) = re.findall(rf"\| `{name}` \| (.*) \|", PAGE)
        for fixture in re.findall(r"`(\w+)`", row):
            assert hasattr(getattr(conformance, name), fixture), (name, fixture)


def test_every_option_is_listed():
    (check,) = [each for each in command.commands.values() if each.name == "check"]
    for parameter in check.params:
        for option in parameter.opts:
            if option.startswith("--") and option != "--data-root":
                assert option in PAGE, option


def test_the_example_without_pytest_runs():
    (block,) = [block for block in re.findall(r"```python\n(.*?)```", PAGE, re.S) if "check_plugin" in block]
    exec(compile(block, "docs/plugins/conformance.md", "exec"), {})
