"""From what a user asks for to genes, with a status for each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from splicecore.errors import AnnotationError, ConfigError, GeneNotFoundError, InputError
from splicecore.genome.genes import Gene, GeneCatalog, MissingGene, parse_region

if TYPE_CHECKING:
    from splicecore.config import PassConfig
    from splicecore.genome.annotation import BoundAnnotation

__all__ = ["GeneEntry", "read_gene_names", "select_genes"]


@attrs.frozen
class GeneEntry:
    """One gene of a run, or one name that is no gene.

    Attributes
    ----------
    requested
        The name that it was asked for by; None if it was not named (a region, all genes).
    gene
        The gene, or None.
    status
        ``"pending"`` until it is scored; ``"not_in_annotation"`` or ``"no_sequence"`` (contig not in the reference).
    reason
        Why it cannot be scored, or None.
    """

    requested: str | None
    gene: Gene | None
    status: str = "pending"
    reason: str | None = None


def select_genes(annotation: BoundAnnotation, config: PassConfig) -> tuple[GeneEntry, ...]:
    """Resolve the genes that a configuration asks for, in the annotation's order, then the names without a gene.

    Raises
    ------
    ConfigError
        If it asks for none, or in two ways at once.
    GeneNotFoundError, InputError
        If nothing that was asked for can be scored.
    """
    names = (*config.genes, *(read_gene_names(config.genes_file) if config.genes_file is not None else ()))
    ways = [bool(config.genes or config.genes_file), config.region is not None, bool(config.chromosomes)]
    if sum([*ways, config.all_genes]) != 1:
        problem = "genes are chosen in more than one way" if any(ways) else "no genes chosen"
        hint = "give --genes and/or --genes-file, or --region, or --chromosomes, or --all-genes"
        raise ConfigError(problem, hint=hint)
    catalog = GeneCatalog(annotation)
    if names:
        return _named(catalog, names)
    if config.region is not None:
        genes = catalog.in_region(*parse_region(config.region))
        if not genes:
            raise GeneNotFoundError(f"no gene of {annotation.path} overlaps {config.region}")
        return tuple(GeneEntry(None, gene) for gene in genes)
    if config.chromosomes:
        return _of_chromosomes(catalog, config.chromosomes)
    genes = catalog.all()
    if not genes:
        raise AnnotationError(f"{annotation.path} has no gene on a contig of {annotation.reference_name}")
    return tuple(GeneEntry(None, gene) for gene in genes)


def _of_chromosomes(catalog: GeneCatalog, names: tuple[str, ...]) -> tuple[GeneEntry, ...]:
    genes: dict[int, Gene] = {}
    for name in names:
        found = catalog.in_region(name)
        if not found:
            raise GeneNotFoundError(f"{catalog.annotation.path} has no gene on {name}")
        genes.update((gene.index, gene) for gene in found)
    return tuple(GeneEntry(None, genes[index]) for index in sorted(genes))


def _named(catalog: GeneCatalog, names: tuple[str, ...]) -> tuple[GeneEntry, ...]:
    selection = catalog.select(names)
    unresolved = {missing.name for missing in selection.missing}
    entries = [
        GeneEntry(name, gene)
        for name in dict.fromkeys(names)
        if name not in unresolved
        for gene in catalog.select([name]).genes
    ]
    if not entries:
        first = selection.missing[0]
        others = (
            f"; {len(selection.missing) - 1} more names are not to be had either" if len(selection.missing) > 1 else ""
        )
        error = GeneNotFoundError if first.contig is None else InputError
        raise error(first.reason + others, hint=_hint(first))
    entries.sort(key=lambda entry: (entry.gene.index if entry.gene is not None else -1, entry.requested or ""))
    return (*entries, *(_missing_entry(missing) for missing in selection.missing))


def _missing_entry(missing: MissingGene) -> GeneEntry:
    status = "not_in_annotation" if missing.contig is None else "no_sequence"
    near = f"; near names: {', '.join(missing.suggestions)}" if missing.suggestions else ""
    return GeneEntry(missing.name, None, status, missing.reason + near)


def _hint(missing: MissingGene) -> str | None:
    if missing.suggestions:
        return f"did you mean {' or '.join(missing.suggestions)}?"
    return None if missing.contig is None else "give a reference that has this contig"


def read_gene_names(path: str) -> tuple[str, ...]:
    """Names of a file, one a line; what follows white space or ``#`` is ignored.

    Raises
    ------
    InputError
        If the file cannot be read or names no gene.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the gene list {path}: {getattr(error, 'strerror', None) or error}") from error
    names = tuple(fields[0] for line in text.splitlines() if (fields := line.partition("#")[0].split()))
    if not names:
        raise InputError(f"the gene list {path} names no gene")
    return names
