"""The parts of a validation, against plain computations."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from splicecore.dataset.schema import FACTS, GENES
from splicecore.dataset.validation.check import Tally
from splicecore.dataset.validation.duplicates import DuplicateCheck
from splicecore.dataset.validation.leakage import check_leakage, separations
from splicecore.dataset.validation.opened import OpenedDataset
from splicecore.dataset.validation.permutation import auroc, check_permutation
from splicecore.dataset.validation.report import DatasetValidation
from splicecore.dataset.validation.row_batch import GeneIndex, RowBatch
from splicecore.dataset.validation.sampling import GeneRows, GeneSample, RowSample
from splicecore.dataset.validation.validate import validate_dataset
from splicecore.errors import ChecksumError, ConfigError, InputError, ResourceNotFoundError
from splicecore.evaluate.metrics import average_precision
from splicecore.features.contract import FeatureColumn


def brute_auroc(truth, values):
    pairs = [(a > b) + (a == b) / 2 for a in values[truth] for b in values[~truth]]
    return sum(pairs) / len(pairs)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=40))
def test_auroc_counts_pairs(pairs):
    truth = np.array([truth for truth, _ in pairs])
    values = np.array([float(value) for _, value in pairs])
    if truth.all() or not truth.any():
        assert np.isnan(auroc(truth, values))
    else:
        assert auroc(truth, values) == pytest.approx(brute_auroc(truth, values))


def gene_rows(features, label, pred_type=None, gene=None):
    rows = len(label)
    return GeneRows(
        features=np.asarray(features, dtype=np.float32).reshape(rows, -1),
        label=np.asarray(label),
        pred_type=np.full(rows, 3) if pred_type is None else np.asarray(pred_type),
        gene=np.zeros(rows, dtype=np.int64) if gene is None else np.asarray(gene),
    )


@settings(max_examples=40)
@given(st.integers(0, 10_000))
def test_separation_is_the_better_direction_of_both_measures(seed):
    rng = np.random.default_rng(seed)
    label = np.array([0] * 15 + [1] * 12 + [2] * 11)
    values = rng.integers(0, 8, len(label)).astype(np.float32)
    found = separations(["x"], gene_rows(values, label))
    assert set(found) == {"neither", "acceptor", "donor"}
    for code, target in enumerate(("neither", "acceptor", "donor")):
        truth = label == code
        area = brute_auroc(truth, values)
        signed = values if area >= 0.5 else -values
        one = found[target][0]
        assert one.auroc == pytest.approx(max(area, 1 - area))
        if area != 0.5:
            assert one.average_precision == pytest.approx(average_precision(truth, signed))
        assert one.prevalence == pytest.approx(truth.mean())


def test_missing_values_rank_below_all_others():
    label = np.repeat([0, 1], 20)
    values = np.where(label == 1, np.nan, -1e30)
    (one,) = separations(["x"], gene_rows(values, label))["acceptor"]
    assert one.auroc == 1


def columns(*names, model=""):
    return [FeatureColumn(name=name, dtype="float", feature_set="sequence", model=model) for name in names]


def test_log_odds_of_all_base_models_may_tell_what_their_scores_tell(random):
    label = np.tile([0, 0, 0, 1], 100)
    score = 1 / (1 + np.exp(4 - 9 * label - random.normal(0, 1, len(label))))
    rows = gene_rows(np.column_stack([score, np.log(score)]), label)
    base = FeatureColumn(name="acceptor_score", dtype="float", feature_set="probability", model="m")
    names = {"partners": "acceptor_mean_logodds", "sequence": "gc_content"}
    mean, other = (FeatureColumn(name=name, dtype="float", feature_set=kind) for kind, name in names.items())
    assert check_leakage([base, mean], rows).status == "passed"
    assert check_leakage([base, other], rows).status == "failed"
    weak = gene_rows(np.column_stack([score * 0, np.log(score)]), label)
    assert check_leakage([base, mean], weak).status == "failed"


def test_permutation_tells_what_can_be_learned(random):
    pytest.importorskip("sklearn")
    label = np.tile([0, 0, 1, 2], 300)
    features = np.column_stack([label + random.normal(0, 0.5, len(label)), random.normal(0, 1, len(label))])
    gene = np.arange(len(label)) // 40
    parts = [*columns("signal", model="m"), *columns("noise")]
    check = check_permutation(parts, gene_rows(features, label, gene=gene), seed=1)
    assert check.status == "passed"
    assert min(check.data["auroc"].values()) > 0.8
    assert max(check.data["auroc_exchanged"].values()) < check.data["bound"] < 0.75
    assert max(check.data["auroc_without_scores"].values()) < 0.65
    leaking = check_permutation(
        columns("signal", "noise"), gene_rows(np.column_stack([label, label]), label, gene=gene), 1
    )
    assert leaking.status == "failed"
    assert check_permutation(parts, gene_rows(features[:50], label[:50], gene=gene[:50]), seed=1).status == "skipped"


def test_permutation_is_skipped_without_scikit_learn(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr("splicecore.dataset.validation.permutation.importlib.import_module", missing)
    check = check_permutation(columns("x"), gene_rows(np.zeros(3), np.zeros(3, dtype=np.int64)), seed=1)
    assert check.status == "skipped"
    assert "scikit-learn" in check.details


def facts(keys):
    """Rows with these (contig, position, gene_id), all else alike."""
    rows = [
        {
            "build": "b", "contig": contig, "strand": "+", "position": position, "rel_position": 0, "gene_id": gene,
            "gene_name": gene, "label": 0, "pred_type": "TN", "n_transcripts": 0, "inclusion_prob": 1.0,
        }
        for contig, position, gene in keys
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=FACTS).combine_chunks().to_batches()[0] if rows else None


KEYS = st.lists(st.tuples(st.sampled_from(["chr1", "chr2"]), st.integers(0, 5), st.sampled_from("AB")), max_size=30)


@settings(max_examples=60)
@given(st.lists(KEYS, min_size=1, max_size=4), st.sampled_from([0, 3 << 20]))
def test_duplicates_are_counted_within_and_across_files(files, claimed):
    """``claimed`` rows decide into how many parts the keys are put."""
    manifest = SimpleNamespace(rows=claimed)
    check = DuplicateCheck(SimpleNamespace(dataset=SimpleNamespace(manifest=manifest)))
    index = GeneIndex(pa.Table.from_pylist([], schema=GENES))
    for number, keys in enumerate(files):
        if keys:
            check.add(RowBatch(batch=facts(keys), file=f"batch_{number}.parquet", first=0, index=index))
    repeats = sum(count - 1 for count in Counter(key for keys in files for key in keys).values())
    (found,) = check.checks()
    assert found.status == ("failed" if repeats else "passed")
    assert found.data.get("rows", 0) == repeats


def sampled(clean, rows, **options):
    opened = OpenedDataset.open(clean.folder)
    sample = RowSample(opened, rows, 3, **options)
    for path in opened.dataset.files:
        for batch in opened.batches(path):
            sample.add(batch)
    return sample.table()


def test_row_samples_are_seeded_and_of_the_size_asked_for(clean):
    one, again = (sampled(clean, 150, sites=False) for _ in range(2))
    assert one.equals(again)
    assert one.num_rows == 150
    assert set(one.column("label").to_pylist()) == {0}
    positions = list(zip(*(one.column(name).to_pylist() for name in ("contig", "gene_id", "position")), strict=True))
    assert len(set(positions)) == 150
    files = {gene for _, gene, _ in positions}
    assert len(files) > 10  # of the whole dataset, not of its beginning


def test_row_sample_takes_all_sites_where_more_are_asked_for(clean):
    table = sampled(clean, 100_000, sites=True)
    counts = OpenedDataset.open(clean.folder).dataset.manifest.classes
    assert table.num_rows == counts["acceptor"] + counts["donor"]


def test_gene_samples_take_whole_genes(clean):
    opened = OpenedDataset.open(clean.folder)
    sample = GeneSample(opened, 3_000, 1)
    for path in opened.dataset.files:
        for batch in opened.batches(path):
            sample.add(batch)
    rows = sample.rows()
    genes, counts = np.unique(rows.gene, return_counts=True)
    assert counts.tolist() == opened.index.rows[genes].tolist()
    assert 1 < len(rows) <= 3_000


def test_tally_names_the_first_row():
    rows = RowBatch(
        batch=facts([("chr1", 4, "A"), ("chr1", 9, "B")]),
        file="batch_00003.parquet",
        first=70,
        index=GeneIndex(pa.Table.from_pylist([], schema=GENES)),
    )
    tally = Tally()
    tally.note("wrong", np.array([False, True]), rows)
    tally.note("fine", np.array([False, False]), rows)
    check = tally.check("name", "all well", "mend it")
    assert check.details == "1 row: wrong (first: B, position 9 of chr1 (+), row 71 of batch_00003.parquet)"
    assert check.remedy == "mend it"


def test_exit_codes():
    def code(*statuses):
        checks = tuple(SimpleNamespace(status=status, name="x", details="") for status in statuses)
        return DatasetValidation(folder="", rows=0, files=0, checks=checks).exit_code

    assert [code("passed", "warned", "skipped"), code("failed", "passed"), code("failed", "damaged")] == [0, 3, 5]


def test_what_cannot_be_validated_at_all_is_an_error(clean, damaged, tmp_path):
    with pytest.raises(ResourceNotFoundError, match="holds no dataset"):
        clean.validate(tmp_path)
    (damaged.folder / "gene_manifest.parquet").write_bytes(b"nothing")
    with pytest.raises(ChecksumError, match="gene_manifest"):
        damaged.validate()
    (damaged.folder / "dataset.json").write_text("{")
    with pytest.raises(ChecksumError, match="damaged"):
        damaged.validate()
    with pytest.raises(InputError, match="no finished base-model pass"):
        clean.validate(scores=[tmp_path])
    with pytest.raises(ConfigError, match="sample"):
        validate_dataset(clean.folder, session=clean.session, sample=0)
