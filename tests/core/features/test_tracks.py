"""The feature set of tracks: columns, strands, the contract, and configuration."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import attrs
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from splicecore.config import structure
from splicecore.errors import ConfigError, InputError
from splicecore.features.columns import is_near_label
from splicecore.features.pipeline import FeaturePipeline
from splicecore.features.tracks import TrackFeatures, schema
from splicecore.genome.contigs import Contigs
from splicecore.genome.genes import Gene
from splicecore.plugins.specs import FeatureSetSpec
from splicecore.predict.blocks import Block
from splicecore.tracks.config import JUNCTION_COLUMNS, TrackConfig, TracksConfig

LENGTH = 400
CONTIGS = Contigs.from_mapping({"chr1": LENGTH})
STAR = "chr1\t101\t150\t1\t1\t1\t7\t2\t15\nchr1\t201\t250\t2\t2\t1\t3\t1\t8\n"


def block(strand="+", start=50, end=350):
    gene = Gene("G", "G", "chr1", strand, start, end, 0)
    codes = np.zeros(gene.length, dtype=np.uint8)
    return Block(gene=gene, build="b", flank="real", halo=0, codes=codes, scores={})


@pytest.fixture
def signal():
    values = np.random.default_rng(4).normal(size=LENGTH).astype(np.float32)
    values[120:160] = np.nan
    return values


@pytest.fixture
def bedgraph(tmp_path, signal):
    path = tmp_path / "signal.bedgraph"
    path.write_text("".join(f"chr1\t{p}\t{p + 1}\t{float(v)!r}\n" for p, v in enumerate(signal) if not np.isnan(v)))
    return path


@pytest.fixture
def star(tmp_path):
    path = tmp_path / "SJ.out.tab"
    path.write_text(STAR)
    return path


@pytest.fixture
def resources(tmp_path):
    return {"contigs": CONTIGS, "cache": tmp_path / "cache"}


def tracks(*configs):
    return TracksConfig(tracks=tuple(TrackConfig(**{**config, "path": str(config["path"])}) for config in configs))


def numpy_of(batch, name):
    return batch.column(name).to_numpy(zero_copy_only=False)


def test_columns_are_as_declared_with_their_flags(bedgraph, star, resources):
    config = tracks({"name": "phylop", "path": bedgraph, "windows": [0, 5]}, {"name": "rna", "path": star})
    declared = schema(config)
    signals = ["phylop", "phylop_mean_5", "phylop_max_5"]
    assert declared.names == [*signals, *(f"rna_{name}" for name in JUNCTION_COLUMNS)]
    assert [is_near_label(field, default=False) for field in declared] == [False] * 3 + [True] * len(JUNCTION_COLUMNS)
    assert all(field.nullable and field.metadata[b"description"] for field in declared)
    with TrackFeatures(config) as features:
        batch = features.compute(block(), np.array([3, 1, 2]), resources)
    assert batch.schema.equals(declared, check_metadata=True)
    assert batch.num_rows == 3


@pytest.mark.parametrize("strand", ["+", "-"])
def test_values_are_those_of_the_genomic_position_on_either_strand(bedgraph, signal, resources, strand):
    index = np.array([0, 299, 7, 100, -1, 300, -51, 350])
    position = 50 + index if strand == "+" else 349 - index
    with TrackFeatures(tracks({"name": "s", "path": bedgraph})) as features:
        batch = features.compute(block(strand), index, resources)
    wanted = [signal[p] if 0 <= p < LENGTH else np.nan for p in position]
    np.testing.assert_array_equal(numpy_of(batch, "s"), np.float32(wanted))
    assert batch.column("s").null_count == np.isnan(wanted).sum() > 0, "missing values are nulls"


def test_strands_are_mirrored(bedgraph, star, resources):
    config = tracks({"name": "s", "path": bedgraph, "windows": [0, 9]}, {"name": "j", "path": star, "strand": "both"})
    with TrackFeatures(config) as features:
        plus = features.compute(block("+"), np.arange(300), resources)
        minus = features.compute(block("-"), np.arange(300)[::-1], resources)
    for name in ("s", "s_mean_9", "s_max_9", "j_undefined_strand_reads"):
        assert plus.column(name).equals(minus.column(name))
    for name in ("reads", "partners", "share", "distance"):
        assert plus.column(f"j_donor_{name}").equals(minus.column(f"j_acceptor_{name}"))
        assert plus.column(f"j_acceptor_{name}").equals(minus.column(f"j_donor_{name}"))


def test_donors_and_acceptors_go_by_the_genes_strand(star, resources):
    with TrackFeatures(tracks({"name": "j", "path": star})) as features:
        plus = features.compute(block("+"), np.arange(300), resources)
        minus = features.compute(block("-"), np.arange(300), resources)
    reads = {
        (strand, role): {int(i): int(v) for i, v in enumerate(numpy_of(batch, f"j_{role}_reads")) if v}
        for strand, batch in (("+", plus), ("-", minus))
        for role in ("donor", "acceptor")
    }
    assert reads == {
        ("+", "donor"): {99 - 50: 7}, ("+", "acceptor"): {150 - 50: 7},
        ("-", "donor"): {349 - 250: 3}, ("-", "acceptor"): {349 - 199: 3},
    }  # fmt: skip


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(index=st.lists(st.integers(-60, 360), max_size=20), strand=st.sampled_from("+-"), start=st.integers(0, 100))
def test_a_row_depends_on_its_position_alone(bedgraph, star, resources, index, strand, start):
    config = tracks({"name": "s", "path": bedgraph, "windows": [0, 3, 40]}, {"name": "j", "path": star})
    chosen, gene = np.array(index, dtype=np.int64), block(strand, start, 350)
    with TrackFeatures(config) as features:
        some = features.compute(gene, chosen, resources)
        whole = features.compute(block(strand, 0, LENGTH), np.arange(-600, 1000), resources)
    rows = block(strand, 0, LENGTH).gene.to_relative(gene.gene.to_genomic(chosen)) + 600
    assert some.equals(whole.take(pa.array(rows)))


def test_a_file_for_each_strand(tmp_path, resources):
    paths = {}
    for name, value in (("plus", 1), ("minus", 2)):
        paths[name] = tmp_path / name
        paths[name].write_text(f"chr1\t0\t{LENGTH}\t{value}\n")
    gene = {"name": "g", "path": paths["plus"], "path_minus": str(paths["minus"]), "strand": "gene"}
    config = tracks(gene, {"name": "p", "path": paths["plus"], "strand": "+"})
    with TrackFeatures(config) as features:
        plus, minus = (features.compute(block(strand), np.array([5]), resources) for strand in "+-")
    assert plus.to_pylist() == [{"g": 1, "p": 1}]
    assert minus.to_pylist() == [{"g": 2, "p": None}]
    with TrackFeatures(config) as features:
        assert [file["name"] for file in features.contract_settings()["tracks"][0]["files"]] == ["plus", "minus"]


def test_bigwig_and_bedgraph_of_one_signal_give_the_same(tmp_path, bedgraph, signal, resources):
    pybigtools = pytest.importorskip("pybigtools", reason="needs the extra splicecore[bigwig]")
    path = tmp_path / "signal.bw"
    rows = (("chr1", p, p + 1, float(v)) for p, v in enumerate(signal) if not np.isnan(v))
    pybigtools.open(str(path), "w").write({"chr1": LENGTH}, rows)
    config = tracks({"name": "a", "path": path, "windows": [0, 7]}, {"name": "b", "path": bedgraph, "windows": [0, 7]})
    with TrackFeatures(config) as features:
        batch = features.compute(block(), np.arange(300), resources)
    for name in ("", "_mean_7", "_max_7"):
        assert batch.column(f"a{name}").equals(batch.column(f"b{name}"))


def test_the_contract_knows_the_files_by_content_not_by_place(bedgraph, star, tmp_path):
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    copies = [moved / path.name for path in (bedgraph, star)]
    for path, copy in zip((bedgraph, star), copies, strict=True):
        copy.write_bytes(path.read_bytes())
    contracts = [
        TrackFeatures(tracks({"name": "s", "path": one}, {"name": "j", "path": two})).contract_settings(
            tmp_path / "cache"
        )["tracks"]
        for one, two in ((bedgraph, star), copies)
    ]
    assert contracts[0] == contracts[1]
    assert str(tmp_path) not in json.dumps(contracts)
    assert [entry["kind"] for entry in contracts[0]] == ["bedgraph", "junctions"]
    copies[0].unlink()
    with pytest.raises(InputError, match="does not exist"):
        TrackFeatures(tracks({"name": "s", "path": copies[0], "kind": "bedgraph"})).contract_settings()
    copies[0].write_bytes(bedgraph.read_bytes())
    copies[1].write_text(STAR + STAR)
    other = TrackFeatures(
        tracks({"name": "s", "path": copies[0]}, {"name": "j", "path": copies[1]})
    ).contract_settings()["tracks"]
    assert other[0] == contracts[0][0]
    assert other[1]["files"][0]["sha256"] != contracts[0][1]["files"][0]["sha256"]


def test_the_pipeline_takes_them_among_other_sets(bedgraph, star, resources):
    spec = FeatureSetSpec(
        name="tracks",
        factory="splicecore.features.tracks:TrackFeatures",
        schema="splicecore.features.tracks:schema",
        requires=("contigs", "cache"),
        config_cls=TracksConfig,
    )
    config = tracks({"name": "s", "path": bedgraph}, {"name": "j", "path": star, "columns": ["donor_share"]})
    scored = attrs.evolve(block(), scores={"m": np.zeros((300, 3), np.float32)})
    pipeline = FeaturePipeline([spec], [config], ["m"])
    (batch,) = pipeline.batches(scored, np.arange(300), resources)
    with TrackFeatures(config) as features:
        assert batch.equals(features.compute(block(), np.arange(300), resources))
    contract = pipeline.contract(fingerprints={"m": "f"}, flank="real", build="b")
    assert contract.near_label == ("j_donor_share",)


def test_settings_are_read_from_a_mapping(star):
    values = {"tracks": [{"name": "rna", "path": str(star), "columns": ["acceptor_reads", "donor_reads"]}]}
    config = structure(values, TracksConfig, where="features.tracks")
    assert schema(config).names == ["rna_donor_reads", "rna_acceptor_reads"]
    with pytest.raises(ConfigError, match="colour"):
        structure({"tracks": [{"name": "a", "path": "x", "colour": "red"}]}, TracksConfig, where="features.tracks")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "a__b"}, "cannot begin the name of a column"),
        ({"name": "1a"}, "cannot begin the name of a column"),
        ({"windows": [-1]}, "window -1 is not from 0"),
        ({"windows": [5, 5]}, "have one twice"),
        ({"windows": []}, "are empty"),
        ({"columns": ["donor_read"]}, "no column 'donor_read'"),
        ({"min_reads": 0}, "min_reads is 0"),
        ({"reach": -1}, "reach -1 is not"),
        ({"path_minus": "x"}, "path_minus is given"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        TrackConfig(**{"name": "a", "path": "x", **options})


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("bedgraph", {"strand": "gene"}, "takes a file for each strand"),
        ("bedgraph", {"columns": ["donor_reads"]}, "columns are for junctions"),
        ("junctions", {"windows": [0]}, "are for signals"),
        ("junctions", {"strand": "+"}, "are for signals"),
    ],
)
def test_options_of_another_kind_are_refused(kind, options, message):
    with pytest.raises(ConfigError, match=message):
        schema(tracks({"name": "a", "path": "x", "kind": kind, **options}))


def test_names_occur_once():
    with pytest.raises(ConfigError, match="two tracks are named 'a'"):
        tracks({"name": "a", "path": "x"}, {"name": "a", "path": "y"})
    one, two = {"name": "a", "path": "x", "kind": "bedgraph", "windows": [3]}, {"name": "a_mean_3", "path": "y"}
    with pytest.raises(ConfigError, match="two tracks give a column 'a_mean_3'"):
        schema(tracks(one, {**two, "kind": "bedgraph"}))
    with pytest.raises(ConfigError, match="has no track"):
        schema(TracksConfig())


def test_a_file_of_another_genome_is_an_error(bedgraph, resources):
    resources["contigs"] = Contigs.from_mapping({"Chr_A": 1000})
    with (
        TrackFeatures(tracks({"name": "s", "path": bedgraph})) as features,
        pytest.raises(InputError, match="no contig"),
    ):
        features.compute(block(), np.array([1]), resources)


def blocks_of(language):
    text = (Path(__file__).resolve().parents[3] / "docs" / "howto" / "tracks.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def test_the_documentations_examples_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    examples = blocks_of("python")
    assert len(examples) == 2
    for example in examples:
        exec(compile(example, "tracks.md", "exec"), {})
    (settings_,) = blocks_of("toml")
    config = structure(tomllib.loads(settings_)["features"]["tracks"], TracksConfig, where="tracks.md")
    assert [track.name for track in config.tracks] == ["phylop", "coverage", "liver"]


def test_the_documentation_has_every_column_of_junctions_and_key(star):
    text = (Path(__file__).resolve().parents[3] / "docs" / "howto" / "tracks.md").read_text(encoding="utf-8")
    declared = schema(tracks({"name": "x", "path": star}))
    for field in declared:
        kind = {"float": "float32"}.get(str(field.type), str(field.type))
        assert f"| `<name>_{field.name.removeprefix('x_')}` | {kind} |" in text
    for attribute in attrs.fields(TrackConfig):
        assert f"| `{attribute.name}` |" in text
