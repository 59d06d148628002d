"""What a check of a feature set is given: how to make it, and blocks with everything that real genes have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import attrs
import numpy as np

from splicecore.config import structure
from splicecore.features.gene_record import GeneRecord
from splicecore.genome.encoding import N
from splicecore.genome.genes import Gene
from splicecore.plugins.specs import OUTPUTS, FeatureSetSpec, load_object
from splicecore.predict.blocks import Block
from splicecore.testing.conformance.case import skip

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

    from splicecore.plugins.protocols import FeatureSet

__all__ = ["FeatureSetCase", "as_text", "toy_resources"]

_START = 1_000
_SHARE_OF_N = 0.05


def toy_resources(block: Block) -> dict[str, Any]:
    """Make the resources that can be made up: ``gene_features``, the record of the block's gene."""
    gene = block.gene
    exons = max(1, gene.length // 10)
    record = GeneRecord(
        gene_id=gene.gene_id,
        gene_name=gene.gene_name,
        gene_biotype="protein_coding",
        contig=gene.contig,
        strand=gene.strand,
        start=gene.start,
        end=gene.end,
        gene_length=gene.length,
        num_transcripts=2,
        num_exons=3,
        avg_exon_length=exons / 3,
        median_exon_length=exons / 3,
        total_exon_length=exons,
        total_intron_length=gene.length - exons,
        n_splice_sites=4,
        num_overlaps=1,
    )
    return {"gene_features": record}


@attrs.frozen(kw_only=True)
class FeatureSetCase:
    """A feature set under test.

    Attributes
    ----------
    spec
        The descriptor that the plugin's hook yields.
    config
        Its settings as JSON-able keys and values.
    resources
        What the spec's ``requires`` names; or a function that returns it for a block, of a module that a new process
        can import.
    models
        Names of the base models of the blocks, the primary one first.
    uses_coordinates
        Whether features depend on where in the genome the gene lies, as those of tracks do.
    """

    spec: FeatureSetSpec
    config: dict[str, Any] = attrs.field(factory=dict)
    resources: Callable[[Block], Mapping[str, Any]] | Mapping[str, Any] = toy_resources
    models: tuple[str, ...] = ("first", "second")
    uses_coordinates: bool = False

    @property
    def settings(self) -> Any:
        """The structured config; None for a set without settings."""
        if self.spec.config_cls is None:
            return None
        return structure(self.config, self.spec.config_cls, where=self.spec.name)

    def make(self) -> FeatureSet:
        """Make the set as the core does."""
        made: FeatureSet = load_object(self.spec.factory)(self.settings)
        return made

    def schema(self) -> Any:
        """Ask for the set's schema."""
        return load_object(self.spec.schema)(self.settings)

    def halo(self, features: FeatureSet) -> int:
        """Bases beyond the gene that blocks must carry."""
        return int(getattr(features, "halo", self.spec.halo))

    def features(
        self, block: Block, index: npt.NDArray[np.int64] | None = None, features: FeatureSet | None = None
    ) -> list[pa.RecordBatch]:
        """Compute the features of positions, once for each model where the set is computed for each.

        Parameters
        ----------
        block
            One gene with scores of all models.
        index
            int64, shape (k,): offsets; None for all.
        features
            A set that was made before; None for a new one.
        """
        given = dict(self.resources(block) if callable(self.resources) else self.resources)
        missing = [name for name in self.spec.requires if name not in given]
        if missing:
            skip(f"the set needs {', '.join(missing)}: override the fixture resources")
        needed = {name: given[name] for name in self.spec.requires}
        made = self.make() if features is None else features
        chosen = np.arange(block.length, dtype=np.int64) if index is None else index
        views = [block]
        if self.spec.per_model:
            views = [attrs.evolve(block, scores={model: scores}) for model, scores in block.scores.items()]
        return [made.compute(view, chosen, needed) for view in views]

    def block(
        self,
        length: int = 200,
        seed: int = 1,
        *,
        strand: Literal["+", "-"] = "+",
        more_halo: int = 0,
        models: tuple[str, ...] | None = None,
        extras: tuple[str, ...] = (),
        unknown: bool = False,
    ) -> Block:
        """Make a block: random bases with some N, scores with peaks and exact zeros and ones.

        The same length and seed give the same gene, whatever the halo.

        Parameters
        ----------
        length, seed, strand
            Of the gene.
        more_halo
            Bases of halo beyond what the set needs.
        models
            Names of base models, if others than the case's.
        extras
            Names of outputs after the first three.
        unknown
            Whether all bases are N.
        """
        halo = self.halo(self.make()) + more_halo
        inside, left, right, values = (np.random.Generator(np.random.PCG64([seed, part])) for part in range(4))
        codes = np.concatenate([_bases(left, halo)[::-1], _bases(inside, length), _bases(right, halo)])
        if unknown:
            codes[:] = N
        names = self.models if models is None else models
        outputs = (*OUTPUTS, *extras)
        return Block(
            gene=Gene("toy", "toy", "chr1", strand, _START, _START + length, 0),
            build="toy",
            flank="real",
            halo=halo,
            codes=codes,
            scores={name: _scores(values, length, len(extras)) for name in names},
            outputs=dict.fromkeys(names, outputs),
        )


def as_text(batch: pa.RecordBatch) -> dict[str, str]:
    """Values of each column as text that tells every bit: for comparisons in which NaN equals NaN."""
    return {name: repr(column.to_pylist()) for name, column in zip(batch.schema.names, batch.columns, strict=True)}


def _bases(generator: np.random.Generator, count: int) -> npt.NDArray[np.uint8]:
    """Bases that do not depend on how many are drawn after them."""
    drawn = generator.random((count, 2))
    codes = (drawn[:, 0] * 4).astype(np.uint8)
    codes[drawn[:, 1] < _SHARE_OF_N] = N
    return codes


def _scores(generator: np.random.Generator, length: int, extras: int) -> npt.NDArray[np.float32]:
    scores = generator.dirichlet([3, 0.05, 0.05], length)
    scores[generator.random(length) < 0.1] = [1, 0, 0]
    scores[generator.random(length) < 0.02] = [0, 1, 0]
    more = generator.random((length, extras)) / 2
    return np.concatenate([scores, more], axis=1).astype(np.float32)
