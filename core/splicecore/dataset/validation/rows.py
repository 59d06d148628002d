"""Checks of single rows: nulls, labels, scores, places, and what the manifest counted."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from splicecore.dataset.schema import CLASSES, PRED_TYPES
from splicecore.dataset.validation.check import DatasetCheck, Tally
from splicecore.dataset.validation.row_batch import FN, FP, TN, TP
from splicecore.genome.assemblies import ASSEMBLIES
from splicecore.genome.contigs import canonical_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from splicecore.dataset.validation.opened import OpenedDataset
    from splicecore.dataset.validation.row_batch import RowBatch

__all__ = ["BuildCheck", "ClassCheck", "LabelCheck", "NullCheck", "PlaceCheck"]

_REBUILD = "build the dataset anew"
_LEAST_SHARE = 0.001


class NullCheck:
    """Nulls where none may be, and floats that are not finite."""

    def __init__(self, opened: OpenedDataset) -> None:
        self._schema = opened.schema
        self._tally = Tally()

    def add(self, rows: RowBatch) -> None:
        """Look at some rows."""
        for field, column in zip(self._schema, rows.batch.columns, strict=True):
            values: Any = column
            if values.null_count and not field.nullable:
                missing = values.is_null().to_numpy(zero_copy_only=False)
                self._tally.note(f"{field.name} is null", missing, rows)
            if pa.types.is_floating(field.type):
                known = values.drop_null().to_numpy(zero_copy_only=False)
                if not np.isfinite(known).all():
                    present = ~values.is_null().to_numpy(zero_copy_only=False)
                    wrong = present & ~np.isfinite(rows.numbers(field.name))
                    self._tally.note(f"{field.name} is not finite", wrong, rows)

    def checks(self) -> Iterator[DatasetCheck]:
        """Say what was found."""
        yield self._tally.check("nulls", "no null and no NaN where a value must be", _REBUILD)


class LabelCheck:
    """Whether label, pred_type, site_type, n_transcripts and inclusion_prob of a row agree."""

    def __init__(self) -> None:
        self._tally = Tally()

    def add(self, rows: RowBatch) -> None:
        """Look at some rows."""
        label, kind, site, note = rows.label, rows.pred_type, rows.site_type, self._tally.note
        is_site, kept = (kind == TP) | (kind == FN), rows.inclusion_prob
        transcripts = rows.numbers("n_transcripts")
        note("label is none of 0, 1, 2", (label < 0) | (label > 2), rows)
        note("pred_type is none of TP, FP, FN, TN", (kind < 0) | (kind > TN), rows)
        note("label is 0 though pred_type is TP or FN", is_site & (label == 0), rows)
        note("label is a site though pred_type is FP or TN", ((kind == FP) | (kind == TN)) & (label > 0), rows)
        note("site_type is not that of the label", is_site & (label > 0) & (site != label), rows)
        note("site_type is missing though pred_type is FP", (kind == FP) & (site != 1) & (site != 2), rows)
        note("site_type is given though pred_type is TN", (kind == TN) & (site != 0), rows)
        note("n_transcripts is 0 at an annotated site", is_site & (transcripts < 1), rows)
        note("n_transcripts is above 0 where no site is", ~is_site & (transcripts > 0), rows)
        note("inclusion_prob is not above 0 and at most 1", ~((kept > 0) & (kept <= 1)), rows)
        note("inclusion_prob is not 1 though pred_type is not TN", (kind != TN) & (kept != 1), rows)

    def checks(self) -> Iterator[DatasetCheck]:
        """Say what was found."""
        agree = "label, pred_type, site_type, n_transcripts and inclusion_prob agree in every row"
        yield self._tally.check("labels", agree, _REBUILD)


class PlaceCheck:
    """Whether every row lies in its gene, in transcript orientation as in the genome."""

    def __init__(self) -> None:
        self._tally = Tally()

    def add(self, rows: RowBatch) -> None:
        """Look at some rows."""
        known = (rows.gene >= 0) & (rows.index.start[rows.gene] >= 0)
        start, end = rows.index.start[rows.gene], rows.index.end[rows.gene]
        inside = (rows.position >= start) & (rows.position < end)
        minus = np.array([key[2] == "-" for key in rows.index.keys], dtype=np.bool_)[rows.gene]
        expected = np.where(minus, end - 1 - rows.position, rows.position - start)
        self._tally.note("position is outside the gene", known & ~inside, rows)
        wrong = known & inside & (rows.rel_position != expected)
        self._tally.note("rel_position is not position seen from the gene's 5' end", wrong, rows)

    def checks(self) -> Iterator[DatasetCheck]:
        """Say what was found."""
        yield self._tally.check("places", "position and rel_position fit the genes of the manifest", _REBUILD)


class BuildCheck:
    """Whether all rows are of the contract's build, and lie on its chromosomes."""

    def __init__(self, opened: OpenedDataset) -> None:
        self._build = opened.dataset.contract.build
        self._tally = Tally()
        known = next((one for one in ASSEMBLIES if one.name == self._build), None)
        self._lengths = None if known is None else known.lengths

    def add(self, rows: RowBatch) -> None:
        """Look at some rows."""
        for build, wrong in _values(rows, "build"):
            if build != self._build:
                self._tally.note(f"build is {build}, that of the contract is {self._build}", wrong, rows)
        if self._lengths is None:
            return
        for contig, here in _values(rows, "contig"):
            length = self._lengths.get(canonical_name(str(contig)))
            if length is not None:
                beyond = here & (rows.position >= length)
                self._tally.note(f"position is beyond the end of {contig} of {self._build}", beyond, rows)

    def checks(self) -> Iterator[DatasetCheck]:
        """Say what was found."""
        yield self._tally.check("build", f"every row is of {self._build}", "never mix rows of different builds")


def _values(rows: RowBatch, name: str) -> Iterator[tuple[str | None, npt.NDArray[np.bool_]]]:
    """Distinct values of a column of text and where they are."""
    column: Any = rows.batch.column(name)
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    names = encoded.dictionary
    for code in np.unique(codes).tolist():
        yield (None if code < 0 else names[code].as_py()), codes == code


class ClassCheck:
    """Rows by class and kind: whether all classes are there, and as many as the manifest says."""

    def __init__(self, opened: OpenedDataset) -> None:
        self._manifest = opened.dataset.manifest
        self._labels: Counter[str] = Counter()
        self._kinds: Counter[str] = Counter()
        self._rows = 0

    def add(self, rows: RowBatch) -> None:
        """Count some rows."""
        self._rows += len(rows)
        for names, codes, counter in (
            (CLASSES, rows.label, self._labels),
            (PRED_TYPES, rows.pred_type, self._kinds),
        ):
            counts = np.bincount(codes[(codes >= 0) & (codes < len(names))], minlength=len(names))
            counter.update(dict(zip(names, counts.tolist(), strict=True)))

    def checks(self) -> Iterator[DatasetCheck]:
        """Say what was found."""
        yield self._counts()
        yield self._balance()

    def _counts(self) -> DatasetCheck:
        problems = []
        if self._rows != self._manifest.rows:
            problems.append(f"{self._rows:,} rows, not {self._manifest.rows:,}")
        for promised, found in ((self._manifest.classes, self._labels), (self._manifest.pred_types, self._kinds)):
            problems += [
                f"{found[name]:,} {name}, not {count:,}" for name, count in promised.items() if found[name] != count
            ]
        if problems:
            text = f"the manifest says otherwise: {'; '.join(problems)}"
            return DatasetCheck(name="counts", status="failed", details=text, remedy=_REBUILD)
        return DatasetCheck(name="counts", status="passed", details=f"{self._rows:,} rows, as in the manifest")

    def _balance(self) -> DatasetCheck:
        shares = {name: self._labels[name] / self._rows if self._rows else 0.0 for name in CLASSES}
        text = ", ".join(f"{name} {self._labels[name]:,} ({share:.2%})" for name, share in shares.items())
        data = {"classes": dict(self._labels), "pred_types": dict(self._kinds)}
        absent = [name for name in CLASSES if not self._labels[name]]
        rare = [name for name, share in shares.items() if 0 < share < _LEAST_SHARE]
        if absent:
            return DatasetCheck(
                name="classes",
                status="failed",
                details=f"there is no row of class {' and '.join(absent)}: {text}",
                remedy="choose genes that have splice sites, and keep true negatives",
                data=data,
            )
        return DatasetCheck(name="classes", status="warned" if rare else "passed", details=text, data=data)
