from __future__ import annotations

import sys
from types import ModuleType

import attrs
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from splicecore.errors import ConfigError, ContractError, PluginError, ResourceNotFoundError
from splicecore.features.matrix import to_matrix
from splicecore.features.pipeline import FeaturePipeline
from splicecore.plugins.specs import FeatureSetSpec


@given(
    seed=st.integers(0, 2**32),
    length=st.integers(1, 200),
    strand=st.sampled_from("+-"),
    chosen=st.data(),
    rows=st.integers(1, 70),
)
@settings(max_examples=50)
def test_a_position_does_not_depend_on_which_others_are_asked_for(
    make_block, make_record, open_sets, seed, length, strand, chosen, rows
):
    """Training asks for a sample of positions, inference for all of them or for the unsure ones, in tiles."""
    block = make_block(seed, length, strand=strand, halo=260, models=("primary", "other"))
    resources = {"gene_features": make_record(block.gene)}
    pipeline = open_sets("seed", models=("primary", "other"))
    dense = to_matrix(pipeline.compute(block, np.arange(length), resources))
    index = np.array(chosen.draw(st.lists(st.integers(0, length - 1), max_size=12)), dtype=np.int64)
    assert to_matrix(pipeline.compute(block, index, resources)).tobytes() == dense[index].tobytes()
    reverse = np.arange(length)[::-1]
    assert to_matrix(pipeline.compute(block, reverse, resources)).tobytes() == dense[reverse].tobytes()
    tiles = [to_matrix(batch) for batch in pipeline.batches(block, np.arange(length), resources, rows=rows)]
    assert all(len(tile) == rows for tile in tiles[:-1])
    assert np.concatenate(tiles).tobytes() == dense.tobytes()


def test_a_larger_halo_changes_nothing(make_block, open_sets):
    block = make_block(7, 150, halo=400)
    pipeline = open_sets("default")
    cut = attrs.evolve(block, halo=250, codes=block.codes[150:-150])
    assert pipeline.halo == 250
    assert pipeline.compute(cut, np.arange(150)).equals(pipeline.compute(block, np.arange(150)))


def test_no_positions_give_no_rows(make_block, make_record, open_sets):
    block = make_block(7, 150)
    pipeline = open_sets("seed")
    batch = pipeline.compute(block, np.arange(0), {"gene_features": make_record(block.gene)})
    assert (batch.num_rows, batch.schema) == (0, pipeline.schema)
    assert to_matrix(batch).shape == (0, 124)


def test_other_models_have_prefixed_columns_after_all_of_the_primary(make_block, open_sets):
    block = make_block(7, 50, models=("b", "a-80"))
    pipeline = open_sets("probability", "sequence", models=("a-80", "b"), sequence={"kmer_sizes": []})
    names = pipeline.schema.names
    alone = open_sets("probability").schema.names
    assert names == [
        *alone,
        "gc_content",
        "sequence_length",
        "sequence_complexity",
        *(f"b__{name}" for name in alone),
    ]
    batch = pipeline.compute(block, np.arange(50))
    np.testing.assert_array_equal(batch.column("donor_score").to_numpy(), block.scores["a-80"][:, 2])
    np.testing.assert_array_equal(batch.column("b__donor_score").to_numpy(), block.scores["b"][:, 2])
    owners = {field.name: (field.metadata[b"feature_set"], field.metadata[b"model"]) for field in batch.schema}
    assert owners["donor_score"] == (b"probability", b"a-80")
    assert owners["b__donor_score"] == (b"probability", b"b")
    assert owners["gc_content"] == (b"sequence", b"")


def test_every_column_says_what_it_is(open_sets):
    for field in open_sets("probability", "context", "sequence", "structural").schema:
        assert {b"description", b"unit", b"range", b"near_label", b"feature_set", b"model"} == set(field.metadata)


def test_near_label_is_said_column_by_column(open_sets):
    schema = open_sets("structural").schema
    far = [field.name for field in schema if field.metadata[b"near_label"] == b"false"]
    assert far == ["chrom", "strand_sign", "absolute_position"]


def test_the_index_is_checked(make_block, open_sets):
    block, pipeline = make_block(7, 50), open_sets("default")
    for index in (np.array([50]), np.array([-1]), np.array([0.0]), np.array([[1]]), np.array([1], np.int32)):
        with pytest.raises(ValueError, match="index is"):
            pipeline.compute(block, index)


def test_the_block_is_checked(make_block, open_sets):
    with pytest.raises(ValueError, match="halo of 249 bases; the features need 250"):
        open_sets("default").compute(make_block(7, 50, halo=249), np.arange(3))
    with pytest.raises(ValueError, match="no scores of base model other; it has primary"):
        open_sets("default", models=("primary", "other")).compute(make_block(7, 50), np.arange(3))


def test_a_missing_resource_is_named(make_block, open_sets):
    pipeline = open_sets("seed")
    assert pipeline.requires == ("gene_features",)
    with pytest.raises(ResourceNotFoundError, match="feature set structural needs gene_features"):
        pipeline.compute(make_block(7, 50), np.arange(3))


def test_models_are_different_and_at_least_one(open_sets):
    for models in ((), ("a", "a")):
        with pytest.raises(ConfigError, match="different base models"):
            open_sets("default", models=models)


SCHEMA = pa.schema([pa.field("one", pa.float32(), nullable=False), pa.field("two", pa.int8())])
ONE, TWO = pa.array([0.5, 1.0], pa.float32()), pa.array([1, None], pa.int8())


@pytest.fixture
def fake(monkeypatch, make_block):
    """Pipeline of one feature set that returns what it is told to, and what it was called with."""

    def opened(result, schema=SCHEMA, **settings):
        module = ModuleType("fake_features")
        calls = []

        class Fake:
            def compute(self, block, index, resources):
                calls.append((block, index, resources))
                if isinstance(result, Exception):
                    raise result
                return result

        module.make, module.schema = lambda config: Fake(), lambda config: schema
        monkeypatch.setitem(sys.modules, "fake_features", module)
        spec = FeatureSetSpec(name="fake", factory="fake_features:make", schema="fake_features:schema", **settings)
        pipeline = FeaturePipeline([spec], [None], ["primary", "other"])
        return pipeline, calls

    return opened


def compute(pipeline, make_block, resources=None):
    return pipeline.compute(make_block(1, 50, models=("other", "primary")), np.array([4, 7]), resources or {})


def test_a_set_gets_what_its_spec_names(fake, make_block):
    batch = pa.record_batch([ONE, TWO], names=["one", "two"])
    pipeline, calls = fake(batch, requires=("a",), halo=7, near_label=True)
    assert compute(pipeline, make_block, {"a": 1, "b": 2}).column("two").to_pylist() == [1, None]
    assert (pipeline.halo, pipeline.schema.field("one").metadata[b"near_label"]) == (7, b"true")
    ((block, index, resources),) = calls
    assert (list(block.scores), index.tolist(), resources) == (["primary", "other"], [4, 7], {"a": 1})


def test_a_set_for_each_model_sees_one_model_at_a_time(fake, make_block):
    pipeline, calls = fake(pa.record_batch([ONE, TWO], names=["one", "two"]), per_model=True)
    assert compute(pipeline, make_block).schema.names == ["one", "two", "other__one", "other__two"]
    assert [list(block.scores) for block, _, _ in calls] == [["primary"], ["other"]]


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (None, "returned NoneType, not a RecordBatch"),
        (pa.record_batch([ONE[:1], TWO[:1]], names=["one", "two"]), "returned 1 rows for 2 positions"),
        (pa.record_batch([ONE], names=["one"]), "returned 1 columns, not 2"),
        (pa.record_batch([ONE, TWO], names=["one", "too"]), "column 'too' where 'two' is declared"),
        (pa.record_batch([TWO, ONE], names=["two", "one"]), "column 'two' where 'one' is declared"),
        (pa.record_batch([ONE.cast("double"), TWO], names=["one", "two"]), "returned one as double, not float"),
        (pa.record_batch([pa.array([1, None], pa.float32()), TWO], names=["one", "two"]), "returned a null in one"),
        (pa.record_batch([pa.array([1, np.nan], pa.float32()), TWO], names=["one", "two"]), "one that is not finite"),
        (pa.record_batch([pa.array([1, np.inf], pa.float32()), TWO], names=["one", "two"]), "one that is not finite"),
    ],
)
def test_what_a_set_returns_is_checked(fake, make_block, result, message):
    pipeline, _ = fake(result)
    with pytest.raises(ContractError, match=f"feature set 'fake' .*{message}"):
        compute(pipeline, make_block)


def test_what_a_set_raises_names_the_set_and_the_gene(fake, make_block):
    pipeline, _ = fake(KeyError("x"))
    with pytest.raises(PluginError, match="feature set 'fake' failed on gene G1: KeyError: 'x'") as caught:
        compute(pipeline, make_block)
    assert isinstance(caught.value.__cause__, KeyError)
    pipeline, _ = fake(ResourceNotFoundError("its own"))
    with pytest.raises(ResourceNotFoundError, match="its own"):
        compute(pipeline, make_block)


@pytest.mark.parametrize("schema", [None, pa.schema([])])
def test_a_schema_is_one(fake, schema):
    with pytest.raises(ContractError, match="schema of feature set 'fake'"):
        fake(None, schema)


def test_two_sets_may_not_have_the_same_column(fake, host):
    fake(None, pa.schema([("gc_content", pa.float32())]))
    spec = FeatureSetSpec(name="fake", factory="fake_features:make", schema="fake_features:schema")
    with pytest.raises(ContractError, match="'sequence' and 'fake' both have a column 'gc_content'"):
        FeaturePipeline([host.feature_set("sequence"), spec], [host.feature_set("sequence").config_cls(), None], ["m"])


def test_matrix():
    columns = {
        "a": pa.array([1, None, -3], pa.int8()),
        "b": pa.array([0.5, 1.5, None], pa.float32()),
        "c": pa.array([2**24 + 1, 0, 7], pa.int64()),
    }
    matrix = to_matrix(pa.record_batch(columns))
    assert (matrix.dtype, matrix.flags.c_contiguous) == (np.float32, True)
    np.testing.assert_array_equal(matrix, np.array([[1, 0.5, 2**24], [np.nan, 1.5, 0], [-3, np.nan, 7]], np.float32))
    with pytest.raises(TypeError, match="column d is of type string"):
        to_matrix(pa.record_batch({"d": ["x"]}))
