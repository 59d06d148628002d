"""Matching the contigs of a track file with those of the reference genome."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from splicecore.errors import ContigError, InputError
from splicecore.genome.contigs import describe_names

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from splicecore.genome.contigs import Contigs

__all__ = ["OTHER_BUILD", "match_contigs"]

_LOG = logging.getLogger(__name__)

OTHER_BUILD = "is the file of another build than the reference?"
"""Hint of errors about coordinates and lengths that do not fit."""


def match_contigs(path: Path, names: Iterable[str], reference: Contigs) -> dict[str, str]:
    """Find the reference's contigs that a file has; those that the reference does not have are listed in a warning.

    Returns
    -------
    Reference's name -> the file's name.

    Raises
    ------
    ContigError
        If two contigs of the file are one of the reference's, a name is ambiguous, or an accession is of another build.
    InputError
        If the file has no contig of the reference.
    """
    found: dict[str, str] = {}
    unmatched: list[str] = []
    given = tuple(names)
    for name in given:
        try:
            own = reference.resolve(name)
        except ContigError as error:
            raise ContigError(f"{path}: {error.message}", hint=error.hint) from error
        if own is None:
            unmatched.append(name)
        elif own in found:
            raise ContigError(
                f"{path} has contigs {found[own]} and {name}, which are both the reference's {own}",
                hint="name every contig in one way",
            )
        else:
            found[own] = name
    if not found:
        raise InputError(
            f"track file {path} has no contig of the reference: it has {describe_names(given)}; "
            f"the reference has {describe_names(reference.names)}",
            hint=OTHER_BUILD,
        )
    if unmatched:
        _LOG.warning(
            "%s has %d contigs that the reference does not have: %s",
            path,
            len(unmatched),
            describe_names(tuple(unmatched), count=8),
        )
    return found
