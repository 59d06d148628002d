"""Where a pass is written, and why there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import attrs

from splicecore.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from splicecore.artifacts.pass_record import PassRecord

__all__ = ["Placement", "PlacementReason", "choose_test", "choose_version"]

PlacementReason = Literal["new", "resume", "finished", "replace"]


@attrs.frozen
class Placement:
    """The folder of a pass.

    Attributes
    ----------
    folder
        Where the pass is written, through a :class:`~splicecore.artifacts.run_directory.RunDirectory`.
    reason
        ``"new"``: nothing is there; ``"resume"``: this very pass was begun there; ``"finished"``: it is there;
        ``"replace"``: another pass is there, or this one that is to be made again.
    """

    folder: Path
    reason: PlacementReason

    @property
    def force(self) -> bool:
        """What :meth:`RunDirectory.begin` is to be told: whether to discard what is there."""
        return self.reason == "replace"


def choose_test(record: PassRecord, identity_digest: str, *, force: bool) -> Placement:
    """Place a pass into a test's folder: what another pass left there is replaced."""
    if record.state == "foreign":
        record.require_usable()
    if record.identity_digest is None and record.state != "damaged":
        return Placement(record.folder, "new")
    if force or record.identity_digest != identity_digest:
        return Placement(record.folder, "replace")
    return Placement(record.folder, _how_far(record))


def choose_version(
    versions: Sequence[PassRecord], identity_digest: str, *, force: bool, new_version: bool
) -> Placement | None:
    """Place a pass into a production version, or say with None that it needs a new one.

    Parameters
    ----------
    versions
        Production versions, newest first.
    identity_digest
        Of the pass.
    force
        Replace the newest version if it is another pass, or make it again.
    new_version
        Add a version if the newest one is another pass.

    Raises
    ------
    OutputError
        If the newest version is another pass, and neither ``force`` nor ``new_version`` says what to do; or if a
        version belongs to another base model or build.
    ChecksumError
        If the newest version's manifest cannot be read, likewise.
    """
    for version in versions:
        if version.state == "foreign":
            version.require_usable()
    if not versions:
        return None
    newest = versions[0]
    begun = [
        version
        for version in versions
        if version.identity_digest == identity_digest and (version is newest or not version.finished)
    ]
    if begun:
        replaced = force and begun[0].state != "empty"
        return Placement(begun[0].folder, "replace" if replaced else _how_far(begun[0]))
    if newest.state == "empty" and newest.claim is None:
        return Placement(newest.folder, "new")
    if new_version:
        return None
    if force:
        return Placement(newest.folder, "replace")
    newest.require_usable()
    what = "a finished pass" if newest.finished else "an unfinished pass"
    raise OutputError(
        f"{newest.folder} holds {what} with other settings, and production is immutable",
        hint="--new-version keeps it and adds a version, --force replaces it",
    )


def _how_far(record: PassRecord) -> PlacementReason:
    if record.finished:
        return "finished"
    return "resume" if record.state == "unfinished" else "new"
