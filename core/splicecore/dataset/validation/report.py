"""What was found of a dataset: all checks together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from splicecore.artifacts.store import write_json
from splicecore.dataset.validation.check import DatasetCheck
from splicecore.errors import ExitCode

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["REPORT_SCHEMA", "DatasetValidation"]

REPORT_SCHEMA = "splicecore-dataset-validation/1"


@attrs.frozen(kw_only=True)
class DatasetValidation:
    """What was found of a dataset.

    Attributes
    ----------
    folder
        Where it is.
    rows, files
        Rows and files that were read.
    checks
        In the order in which they are reported; names are unique.
    """

    folder: str
    rows: int
    files: int
    checks: tuple[DatasetCheck, ...]

    @property
    def issues(self) -> list[str]:
        """What is wrong, one line each."""
        return [f"{check.name}: {check.details}" for check in self.checks if check.status in ("failed", "damaged")]

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong; warnings and skipped checks are not wrong."""
        return not self.issues

    @property
    def exit_code(self) -> ExitCode:
        """5 if files are damaged, 3 if a check failed, else 0."""
        found = {check.status for check in self.checks}
        if "damaged" in found:
            return ExitCode.RESOURCE
        return ExitCode.INPUT if "failed" in found else ExitCode.OK

    def check(self, name: str) -> DatasetCheck:
        """Return the check of a name; KeyError if there is none."""
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(name)

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON-able values."""
        return {
            "schema": REPORT_SCHEMA,
            "folder": self.folder,
            "passed": self.passed,
            "rows": self.rows,
            "files": self.files,
            "checks": [attrs.asdict(check) for check in self.checks],
            "issues": self.issues,
        }

    def write(self, path: Path) -> None:
        """Write the report as JSON."""
        write_json(path, self.to_json())
