"""Whether the files of a pass are those that its manifest promises."""

from __future__ import annotations

from typing import Any

import attrs

from splicecore.artifacts.layout import SHARDS
from splicecore.artifacts.pass_record import PassRecord
from splicecore.artifacts.store import file_sha256

__all__ = ["UNHASHED", "PassValidation", "validate_pass"]

UNHASHED = frozenset({"manifest.json", "performance_report.json", "performance_report.txt", "report.html", "run.log"})
"""Files that a pass may have beside those that its manifest lists: they hold times, or are the manifest."""

_SCHEMA = "splicecore-"


@attrs.frozen(kw_only=True)
class PassValidation:
    """What was found when the files of a pass were compared with its manifest.

    Attributes
    ----------
    record
        The pass.
    checked
        Files that were read.
    missing, changed, extra
        Files that are not there, that have another content, and that the manifest does not list.
    problems
        What else is wrong: with the manifest, or that the pass belongs elsewhere.
    """

    record: PassRecord
    checked: int = 0
    missing: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def damaged(self) -> bool:
        """Whether anything is wrong with what is there."""
        return bool(self.missing or self.changed or self.extra or self.problems)

    @property
    def passed(self) -> bool:
        """Whether the pass is finished and as its manifest says."""
        return self.record.finished and not self.damaged

    @property
    def findings(self) -> tuple[str, ...]:
        """Everything that is wrong, one line each."""
        return (
            *self.problems,
            *(f"{name} is missing" for name in self.missing),
            *(f"{name} has other content than its manifest says" for name in self.changed),
            *(f"{name} is not in the manifest" for name in self.extra),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the findings, JSON-able."""
        return {
            "kind": self.record.kind,
            "name": self.record.name,
            "path": str(self.record.folder),
            "state": self.record.state,
            "passed": self.passed,
            "checked": self.checked,
            "missing": list(self.missing),
            "changed": list(self.changed),
            "extra": list(self.extra),
            "problems": list(self.problems),
        }


def validate_pass(record: PassRecord) -> PassValidation:
    """Compare every file of a pass with its manifest, reading all of them.

    An unfinished pass has no manifest: nothing is checked, and it does not pass.
    """
    problems = [] if record.problem is None else [record.problem]
    if not record.manifest:
        return PassValidation(record=record, problems=tuple(problems))
    schema = record.manifest.get("schema")
    if not isinstance(schema, str) or not schema.startswith(_SCHEMA):
        problems.append(f"manifest.json has the schema {schema!r}")
    rows = record.manifest.get("rows")
    if not isinstance(rows, int) or rows < 0:
        problems.append(f"manifest.json has {rows!r} rows")
    missing, changed = [], []
    for name in sorted(record.files):
        path = record.folder / name
        if not path.is_file():
            missing.append(name)
        elif file_sha256(path) != record.files[name]:
            changed.append(name)
    return PassValidation(
        record=record,
        checked=len(record.files) - len(missing),
        missing=tuple(missing),
        changed=tuple(changed),
        extra=tuple(_extra(record)),
        problems=tuple(problems),
    )


def _extra(record: PassRecord) -> list[str]:
    """Files that the manifest does not list; hidden ones and shards are the writers' own."""
    found = (path.relative_to(record.folder) for path in record.folder.rglob("*") if not path.is_dir())
    own = (path for path in found if path.parts[0] != SHARDS)
    names = {str(path) for path in own if not any(part.startswith(".") for part in path.parts)}
    return sorted(names - record.files.keys() - UNHASHED)
