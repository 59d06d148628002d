"""Parameters of the consensus model, and their JSON file."""

from __future__ import annotations

import hashlib
import json
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt
from splicecore.api import OutputError, ResourceError, ResourceNotFoundError

from splicecore_consensus.calibration import N_FEATURES
from splicecore_consensus.motif import MotifShape, SiteMotif

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

__all__ = ["ACCEPTOR_SHAPE", "DONOR_SHAPE", "FLANK", "ConsensusModelParameters", "Provenance"]

ACCEPTOR_SHAPE = MotifShape(before=20, after=2, dinucleotide_at=18, dinucleotides=("AG",))
"""The last 20 bases of the intron and the first 3 of the exon."""
DONOR_SHAPE = MotifShape(before=2, after=6, dinucleotide_at=3, dinucleotides=("GC", "GT"))
"""The last 3 bases of the exon and the first 6 of the intron."""
FLANK = 20
"""Bases on both sides of a position that hold every window."""

_FORMAT = "splicecore-consensus"
_VERSION = 1
_HINT = "make it anew with: splicecore-consensus learn"


def _names(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(values)


@attrs.frozen(kw_only=True)
class Provenance:
    """Where parameters come from. Files are named without their folders.

    Attributes
    ----------
    annotation, annotation_sha256
        Name and SHA-256 of the annotation file.
    reference
        Name of the FASTA file.
    build
        Build of the genome.
    excluded_contigs
        Contigs that were kept for tests.
    tool
        What learned them, with its version.
    n_genes, n_positions, n_acceptors, n_donors
        What was counted; positions are all those of the genes.
    """

    annotation: str = ""
    annotation_sha256: str = ""
    reference: str = ""
    build: str = ""
    excluded_contigs: tuple[str, ...] = attrs.field(default=(), converter=_names)
    tool: str = ""
    n_genes: int = 0
    n_positions: int = 0
    n_acceptors: int = 0
    n_donors: int = 0


@attrs.frozen(kw_only=True, eq=False)
class ConsensusModelParameters:
    """All that the model has learned.

    Attributes
    ----------
    acceptor, donor
        The motifs.
    calibration
        float64, shape (2, 7); see :func:`splicecore_consensus.calibration.softmax`.
    provenance
        Where they come from.
    """

    acceptor: SiteMotif
    donor: SiteMotif
    calibration: npt.NDArray[np.float64]
    provenance: Provenance = attrs.field(factory=Provenance)

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hexadecimal) of the numbers that scores depend on; provenance is not one of them."""
        return hashlib.sha256(json.dumps(self._numbers(), sort_keys=True).encode()).hexdigest()

    def to_json(self) -> str:
        """Text of the parameter file: sorted keys, one row of numbers a line, the same for the same parameters."""
        provenance = attrs.asdict(self.provenance)
        content = {"format": _FORMAT, "version": _VERSION, "provenance": provenance, **self._numbers()}
        text = json.dumps(content, sort_keys=True, indent=1)
        return re.sub(r"\[[^\[\]{}]*\]", lambda found: " ".join(found[0].split()), text) + "\n"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the parameter file.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        target = Path(path)
        partial = target.with_name(f"{target.name}.partial")
        try:
            partial.write_text(self.to_json(), encoding="utf-8", newline="\n")
            partial.replace(target)
        except OSError as error:
            raise OutputError(f"cannot write {target}: {error}") from error

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> ConsensusModelParameters:
        """Read what :meth:`save` wrote.

        Raises
        ------
        ResourceNotFoundError
            If there is no such file.
        ResourceError
            If it is not a parameter file of this version; the message names the file and the field.
        """
        source = Path(path)
        try:
            text = source.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise ResourceNotFoundError(f"there is no parameter file {source}", hint=_HINT) from None
        except (OSError, UnicodeDecodeError) as error:
            raise ResourceError(f"{source} cannot be read: {error}", hint=_HINT) from error
        try:
            return cls._from_content(json.loads(text))
        except json.JSONDecodeError as error:
            raise ResourceError(f"{source} is not JSON: {error}", hint=_HINT) from error
        except _FieldError as error:
            raise ResourceError(f"{source}: {error}", hint=_HINT) from None

    @classmethod
    def _from_content(cls, content: Any) -> ConsensusModelParameters:
        if not isinstance(content, dict) or content.get("format") != _FORMAT:
            raise _FieldError(f"is not a parameter file (its field 'format' is not {_FORMAT!r})")
        if content.get("version") != _VERSION:
            raise _FieldError(f"has version {content.get('version')!r}; this plugin reads version {_VERSION}")
        return cls(
            acceptor=_read_motif(content, "acceptor", ACCEPTOR_SHAPE),
            donor=_read_motif(content, "donor", DONOR_SHAPE),
            calibration=_read_array(content, "calibration", (2, N_FEATURES)),
            provenance=_read_provenance(content),
        )

    def _numbers(self) -> dict[str, Any]:
        motifs = {
            name: {"floor": motif.floor, "log_odds": motif.log_odds.tolist()}
            for name, motif in (("acceptor", self.acceptor), ("donor", self.donor))
        }
        return {**motifs, "calibration": self.calibration.tolist()}


class _FieldError(ValueError):
    """A field of a parameter file that is missing or wrong."""


def _read_motif(content: dict[str, Any], name: str, shape: MotifShape) -> SiteMotif:
    fields = content.get(name)
    if not isinstance(fields, dict):
        raise _FieldError(f"field {name!r} is missing or no object")
    floor = fields.get("floor")
    if not isinstance(floor, int | float) or isinstance(floor, bool) or not math.isfinite(floor):
        raise _FieldError(f"field '{name}.floor' is missing or no number")
    log_odds = _read_array(fields, "log_odds", (shape.length, 5, 4), inside=f"{name}.")
    return SiteMotif(shape=shape, log_odds=log_odds, floor=float(floor))


def _read_array(
    fields: dict[str, Any], name: str, shape: tuple[int, ...], *, inside: str = ""
) -> npt.NDArray[np.float64]:
    if name not in fields:
        raise _FieldError(f"field '{inside}{name}' is missing")
    try:
        array = np.array(fields[name], dtype=np.float64)
    except (TypeError, ValueError):
        raise _FieldError(f"field '{inside}{name}' is no regular array of numbers") from None
    if array.shape != shape:
        raise _FieldError(f"field '{inside}{name}' has shape {array.shape}, not {shape}")
    if not np.isfinite(array).all():
        raise _FieldError(f"field '{inside}{name}' has numbers that are not finite")
    return array


def _read_provenance(content: dict[str, Any]) -> Provenance:
    fields = content.get("provenance")
    known = {field.name for field in attrs.fields(Provenance)}
    if not isinstance(fields, dict) or set(fields) != known:
        raise _FieldError(f"field 'provenance' is missing or its fields are not {', '.join(sorted(known))}")
    return Provenance(**fields)
