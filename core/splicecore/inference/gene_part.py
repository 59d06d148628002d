"""What a run of a meta-model knows of a gene: one file of float32 columns, with facts beside them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import attrs

from splicecore.errors import ChecksumError
from splicecore.predict.parts import PartReader

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["BASE", "COLUMNS", "FACTS", "FINAL", "RAW", "GeneFacts"]

BASE = ("neither_base", "acceptor_base", "donor_base")
"""Calibrated scores of the base models."""
FINAL = ("neither_meta", "acceptor_meta", "donor_meta")
"""What to use: the meta-model's calibrated probabilities where it was asked, else :data:`BASE`."""
RAW = ("neither_meta_raw", "acceptor_meta_raw", "donor_meta_raw")
"""The meta-model's probabilities before calibration; NaN where it was not asked."""
COLUMNS = (*BASE, *FINAL, "uncertainty", "is_uncertain", "is_adjusted", "reason", *RAW)
"""Columns of every part, before those of the strategy's criteria. ``is_*`` are 0 or 1; ``reason`` is 0 for none, else
one more than the place in :attr:`GeneFacts.reasons`."""
FACTS = "splicecore.facts"


@attrs.frozen(kw_only=True)
class GeneFacts:
    """Counts of a gene's part.

    Attributes
    ----------
    uncertain, recalibrated
        Positions that the strategy selects, and that the meta-model scored.
    changed_calls
        Positions whose final call is another than that of the primary base model as it is.
    reasons
        Why positions were recalibrated -> how many.
    criteria
        Names of the strategy's columns.
    """

    uncertain: int
    recalibrated: int
    changed_calls: int
    reasons: dict[str, int]
    criteria: tuple[str, ...]

    def metadata(self) -> dict[str, str]:
        """Return what the part's metadata holds."""
        return {FACTS: json.dumps(attrs.asdict(self), sort_keys=True)}

    @classmethod
    def read(cls, path: Path) -> GeneFacts:
        """Read the facts of a part.

        Raises
        ------
        ChecksumError
            If it has none, or is damaged.
        """
        with PartReader(path) as part:
            text = part.metadata.get(FACTS)
        try:
            values: dict[str, Any] = json.loads(text or "")
            return cls(**{**values, "criteria": tuple(values["criteria"])})
        except (ValueError, KeyError, TypeError) as error:
            raise ChecksumError(f"{path} is damaged: {error!r}", hint="run the same command again") from error
