"""Whether features computed anew, by the code that serves a model, are those of the dataset: on a sample of rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from splicecore.dataset.validation.check import DatasetCheck
from splicecore.dataset.validation.opened import OpenedDataset
from splicecore.dataset.validation.score_folders import ScoreFolders
from splicecore.errors import SplicecoreError
from splicecore.features.configs import FeatureConfig
from splicecore.features.pipeline import FeaturePipeline
from splicecore.genome.genes import Gene
from splicecore.plugins.host import PluginHost
from splicecore.predict.blocks import Block, GeneSequence
from splicecore.resources.resource_set import ResourceSet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from splicecore.plugins.protocols import Scores

__all__ = ["FeatureParity", "check_derived"]

_WITHOUT_SCORES = ("sequence", "structural", "tracks")
_RELATIVE, _ABSOLUTE = 1e-5, 1e-6
_SHOWN = 6
_LEAST_SITES = 20
_LEAST_MOTIFS, _USUAL_MOTIFS = 0.5, 0.9
_REMEDY = "build the dataset anew with this version; a model trained on it would see other values when it is used"

_A, _C, _G, _T = range(4)
_DONORS = ((_G, _T), (_G, _C), (_A, _T))
_ACCEPTORS = ((_A, _G), (_A, _C))


@attrs.define
class _Comparison:
    """Values of columns as stored against values computed anew."""

    rows: int = 0
    cells: int = 0
    equal: int = 0
    other: dict[str, int] = attrs.field(factory=dict)
    example: dict[str, str] = attrs.field(factory=dict)

    def add(self, stored: pa.Table, computed: pa.RecordBatch) -> None:
        """Compare the columns that both have."""
        self.rows += stored.num_rows
        for name in computed.schema.names:
            if name not in stored.schema.names:
                continue
            a, b = _floats(stored.column(name)), _floats(computed.column(name))
            exact = (a == b) | (np.isnan(a) & np.isnan(b))
            with np.errstate(invalid="ignore"):
                close = exact | (np.abs(a - b) <= _ABSOLUTE + _RELATIVE * np.abs(b))
            self.cells += len(a)
            self.equal += int(np.count_nonzero(exact))
            if not close.all():
                row = int(np.argmin(close))
                self.other[name] = self.other.get(name, 0) + int(np.count_nonzero(~close))
                self.example.setdefault(name, f"{name} is {a[row]:g}, not {b[row]:g}")

    def check(self, name: str, what: str) -> DatasetCheck:
        """Make the check of it."""
        data = {"rows": self.rows, "columns": dict(sorted(self.other.items(), key=lambda one: (-one[1], one[0])))}
        if self.other:
            worst = list(data["columns"].items())[:_SHOWN]  # type: ignore[attr-defined]
            more = f", ... ({len(self.other)} columns)" if len(self.other) > _SHOWN else ""
            texts = ", ".join(f"{column} in {count:,}" for column, count in worst)
            text = f"of {self.rows:,} rows computed anew differ: {texts}{more}; {self.example[worst[0][0]]}"
            return DatasetCheck(name=name, status="failed", details=text, remedy=_REMEDY, data=data)
        share = self.equal / self.cells if self.cells else 1.0
        same = "bit for bit" if self.equal == self.cells else f"to {_RELATIVE:g} ({share:.2%} bit for bit)"
        return DatasetCheck(
            name=name,
            status="passed",
            details=f"{what} of {self.rows:,} rows, computed anew, are equal {same}",
            data=data,
        )


def _floats(column: Any) -> npt.NDArray[np.float64]:
    values = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return np.asarray(values.cast(pa.float64(), safe=False).fill_null(float("nan")).to_numpy(zero_copy_only=False))


def check_derived(opened: OpenedDataset, sample: pa.Table, host: PluginHost) -> DatasetCheck:
    """Compute the set ``probability`` anew from the rows' own three scores; needs neither genome nor score files."""
    name, contract = "derived features", opened.dataset.contract
    if not any(used.name == "probability" for used in contract.sets) or not sample.num_rows:
        return DatasetCheck(name=name, status="skipped", details="the set probability is not part of the dataset")
    models = [model.name for model in contract.models]
    scores = {}
    for number, model in enumerate(models):
        prefix = f"{model}__" if number else ""
        columns = [_floats(sample.column(f"{prefix}{kind}_score")) for kind in ("neither", "acceptor", "donor")]
        scores[model] = np.column_stack(columns).astype(np.float32)
    pipeline = FeaturePipeline.open(FeatureConfig(sets=("probability",)), host, models)
    gene = Gene("", "", "", "+", 0, sample.num_rows, 0)
    codes = np.zeros(sample.num_rows, dtype=np.uint8)
    block = Block(gene=gene, build=contract.build, flank=contract.flank, halo=0, codes=codes, scores=scores)
    comparison = _Comparison()
    comparison.add(sample, pipeline.compute(block, np.arange(sample.num_rows, dtype=np.int64)))
    return comparison.check(name, "comparisons of the scores")


@attrs.frozen(kw_only=True, eq=False)
class FeatureParity:
    """Computes the features of sampled rows from the genome, and from score files where there are some.

    Attributes
    ----------
    opened, sample
        The dataset and some rows of it.
    resources, cache
        Genome and annotation, and the folder of what can be computed again.
    host
        Has the feature sets.
    scores
        Score files by base model and gene; None for none.
    """

    opened: OpenedDataset
    sample: pa.Table
    resources: ResourceSet
    cache: Path
    host: PluginHost
    scores: ScoreFolders | None = None

    def checks(self) -> Iterator[DatasetCheck]:
        """Compare: the sets that need no scores, motifs of sites, then all sets where scores are at hand."""
        contract = self.opened.dataset.contract
        free = tuple(used.name for used in contract.sets if used.name in _WITHOUT_SCORES)
        models = [model.name for model in contract.models]
        motifs = _Motifs()
        yield self._compare("sequence features", free, "features of sequence and gene", _no_scores(models), motifs)
        yield motifs.check()
        if self.scores is None:
            text = "no folder with the base models' scores is given (--scores)"
            yield DatasetCheck(name="score features", status="skipped", details=text)
        elif problem := self.scores.problem(contract):
            yield DatasetCheck(name="score features", status="failed", details=problem, remedy="give the right folders")
        else:
            every = tuple(used.name for used in contract.sets)
            yield self._compare("score features", every, "all features", self.scores.read, None)

    def _compare(
        self,
        name: str,
        sets: tuple[str, ...],
        what: str,
        scores: Callable[[Gene], Mapping[str, Scores] | None],
        motifs: _Motifs | None,
    ) -> DatasetCheck:
        if not sets:
            return DatasetCheck(name=name, status="skipped", details="there are no such feature sets")
        try:
            pipeline = self._pipeline(sets)
            comparison = _Comparison()
            absent = self._run(pipeline, scores, comparison, motifs)
        except SplicecoreError as error:
            text = f"features cannot be computed anew: {error}"
            return DatasetCheck(name=name, status="skipped", details=text)
        if not comparison.rows:
            return DatasetCheck(name=name, status="skipped", details="no row of the sample has what that takes")
        check = comparison.check(name, what)
        return attrs.evolve(check, details=f"{check.details} ({absent:,} rows have none)") if absent else check

    def _pipeline(self, sets: tuple[str, ...]) -> FeaturePipeline:
        contract, config = self.opened.dataset.contract, self.opened.dataset.manifest.config
        typed = config.get("feature_settings", {})
        settings = {
            used.name: typed.get(used.name, {}) if used.name == "tracks" else used.settings
            for used in contract.sets
            if used.name in sets
        }
        kept = {name: values for name, values in settings.items() if values}
        config_of = FeatureConfig(sets=sets, settings=kept)
        return FeaturePipeline.open(config_of, self.host, [model.name for model in contract.models])

    def _run(
        self,
        pipeline: FeaturePipeline,
        scores: Callable[[Gene], Mapping[str, Scores] | None],
        comparison: _Comparison,
        motifs: _Motifs | None,
    ) -> int:
        """Compare gene by gene; returns the number of rows that there are no scores for."""
        from splicecore.features.gene_record import GeneRecords

        contract = self.opened.dataset.contract
        halo = max(2, pipeline.halo)
        given: dict[str, Any] = {"contigs": self.resources.contigs, "cache": str(self.cache)}
        records = GeneRecords(self.resources.table("gene_features"))
        absent = 0
        with self.resources.reference(self.cache) as reference:
            for gene, rows in _by_gene(self.sample, self.opened):
                found = scores(gene)
                if found is None:
                    absent += rows.num_rows
                    continue
                sequence = GeneSequence(reference=reference, gene=gene, flank=contract.flank)
                codes = sequence.codes(-halo, gene.length + halo)
                block = Block(
                    gene=gene, build=contract.build, flank=contract.flank, halo=halo, codes=codes, scores=dict(found)
                )
                index = _floats(rows.column("rel_position")).astype(np.int64)
                if "gene_features" in pipeline.requires:
                    given["gene_features"] = records.record(gene)
                comparison.add(rows, pipeline.compute(block, index, given))
                if motifs is not None:
                    motifs.add(codes, index + halo, _floats(rows.column("label")))
        return absent


def _no_scores(models: list[str]) -> Callable[[Gene], Mapping[str, Scores]]:
    """Scores of nothing, for sets that do not look at them."""

    def zeros(gene: Gene) -> dict[str, Scores]:
        return dict.fromkeys(models, np.broadcast_to(np.zeros((1, 3), dtype=np.float32), (gene.length, 3)))

    return zeros


def _by_gene(sample: pa.Table, opened: OpenedDataset) -> Iterator[tuple[Gene, pa.Table]]:
    """Genes of the manifest and their rows in the sample that lie in them."""
    from splicecore.dataset.validation.row_batch import RowBatch

    if not sample.num_rows:
        return
    batch = sample.combine_chunks().to_batches()[0]
    rows = RowBatch(batch=batch, file="", first=0, index=opened.index)
    index = opened.index
    for row in np.unique(rows.gene[rows.gene >= 0]).tolist():
        gene_id, contig, strand = index.keys[row]
        gene = Gene(gene_id, gene_id, contig, strand, int(index.start[row]), int(index.end[row]), row)
        inside = (rows.gene == row) & (rows.rel_position >= 0) & (rows.rel_position < gene.length)
        chosen = np.flatnonzero(inside)
        if len(chosen):
            yield gene, pa.Table.from_batches([batch.take(chosen)])


@attrs.define
class _Motifs:
    """How many sampled sites have a motif of splicing beside them."""

    known: int = 0
    usual: int = 0

    def add(self, codes: npt.NDArray[np.uint8], places: npt.NDArray[np.int64], label: npt.NDArray[np.float64]) -> None:
        """Look at the bases beside the sites among some positions, given as indices into ``codes``."""
        for code, offsets, motifs in ((2, (1, 2), _DONORS), (1, (-2, -1), _ACCEPTORS)):
            sites = places[label == code]
            first, second = codes[sites + offsets[0]], codes[sites + offsets[1]]
            bases = (first <= _T) & (second <= _T)
            fitting = np.zeros(len(sites), dtype=np.bool_)
            for one, two in motifs:
                fitting |= (first == one) & (second == two)
            self.known += int(np.count_nonzero(bases))
            self.usual += int(np.count_nonzero(fitting & bases))

    def check(self) -> DatasetCheck:
        """Say what was found."""
        if self.known < _LEAST_SITES:
            text = f"{self.known} sites in the sample; {_LEAST_SITES} are needed"
            return DatasetCheck(name="motifs", status="skipped", details=text)
        share = self.usual / self.known
        text = (
            f"{share:.1%} of {self.known:,} sampled sites have GT, GC or AT (donors), AG or AC (acceptors) beside them"
        )
        data = {"sites": self.known, "share": round(share, 4)}
        if share < _LEAST_MOTIFS:
            remedy = "positions and genome do not fit: check build, offsets and strand"
            return DatasetCheck(name="motifs", status="failed", details=text, remedy=remedy, data=data)
        return DatasetCheck(
            name="motifs", status="passed" if share >= _USUAL_MOTIFS else "warned", details=text, data=data
        )
